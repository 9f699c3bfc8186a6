"""Ask git about the working copy a run starts from: little, read-only, and never for long."""

import contextlib
import os
import re
import select
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from homerun.core import HomerunError, redact_text, redact_url
from homerun.track.forking import no_fork

_OPTIONS = (
    "--no-pager",
    *("-c", "core.fsmonitor=false"),  # would leave a daemon behind
    *("-c", "core.quotePath=false"),
    *("-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false"),  # a patch that applies
)
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",  # never in the way of the user's own git
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
_SUBMODULES = "--ignore-submodules=dirty"  # asks no other repository
_STATUS = (
    *("status", "--porcelain=v2", "--branch", "--no-ahead-behind", "--no-renames"),
    *("--untracked-files=no", _SUBMODULES),
)
_REMOTES = ("config", "--get-regexp", r"^remote\..*\.url$")
_DIFF = (
    *("diff", "HEAD", "--no-color", "--no-ext-diff", "--no-textconv", _SUBMODULES),
    *("--", ".", ":(exclude)*.ipynb"),  # notebooks carry their outputs in them
)
_ANSWER_LIMIT = 2**26  # bytes
_SIGKILL = 9  # signal(7); the module `signal` takes as long to load as this one


class GitError(HomerunError):
    """Git gave no answer; the message is for the run's metadata."""


class Git:
    """The git of one working copy; `stop` ends a question that is being asked."""

    def __init__(self, root: Path, *, limit_s: float) -> None:
        self.root = root
        self._deadline = time.monotonic() + limit_s
        self._lock = threading.Lock()
        self._pid: int | None = None

    def stop(self) -> None:
        """Kill the running git and start no other; the asking thread gets a GitError."""
        with self._lock:
            self._deadline = 0.0
            if self._pid is not None:
                os.kill(self._pid, _SIGKILL)

    def status(self) -> tuple[dict[str, Any], list[str]]:
        """Return commit, branch and whether tracked files changed, and the paths of those."""
        return parse_status(self._ask(_STATUS).decode("utf-8", "replace"))

    def remote(self) -> str | None:
        """Return the address of origin, else of the first remote, without user and password."""
        answer = self._ask(_REMOTES, fine=(0, 1)).decode("utf-8", "replace")
        addresses = dict(line.split(" ", 1) for line in answer.splitlines() if " " in line)
        first = next(iter(addresses.values()), None)
        address = addresses.get("remote.origin.url", first)
        return None if address is None else redact_url(address)

    def diff(self, limit: int) -> bytes | None:
        """Return the changes since HEAD without notebooks; None when larger than limit bytes."""
        diff = self._ask(_DIFF, limit=limit, with_errors=False)
        return None if len(diff) > limit else diff

    def _ask(
        self,
        args: Sequence[str],
        *,
        limit: int = _ANSWER_LIMIT,
        with_errors: bool = True,
        fine: tuple[int, ...] = (0,),
    ) -> bytes:
        """Return what git prints, of an answer that is too long one byte over the limit."""
        pid, pipe = self._start(args, with_errors=with_errors)
        try:
            answer, is_in_time = _read(pipe, limit, self._deadline)
        finally:
            os.close(pipe)
        is_cut = len(answer) > limit
        if is_cut or not is_in_time:
            os.kill(pid, _SIGKILL)
        code = self._wait(pid)
        if is_cut or (is_in_time and code in fine):
            return answer
        if code < 0:
            raise GitError(f"git {args[0]} was stopped because it took too long")
        lines = answer.decode("utf-8", "replace").splitlines()
        said = lines[0] if lines else f"exit code {code}"
        raise GitError(redact_text(f"git {args[0]}: {said}")[:500])

    def _start(self, args: Sequence[str], *, with_errors: bool) -> tuple[int, int]:
        """Start git; return its pid and the pipe to read its answer from.

        By posix_spawn, because loading `subprocess` takes longer than git.
        """
        environment = {**os.environ, **_ENVIRONMENT}
        for name in _OF_A_HOOK:
            environment.pop(name, None)
        with no_fork, self._lock:
            if time.monotonic() > self._deadline:
                raise GitError(f"git {args[0]} was not asked because time was up")
            pipe, theirs = os.pipe()
            errors: tuple[Any, ...] = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
            if with_errors:
                errors = (os.POSIX_SPAWN_DUP2, theirs, 2)
            try:
                self._pid = os.posix_spawnp(
                    "git",
                    ["git", "-C", str(self.root), *_OPTIONS, *args],
                    environment,
                    file_actions=[
                        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                        (os.POSIX_SPAWN_DUP2, theirs, 1),
                        errors,
                    ],
                )
            except OSError as error:
                os.close(pipe)
                raise GitError(f"git is not installed or cannot start: {error.strerror}") from None
            finally:
                os.close(theirs)
            return self._pid, pipe

    def _wait(self, pid: int) -> int:
        """Return the exit code of git, negative when a signal ended it."""
        with contextlib.suppress(ChildProcessError):  # the program has waited for all its children
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            with self._lock:  # from here on the pid may belong to another process
                self._pid = None
                return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self._pid = None
        return 0


def _read(pipe: int, limit: int, deadline: float) -> tuple[bytes, bool]:
    """Read a pipe to its end, one byte over the limit or the deadline; say whether in time."""
    parts: list[bytes] = []
    size = 0
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while size <= limit:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not poll.poll(left_s * 1000):
            return b"".join(parts), False
        part = os.read(pipe, min(65536, limit + 1 - size))
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts), True


def find_root(folder: Path) -> Path | None:
    """Return the nearest folder upwards that holds `.git` (a file in worktrees and submodules)."""
    for parent in (folder, *folder.parents):
        if (parent / ".git").exists():
            return parent
    return None


_CHANGED = re.compile(r"1 (?:\S+ ){7}(?P<path>.*)|u (?:\S+ ){9}(?P<unmerged>.*)")


def parse_status(text: str) -> tuple[dict[str, Any], list[str]]:
    """Read `git status --porcelain=v2 --branch --no-renames`: facts, and the changed paths."""
    facts: dict[str, Any] = {}
    changed: list[str] = []
    for line in text.splitlines():
        if line.startswith("# branch.oid ") and not line.endswith("(initial)"):
            facts["commit"] = line.split(" ", 2)[2]
        elif line.startswith("# branch.head ") and not line.endswith("(detached)"):
            facts["branch"] = line.split(" ", 2)[2]
        elif match := _CHANGED.fullmatch(line):
            changed.append(match["path"] or match["unmerged"])
    facts["dirty"] = bool(changed)
    return facts, changed
