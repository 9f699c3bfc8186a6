"""Starting a program, and saying in one line why it cannot be started."""

import errno
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

NOT_FOUND = 127  # exit codes of a shell for a program that is not there or cannot be run
NOT_RUNNABLE = 126
Start = Callable[..., int]  # a function such as `start`
# A program starts with these as the system has them; Python ignores SIGPIPE and SIGXFSZ, a shell
# that starts an agent in the background SIGINT, and nohup SIGHUP.
_DEFAULTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ)


class StartError(Exception):
    """A program could not be started: one line that says why, and the exit code a shell gives."""

    def __init__(self, reason: str, exit_code: int) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


def start(argv: list[str], *, cwd: str, env: Mapping[str, str], stdout: int, stderr: int) -> int:
    """Start a program in a session of its own and return its pid; raise StartError if it cannot be.

    Its output goes to the two descriptors, its stdin is empty. posix_spawn, because a fork would
    copy this process for nothing: it costs as much as all the rest of a short run.
    """
    try:
        os.chdir(cwd)
    except OSError as error:
        text = f"the folder {cwd} cannot be entered: {error.strerror}"
        raise StartError(f"{argv[0]} was not started: {text}", NOT_RUNNABLE) from error
    try:
        return os.posix_spawnp(
            _searched(argv[0], env),
            argv,
            env,
            file_actions=(
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, stdout, 1),
                (os.POSIX_SPAWN_DUP2, stderr, 2),
            ),
            setsid=True,
            setsigmask=(),
            setsigdef=_DEFAULTS,
        )
    except OSError as error:
        raise _explained(error.errno or 0, argv[0], cwd, env) from error
    except ValueError as error:  # a zero byte, or half a surrogate pair
        raise _explained(errno.EINVAL, argv[0], cwd, env) from error
    finally:
        os.chdir("/")


def _searched(name: str, env: Mapping[str, str]) -> str:
    """Return what to start: the system searches our own PATH, and a program may have another."""
    if "/" in name or env.get("PATH") == os.environ.get("PATH"):
        return name
    import shutil  # noqa: PLC0415  rarely needed

    found = shutil.which(name, path=env.get("PATH", os.defpath))
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return found


def _explained(number: int, name: str, cwd: str, env: Mapping[str, str]) -> StartError:
    found = _find(name, cwd, env)
    if number == errno.ENOENT and found is None:
        where = f"in {cwd}" if "/" in name else "on the PATH"
        return StartError(f"{name} was not started: there is no such program {where}", NOT_FOUND)
    reasons = {
        errno.ENOENT: f"its interpreter is missing, see its first line: {_first_line(found)}",
        errno.EACCES: f"permission denied; try: chmod +x {found or name}",
        errno.ENOEXEC: "it is no program; give it a first line such as #!/usr/bin/env python3, "
        "or name its interpreter in front",
        errno.E2BIG: "its arguments and environment are too long for the system",
        errno.EINVAL: "an argument or environment value holds a character no program can be given",
    }
    text = reasons.get(number, os.strerror(number))
    return StartError(f"{name} was not started: {text}", NOT_RUNNABLE)


def _find(name: str, cwd: str, env: Mapping[str, str]) -> str | None:
    """Return the file that would be executed, whether or not it may be."""
    if "/" in name:
        path = Path(cwd, name)
        return str(path) if path.exists() else None
    import shutil  # noqa: PLC0415  rarely needed

    return shutil.which(name, mode=os.F_OK, path=env.get("PATH", os.defpath))


def _first_line(path: str | None) -> str:
    try:
        with Path(path or "").open("rb") as file:
            return file.readline(200).decode(errors="replace").strip()
    except OSError as error:
        return f"unreadable, {error.strerror}"
