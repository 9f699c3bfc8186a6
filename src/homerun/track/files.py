"""Files that belong to a run: saved, restored, and the source code."""

import contextlib
import glob
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from homerun.core import UsageError, redact_bytes
from homerun.store import private_folder, write_private
from homerun.track.keeper import CAPTURED_FILES
from homerun.track.recorder import Recorder
from homerun.track.terminal import termwarn

POLICIES = ("live", "now", "end")
_CODE_LIMIT = 10 << 20  # bytes of source files that log_code keeps
_CODE_FILE_LIMIT = 1 << 20  # a longer "source file" was written by a program
_NOT_CODE = {"__pycache__", "node_modules", "site-packages", "venv", "wandb"}
_UNKNOWN_LIMIT = 10_000  # files put into run.dir by hand that are recorded


class Files:
    """The folder runs/ID/files and what is recorded of it."""

    def __init__(self, folder: Path, recorder: Recorder) -> None:
        self._folder = folder
        self._recorder = recorder
        self._linked: dict[Path, Path] = {}  # file in the folder: the one that it follows
        self._known = set(CAPTURED_FILES)  # recorded; media/ is so by log()

    def save(
        self, pattern: str, base_path: str | os.PathLike[str] | None, policy: str
    ) -> list[str]:
        """Keep the files that match a glob, below the place that base_path gives it; return where.

        `now` copies them as they are. `live` and `end` keep what they are when the run ends: a
        hard link where that is possible, a copy where not.
        """
        if policy not in POLICIES:
            raise UsageError(
                f"save(policy={policy!r}) is unknown; use one of {', '.join(POLICIES)}"
            )
        is_absolute = Path(pattern).is_absolute()
        above = Path(pattern).parent.parent if is_absolute else "."  # W&B keeps one folder
        base = Path(base_path or above).absolute()
        if base_path is not None:
            _inside(Path(pattern).absolute(), base)
        saved = []
        for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207
            source = Path(name).absolute()
            if not source.is_file():
                continue
            leads_out = base_path is None and ".." in source.parts
            inner = _inside(source, source.parent if leads_out else base)
            target = self._folder / inner
            try:
                if source.resolve() != target.resolve():
                    _keep(source, target, is_copy=policy == "now")
                    if policy != "now":
                        self._linked[target] = source
            except OSError as error:
                termwarn(f"{source} is not kept with the run: {error.strerror}")
                continue
            self.record(target, "saved")
            saved.append(str(target))
        if not saved:
            termwarn(f"save({pattern!r}): no file matches")
        return saved

    def save_code(
        self,
        root: Path,
        include: Callable[[str], bool],
        exclude: Callable[[str], bool],
    ) -> list[str]:
        """Keep the source files below a folder in code/, secrets redacted; return their paths."""
        saved: list[str] = []
        size = 0
        for source in _sources(root):
            if not include(str(source)) or exclude(str(source)):
                continue
            length = source.lstat().st_size
            size += length
            if size > _CODE_LIMIT:
                termwarn(f"log_code: more than {_CODE_LIMIT} bytes; {source} and the rest left out")
                break
            if length <= _CODE_FILE_LIMIT:
                saved += self.save_code_file(source, root)
        return saved

    def save_code_file(self, source: Path, root: Path) -> list[str]:
        """Keep one source file in code/, secrets redacted; return where, or nothing."""
        target = self._folder / "code" / source.relative_to(root)
        try:
            data = source.read_bytes()
            private_folder(target.parent)
            write_private(target, redact_bytes(data))
        except OSError as error:
            termwarn(f"{source} is not kept with the run: {error.strerror}")
            return []
        self.record(target, "code")
        return [str(target)]

    def record(self, path: Path, kind: str) -> None:
        """Record a file that lies in the folder."""
        name = path.relative_to(self._folder).as_posix()
        self._recorder.write_file(name, kind)
        self._known.add(name)

    def close(self) -> None:
        """Bring linked files up to date and record what the program put there itself."""
        for target, source in self._linked.items():
            with contextlib.suppress(
                OSError
            ):  # the program may have removed its file: we keep ours
                if not source.samefile(target):
                    _keep(source, target, is_copy=False)
                self.record(target, "saved")
        found = 0
        for path in self._folder.rglob("*"):
            if found >= _UNKNOWN_LIMIT:
                return
            name = path.relative_to(self._folder).as_posix()
            if path.is_file() and name not in self._known and not name.startswith("media/"):
                self.record(path, "saved")
                found += 1


def restore(name: str, source: Path, root: Path, *, replace: bool) -> TextIO:
    """Bring a saved file to the folder `root` and return it, open for reading."""
    kept = source / _inside(source / name, source)
    if not kept.is_file():
        raise UsageError(f"restore({name!r}): there is no such file in {source}")
    target = root / name
    if replace or not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (target.exists() and target.samefile(kept)):
            shutil.copyfile(kept, target)
    return target.open()


def _inside(path: Path, base: Path) -> Path:
    """Return the path below the base; raise UsageError when it leads elsewhere."""
    relative = Path(os.path.relpath(path, base))
    if relative.is_absolute() or ".." in relative.parts:
        raise UsageError(f"{path} is not below {base}; give base_path= a folder above the file")
    return relative


def _keep(source: Path, target: Path, *, is_copy: bool) -> None:
    private_folder(target.parent)
    target.unlink(missing_ok=True)
    if not is_copy:
        with contextlib.suppress(OSError):  # another file system, or one without hard links
            os.link(source.resolve(), target)
            return
    shutil.copyfile(source, target)
    target.chmod(0o600)


def _sources(root: Path) -> Iterator[Path]:
    """Yield the files below a folder, without hidden folders and environments, in order."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _NOT_CODE
            and not Path(folder, name, "pyvenv.cfg").exists()
        )
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))
