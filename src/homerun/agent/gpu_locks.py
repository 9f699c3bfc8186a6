"""Lock files of GPUs in a folder of scripts: `0.lock` holds the pid of what has the first GPU.

The format is that of github.com/fastai/fastgpu, commit 92c1970, where no lock is ever taken back
from a dead process. It is for getting along with a fastgpu in the same folder; between agents it is
the leases in the database that count.
"""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_WRITING_S = 10.0  # fastgpu writes "locked" first, and the pid an instant later
_CLOCK_SLACK_S = 60.0  # a clock may be set between the start of a process and its lock


class GpuLocks:
    """The locks in one folder, those of others and ours; GPUs go by their index there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ours: set[int] = set()

    def holder(self, gpu: int) -> int | None:
        """Return the pid of another's living process that has a GPU, None when nobody has it.

        0 stands for a pid that is about to be written. The lock of a dead process is removed.
        """
        if gpu in self._ours:
            return None
        pid = _holder(self._path(gpu))
        if pid is None:
            with suppress(OSError):
                self._path(gpu).unlink()
        return pid

    def holders(self) -> Iterator[int]:
        """Give the pids of all processes of others that have a GPU, as `holder` does."""
        for path in self._folder.glob("*.lock"):
            if path.stem.isdecimal() and (pid := self.holder(int(path.stem))) is not None:
                yield pid

    def take(self, gpu: int, pid: int) -> bool:
        """Say that a process has a GPU, until it is dead; False: somebody else has the GPU.

        A full disk is no reason to keep a GPU idle: then nothing is said.
        """
        if gpu in self._ours:
            return True
        if self.holder(gpu) is not None:
            return False
        try:
            with self._path(gpu).open("x") as file:
                self._ours.add(gpu)
                file.write(str(pid))
        except FileExistsError:
            return False
        except OSError:
            pass
        return True

    def release(self, gpu: int) -> None:
        """Take back what `take` said."""
        if gpu in self._ours:
            self._ours.remove(gpu)
            with suppress(OSError):
                self._path(gpu).unlink()

    def _path(self, gpu: int) -> Path:
        return self._folder / f"{gpu}.lock"


def file_names(pid: int) -> set[str]:
    """Return the names of the files on the command line of a process."""
    import psutil  # noqa: PLC0415  only where there are locks

    with suppress(psutil.Error, ValueError):  # ended, or there is none with pid 0
        return {Path(argument).name for argument in psutil.Process(pid).cmdline()}
    return set()


def _holder(lock: Path) -> int | None:
    """Return the pid in a lock if that process lives; 0: it is not written yet; None: void."""
    text = ""
    try:
        written_at = lock.stat().st_mtime
        with suppress(PermissionError):
            text = lock.read_text(errors="replace").strip()
    except OSError:  # there is none
        return None
    if not re.fullmatch("[0-9]{1,9}", text):
        return 0 if abs(time.time() - written_at) < _WRITING_S else None
    import psutil  # noqa: PLC0415  only where there are locks

    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(int(text))
        # Pids are used again, but what has the lock was there before it.
        was_there = process.create_time() < written_at + _CLOCK_SLACK_S
        if was_there and process.status() != psutil.STATUS_ZOMBIE:
            return process.pid
    return None
