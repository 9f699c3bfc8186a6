"""A folder of scripts to be run, as fastgpu has it: files that move from one subfolder to the next.

    to_run    scripts that wait, run in sorted order
    running   those that run
    complete  those that ended with exit code 0
    fail      all others
    out       NAME.stdout, NAME.stderr and NAME.exitcode of each

The protocol is that of github.com/fastai/fastgpu, commit 92c1970. A script is always in exactly one
of the first four, for each step is one rename: whoever is killed leaves the next one all there is.
While a script of ours is in running/, `.NAME.run` beside it holds the id of its run.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from homerun.agent.gpu_locks import GpuLocks, file_names
from homerun.core import End, StoreError, UsageError

TO_RUN, RUNNING, COMPLETE, FAIL, OUT = "to_run", "running", "complete", "fail", "out"
_NOTE = ".run"
_STDOUT, _STDERR, _EXIT = ".stdout", ".stderr", ".exitcode"
_NAME_LIMIT = 240  # bytes: 255 is what a file system takes, less a number and `.exitcode`


class ScriptFolder:
    """A folder of scripts in our hands; no other homerun has it until `close`."""

    def __init__(self, path: Path) -> None:
        """Make the subfolders; raise UsageError when that cannot be, or another homerun is here."""
        self.path = path.resolve()
        self.locks = GpuLocks(self.path)
        try:
            self._make()
            self._hold = _hold(self.path / ".homerun.lock")
            self._tidy_up()
        except OSError as error:
            raise UsageError(
                f"{error.filename or path} cannot be used: {error.strerror}; "
                "give a folder that you can write to"
            ) from error

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._hold)

    def waiting(self) -> list[str]:
        """Return the names of the scripts to run, in order: all files but those with a dot first.

        A file that is still being written looks like any other: write it elsewhere, then move it.
        """
        with self._explained(), os.scandir(self.path / TO_RUN) as entries:
            files = [entry.name for entry in entries if _is_file(entry)]
        return sorted(name for name in files if name[0] != ".")

    def stuck(self) -> list[str]:
        """Return the names of the scripts in running/, but for those that a living fastgpu runs."""
        with self._explained(), os.scandir(self.path / RUNNING) as entries:
            files = [entry.name for entry in entries if not entry.is_dir(follow_symlinks=False)]
        names = {name for name in files if name[0] != "."}
        others = {name for name in names if self.run_of(name) is None}
        ours = names - others
        for pid in self.locks.holders() if others else ():
            theirs = file_names(pid) & others
            # Where a process does not show which of them it runs, it may be any.
            others -= theirs or others
        return sorted(ours | others)

    def script(self, name: str) -> Path:
        """Return the path of a script that runs."""
        return self.path / RUNNING / name

    def outputs(self, name: str) -> tuple[Path, Path]:
        """Return the files for stdout and stderr of a script that runs."""
        out = self.path / OUT
        return out / f"{name}{_STDOUT}", out / f"{name}{_STDERR}"

    def run_of(self, name: str) -> str | None:
        """Return the id of the run with which a script in running/ was begun; None: not by us."""
        with self._explained(), suppress(FileNotFoundError):
            return self._note(name).read_text()
        return None

    def begin(self, name: str, run_id: str) -> str | None:
        """Move a waiting script to running/; return its name there, None if it is gone.

        It gets a new name, `train-2.sh`, where its own would overwrite what is there already.
        """
        with self._explained():
            chosen = _clean(name)
            source = self.path / TO_RUN / name
            if not self._is_new(chosen):
                chosen = _numbered(
                    chosen,
                    lambda new: self._is_new(new) and not os.path.lexists(source.with_name(new)),
                )
            self._note(chosen).write_text(run_id)
            try:
                source.rename(self.script(chosen))
            except FileNotFoundError:
                self._note(chosen).unlink()
                if os.path.lexists(source):
                    raise
                return None
        return chosen

    def finish(self, name: str, *, exit_text: str, ok: bool) -> None:
        """Complete what is in out/ and move a script to complete/ or fail/; twice is as once."""
        with self._explained():
            self._make()  # somebody may have tidied up
            for path in self.outputs(name):
                path.touch()
            temporary = self.path / OUT / ".homerun.tmp"
            temporary.write_text(exit_text, encoding="utf-8", errors="surrogateescape")
            temporary.replace(self.path / OUT / f"{name}{_EXIT}")
            self._move_on(name, COMPLETE if ok else FAIL)

    def put_back(self, name: str) -> str | None:
        """Let a script that never started wait again; return its name there, None if it is gone."""
        with self._explained():
            for path in self.outputs(name):
                with suppress(FileNotFoundError):
                    if path.stat().st_size == 0:
                        path.unlink()
            return self._move_on(name, TO_RUN)

    def _move_on(self, name: str, subfolder: str) -> str | None:
        """Move a script from running/ without overwriting; return its new name."""
        target = self.path / subfolder
        new = name
        if os.path.lexists(target / name):
            new = _numbered(name, lambda name: not os.path.lexists(target / name))
        if not os.path.lexists(self.script(name)):
            return None
        self.script(name).rename(target / new)
        self._note(name).unlink(missing_ok=True)
        return new

    def _note(self, name: str) -> Path:
        return self.path / RUNNING / f".{name}{_NOTE}"

    def _tidy_up(self) -> None:
        """Remove the notes of scripts that are not in running/ any more."""
        for note in (self.path / RUNNING).glob(f".*{_NOTE}"):
            if not os.path.lexists(self.script(note.name[1 : -len(_NOTE)])):
                note.unlink()

    def _make(self) -> None:
        for name in (TO_RUN, RUNNING, COMPLETE, FAIL, OUT):
            (self.path / name).mkdir(parents=True, exist_ok=True)

    def _is_new(self, name: str) -> bool:
        """Tell whether nothing in the folder has the name yet, or output of such a script."""
        scripts = (f"{folder}/{name}" for folder in (RUNNING, COMPLETE, FAIL))
        outputs = (f"{OUT}/{name}{ending}" for ending in (_STDOUT, _STDERR, _EXIT))
        return not any(os.path.lexists(self.path / path) for path in (*scripts, *outputs))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = error.filename or self.path
            raise StoreError(f"{where} cannot be used: {error.strerror or error}") from error


def exit_text(end: End) -> str:
    """Return what fastgpu writes about an end: `0`, `3`, `-9` for a signal, or what went wrong."""
    if end.start_error:
        return end.start_error
    if end.exit_code is not None:
        return str(end.exit_code)
    if end.signal is not None:
        return f"-{end.signal}"
    return end.reason or str(end.state)


def script_env(fastgpu_id: int) -> dict[str, str]:
    """Return what fastgpu tells a script: the index of its GPU among those used."""
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "FASTGPU_ID": str(fastgpu_id)}


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads in circles
        return False


def _clean(name: str) -> str:
    """Return a file name as text, short enough to be followed by a number and `.exitcode`."""
    text = os.fsencode(name)[:_NAME_LIMIT].decode(errors="replace")
    return text.replace("\N{REPLACEMENT CHARACTER}", "_")


def _numbered(name: str, is_free: Callable[[str], bool]) -> str:
    """Return the first free one of train-2.sh, train-3.sh, ..."""
    path = Path(name)
    return next(new for i in count(2) if is_free(new := f"{path.stem}-{i}{path.suffix}"))


def _hold(lock: Path) -> int:
    """Take the lock of a folder and return its descriptor; raise UsageError if another has it."""
    fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
    except BlockingIOError:
        pid = os.pread(fd, 20, 0).decode(errors="replace")
        os.close(fd)
        raise UsageError(
            f"the scripts in {lock.parent} are run by process {pid} already; give it more in "
            f"{TO_RUN}/, or stop it first: kill {pid}"
        ) from None
    except OSError:
        os.close(fd)
        raise
    return fd
