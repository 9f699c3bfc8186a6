"""Which Python programs start with: found by looking at files and variables, nothing is started.

A program belongs to the environment in which its user would start it by hand, which need not be the
one that homerun lies in: uvx, pipx and `uv tool install` keep that for homerun alone.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from homerun.core import UsageError

UV = "uv"  # in place of a path: the environment of the uv project
_VARIABLE = "HOMERUN_PYTHON"
_NAME = re.compile(r"(python|pypy)[\d.]*t?")
_UVX = ("archive-v", "environments-v")  # folders of uv's cache that hold environments of uvx
_TOOL_FILES = ("uv-receipt.toml", "pipx_metadata.json")  # of `uv tool install` and of pipx


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The Python that programs start with, and why it is this one."""

    path: Path | None  # None: uv has to be asked for that of the project
    folder: Path  # of the program
    why: str
    is_asked_for: bool = False  # somebody has named it

    @property
    def text(self) -> str:
        """One line for a person."""
        return f"{self.path or f'uv run in {self.folder}'} ({self.why})"


def choose(
    folder: Path,
    *,
    start: Path | None = None,
    asked: str = "",
    setting: str = "",
    caller: str = "",
    environ: Mapping[str, str] = os.environ,
) -> Choice:
    """Return the Python for a program that lies in a folder; raise UsageError when there is none.

    start: where the program starts, if not there; asked: by --python; setting: of the sweep file;
    caller: the Python that called homerun's functions.
    """
    start = start or folder
    for text, what, base in (
        (asked, "--python", Path.cwd()),
        (setting, "python: of the sweep file", start),
        (environ.get(_VARIABLE, ""), _VARIABLE, Path.cwd()),
    ):
        if text:
            return _named(text, what, folder, base, environ)
    if caller:
        return Choice(path=Path(caller), folder=folder, why="the one that started the agent")
    return _active(folder, environ) or _of_project(folder, start, environ) or _any(folder, environ)


def users_path(environ: Mapping[str, str]) -> str:
    """Return the PATH without homerun's own environment, where that is kept for homerun alone."""
    path = environ.get("PATH", os.defpath)
    if not _is_kept_for_homerun(Path(sys.prefix)):
        return path
    ours = {os.path.realpath(Path(sys.prefix) / "bin")}
    kept = [one for one in path.split(os.pathsep) if os.path.realpath(one or ".") not in ours]
    return os.pathsep.join(kept)


def on_path(environ: Mapping[str, str]) -> Path | None:
    """Return what `python` means to the user: the first on the PATH, else the first python3."""
    path = users_path(environ)
    found = shutil.which("python", path=path) or shutil.which("python3", path=path)
    return Path(found).absolute() if found else None


def uv_program(environ: Mapping[str, str]) -> str | None:
    """Return the path of uv; uvx tells its own in UV."""
    told = environ.get("UV", "")
    return (
        told if told and os.access(told, os.X_OK) else shutil.which("uv", path=users_path(environ))
    )


def is_virtual(python: Path) -> bool:
    """Tell whether an interpreter lies in a virtual environment."""
    return (python.parent.parent / "pyvenv.cfg").is_file()


def _named(text: str, what: str, folder: Path, base: Path, environ: Mapping[str, str]) -> Choice:
    """Return the Python that somebody has named."""
    if text == UV:
        return _of_uv(what, folder, environ)
    given = Path(base, Path(text).expanduser())
    path: Path | None = given
    if given.is_dir():
        path = _inside(given)
    elif os.sep not in text and not given.exists():
        found = shutil.which(text, path=users_path(environ))
        path = Path(found) if found else None
    if path is None or not path.is_file():
        raise UsageError(
            f"{what} {text}: there is no such Python; give the bin/python of an environment, its "
            f"folder, or {UV} for that of the uv project"
        )
    if not _NAME.fullmatch(path.name) or not os.access(path, os.X_OK):
        raise UsageError(f"{what} {text}: is no Python; give the bin/python of an environment")
    return Choice(path=path.absolute(), folder=folder, why=what, is_asked_for=True)


def _of_uv(what: str, folder: Path, environ: Mapping[str, str]) -> Choice:
    if uv_program(environ) is None:
        raise UsageError(f"{what} {UV}: there is no uv on the PATH; give the path of a Python")
    if not any((one / "pyproject.toml").is_file() for one in (folder, *folder.parents)):
        raise UsageError(
            f"{what} {UV}: there is no pyproject.toml in {folder} or above it; uv init makes one"
        )
    return Choice(path=None, folder=folder, why=what)


def _active(folder: Path, environ: Mapping[str, str]) -> Choice | None:
    """Return the Python of the environment that is active; None: there is none.

    As for uv, conda's base does not count: it is active in each shell of many users.
    """
    first = on_path(environ)
    is_base = environ.get("CONDA_DEFAULT_ENV") == "base"
    named = [("VIRTUAL_ENV", "the active virtual environment")]
    named += [] if is_base else [("CONDA_PREFIX", "the active conda environment")]
    known = [
        (path, why)
        for name, why in named
        if environ.get(name) and (path := _inside(Path(environ[name]))) is not None
    ]
    for path, why in known:
        if first is not None and os.path.realpath(first.parent) == os.path.realpath(path.parent):
            return Choice(path=path, folder=folder, why=why)
    folders = {os.path.realpath(one) for one in users_path(environ).split(os.pathsep) if one}
    for path, why in known:
        if os.path.realpath(path.parent) not in folders:
            return Choice(path=path, folder=folder, why=why)
    if first is not None and (known or is_virtual(first)):  # put before the active one, by hand
        return Choice(path=first, folder=folder, why="the first on the PATH")
    return None


def _of_project(folder: Path, start: Path, environ: Mapping[str, str]) -> Choice | None:
    """Return the Python of the environment that belongs to the files of a program, if one does."""
    near = _near(folder, start)
    if any(map(_is_uv_project, near)) and uv_program(environ):
        return Choice(path=None, folder=folder, why="a uv project")
    for place in near:
        path = _inside(place / ".venv")
        if path is not None:
            return Choice(path=path, folder=folder, why="the nearest .venv")
    return None


def _any(folder: Path, environ: Mapping[str, str]) -> Choice:
    path = on_path(environ)
    if path is not None:
        return Choice(path=path, folder=folder, why="the first on the PATH")
    ours = Path(sys.executable)
    return Choice(path=ours, folder=folder, why="homerun's own: there is no python on the PATH")


def _near(folder: Path, start: Path) -> list[Path]:
    """Return where the environment of a program may lie, the nearest first.

    Its folder and those above up to the root of the repository; outside of one only its folder and
    where it starts, for what lies further up belongs to others.
    """
    above = [folder, *folder.parents]
    for i, place in enumerate(above):
        if (place / ".git").exists():
            return above[: i + 1]
    return list(dict.fromkeys([folder, start]))


def _is_uv_project(folder: Path) -> bool:
    file = folder / "pyproject.toml"
    if not file.is_file():
        return False
    import tomllib  # noqa: PLC0415  rarely needed

    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    tool = document.get("tool")
    settings = tool.get("uv") if isinstance(tool, dict) else None
    if isinstance(settings, dict) and settings.get("managed") is False:
        return False
    return (folder / "uv.lock").is_file() or ("project" in document and settings is not None)


def _inside(prefix: Path) -> Path | None:
    """Return the interpreter of an environment that lies in a folder."""
    return _first(prefix.absolute() / "bin" / name for name in ("python", "python3"))


def _first(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def _is_kept_for_homerun(prefix: Path) -> bool:
    """Tell whether an environment was made for the commands of one package alone."""
    is_of_uvx = prefix.parent.name.startswith(_UVX)
    is_of_pipx_run = prefix.parent.name == "pipx" and prefix.parent.parent.name in {
        ".cache",
        "Caches",
    }
    return is_of_uvx or is_of_pipx_run or any((prefix / name).exists() for name in _TOOL_FILES)
