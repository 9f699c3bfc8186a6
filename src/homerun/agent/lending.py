"""Giving programs the Python that was chosen, and homerun with it where that has none."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from homerun.agent.pythons import Choice, choose, is_virtual, on_path, users_path, uv_program
from homerun.core import SweepRecord, UsageError
from homerun.spec import Sweep
from homerun.store import make_home

_OLDEST = (3, 11)  # the Python that homerun needs
# What tracking imports beside the standard library; what of it a Python has, stays its own.
_LENT = ("homerun", "msgpack", "psutil", "yaml")
_LONGEST_S = 60.0  # for a Python to say what it is
# It runs in any Python that people may still have, and looks for modules without importing them.
_QUESTION = """
import json, sys
sys.path[:] = [entry for entry in sys.path if entry]
try:
    from importlib.util import find_spec
    missing = [name for name in sys.argv[1:] if find_spec(name) is None]
except ImportError:
    missing = sys.argv[1:]
print(json.dumps([sys.executable, sys.version_info[:2], missing]))
"""


@dataclass(frozen=True, kw_only=True)
class Python:
    """The Python of programs: what they have to be given so that `python` is that one."""

    text: str  # which it is and why, for a person
    env: Mapping[str, str] = field(default_factory=dict)


class _Answer(NamedTuple):
    executable: Path
    version: tuple[int, int]
    missing: tuple[str, ...]  # of what we lend


class Pythons:
    """The Pythons of one agent; each is asked once at most."""

    def __init__(
        self,
        home: Path,
        *,
        asked: str = "",
        caller: str = "",
        is_lending: bool = True,
        environ: Mapping[str, str] = os.environ,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Prepare; asked and caller: as for `choose`; say: is told which Python is used.

        is_lending: a Python without homerun gets this one.
        """
        self._home = home
        self._asked, self._caller = asked, caller
        self._is_lending = is_lending
        self._environ = environ
        self._say = say
        self._made: dict[Choice, Python] = {}
        self._answers: dict[tuple[str, ...], _Answer | None] = {}

    def of_sweep(self, record: SweepRecord, sweep: Sweep) -> Python:
        """Return the Python for the runs of a sweep; raise UsageError when there is none."""
        return self._make(choice_for(sweep, Path(record.cwd or "/"), self._choose))

    def of_folder(self, folder: Path) -> Python:
        """Return the Python for a program that starts in a folder."""
        return self._make(self._choose(folder))

    def lent(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return what programs with another environment need to find homerun, if they do."""
        path = on_path(environ)
        if path is None or _has_homerun(path):
            return {}
        try:
            answer = self._ask((str(path),), Path("/"), {**self._environ, **environ})
        except UsageError:  # its own program will say so, if it needs a Python
            return {}
        return {} if answer is None else self._loan(answer, environ)

    def _choose(self, folder: Path, *, start: Path | None = None, setting: str = "") -> Choice:
        return choose(
            folder,
            start=start,
            setting=setting,
            asked=self._asked,
            caller=self._caller,
            environ=self._environ,
        )

    def _make(self, choice: Choice) -> Python:
        if choice not in self._made:
            python = self._made[choice] = self._prepare(choice)
            self._say(f"python: {python.text}")
        return self._made[choice]

    def _prepare(self, choice: Choice) -> Python:
        """Find out what a Python is, and what its programs have to be given."""
        path, answer, remark = choice.path, None, ""
        if path is None:
            answer = self._ask_uv(choice)
            path = answer.executable
        elif _command_folder(path) is None or (self._is_lending and not _has_homerun(path)):
            try:
                answer = self._ask((str(path),), choice.folder, self._environ)
            except UsageError as error:
                if choice.is_asked_for:
                    raise
                remark = f"; {error}"  # programs may do without
            # A shim is not the Python itself, which may be called python where it lies.
            if answer is not None and _command_folder(path) is None:
                path = answer.executable
        env = self._activated(path)
        if answer is not None and answer.version < _OLDEST:
            version, oldest = (".".join(map(str, one)) for one in (answer.version, _OLDEST))
            remark = f"; it is {version}, so runs are not tracked: homerun needs {oldest} or later"
        elif self._is_lending and answer is not None and "homerun" in answer.missing:
            env |= self._loan(answer, {**self._environ, **env})
            remark = "; it has no homerun, so this one is lent to it"
        return Python(text=f"{path} ({choice.why}{remark})", env=env)

    def _ask_uv(self, choice: Choice) -> _Answer:
        """Have uv bring the environment of a project up to date, and return its Python."""
        uv = uv_program(self._environ) or "uv"
        self._say(f"python: {choice.text}; uv may have to make its environment first")
        try:
            answer = self._ask((uv, "run", "python"), choice.folder, self._environ, limit_s=None)
        except UsageError as error:
            raise UsageError(f"{error}; mend that, or choose another: --python PATH") from error
        if answer is None:
            raise UsageError(f"uv run python in {choice.folder} did not say which Python it is")
        return answer

    def _ask(
        self,
        argv: tuple[str, ...],
        folder: Path,
        environ: Mapping[str, str],
        *,
        limit_s: float | None = _LONGEST_S,
    ) -> _Answer | None:
        """Start a Python and have it say what it is; None: it does not answer as a Python does."""
        path = environ.get("PYTHONPATH", "")
        key = (*argv, str(folder) if limit_s is None else "", path)
        if key not in self._answers:
            self._answers[key] = None  # one that fails is not started again for each run
            self._answers[key] = _answer_of(argv, folder, environ, limit_s)
        return self._answers[key]

    def _activated(self, path: Path) -> dict[str, str]:
        """Return the variables with which `python` is this one."""
        environ = self._environ
        given = environ.get("PATH", os.defpath)
        searched = users_path(environ)
        folder = _command_folder(path) or self._links(path)
        found = shutil.which("python", path=searched)
        if found is None or os.path.realpath(Path(found).parent) != os.path.realpath(folder):
            searched = f"{folder}{os.pathsep}{searched}"
        env = {} if searched == given else {"PATH": searched}
        prefix = path.parent.parent
        if is_virtual(path) and environ.get("VIRTUAL_ENV") != str(prefix):
            env["VIRTUAL_ENV"] = str(prefix)
        elif not is_virtual(path) and environ.get("VIRTUAL_ENV"):
            env["VIRTUAL_ENV"] = ""  # it is not used
        if (prefix / "conda-meta").is_dir() and environ.get("CONDA_PREFIX") != str(prefix):
            env["CONDA_PREFIX"] = str(prefix)
        if is_virtual(path) and environ.get("PYTHONHOME"):
            env["PYTHONHOME"] = ""  # as activating does; it would lead to another library
        return env

    def _links(self, path: Path) -> Path:
        """Return a folder in which a Python with another name is called python."""
        folder = make_home(self._home) / "pythons" / _digest(str(path))
        for name in ("python", "python3"):
            _link(folder / name, path)
        return folder

    def _loan(self, answer: _Answer, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the PYTHONPATH that ends with a folder of what a Python lacks, and only that."""
        if answer.version < _OLDEST or "homerun" not in answer.missing:
            return {}
        places = {name: place for name in answer.missing for place in _places(name)}
        folder = make_home(self._home) / "lent" / _digest(*map(str, places.values()))
        for place in places.values():
            _link(folder / place.name, place)
        path = environ.get("PYTHONPATH", "")
        return {"PYTHONPATH": f"{path}{os.pathsep}{folder}" if path else str(folder)}


def choice_for(sweep: Sweep, cwd: Path, choose: Callable[..., Choice] = choose) -> Choice:
    """Return the Python for a sweep whose programs start in a folder."""
    folder = Path(cwd, sweep.program).parent if sweep.program else cwd
    folder = folder if folder.is_dir() else cwd
    return choose(folder.absolute(), start=cwd, setting=sweep.settings.python)


def _answer_of(
    argv: tuple[str, ...], folder: Path, environ: Mapping[str, str], limit_s: float | None
) -> _Answer | None:
    command = [*argv, "-c", _QUESTION, *_LENT]
    env = {**environ, "PATH": users_path(environ)}
    what = " ".join(argv)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit_s,
            check=False,
        )
    except OSError as error:
        raise UsageError(f"{what} cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        why = next((line for line in said if "error" in line.lower()), *said[-1:]) if said else ""
        raise UsageError(f"{what} in {folder} ended with exit code {done.returncode}: {why}")
    try:
        executable, version, missing = json.loads(done.stdout.splitlines()[-1])
        return _Answer(Path(executable), (version[0], version[1]), tuple(missing))
    except (ValueError, IndexError, TypeError):
        return None


def _has_homerun(path: Path) -> bool:
    """Tell whether homerun is sure to be installed for a Python, by its files alone."""
    if os.path.realpath(path.parent) == os.path.realpath(Path(sys.executable).parent):
        return True
    pattern = "lib/python3.*/site-packages/homerun-*.dist-info"
    return next(path.parent.parent.glob(pattern), None) is not None


def _command_folder(path: Path) -> Path | None:
    """Return the folder in which `python` is this interpreter; None: there it has another name."""
    if path.name == "python":
        return path.parent
    named = path.with_name("python")
    is_same = os.path.realpath(named) == os.path.realpath(path)
    return path.parent if named.exists() and is_same else None


def _places(name: str) -> list[Path]:
    """Return where a module of ours lies, to be lent; none where we do not have it ourselves."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return []
    origin = Path(spec.origin)
    return [origin.parent if origin.name == "__init__.py" else origin]


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode(errors="surrogateescape")).hexdigest()[:12]


def _link(link: Path, target: Path) -> None:
    """Make a symbolic link in a folder that only its owner can enter.

    Another agent may make the same at the same time.
    """
    for folder in (link.parent.parent, link.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    with suppress(FileExistsError):
        link.symlink_to(target)
