"""GPUs between homes: agents of one home may share a GPU, those of two homes never do.

Leases lie in a home's database, which agents of other homes do not read. So an agent that has runs
on a GPU also holds a lock, shared among the agents of its home, on a file that all agents of this
user see. The system takes it back from the dead.
"""

import fcntl
import os
import tempfile
from collections.abc import Collection
from pathlib import Path

RUNTIME_DIR = "HOMERUN_RUNTIME_DIR"  # for machines where the usual places cannot be used
_ATTEMPTS = 3  # at a lock that others take and leave at the same moment


class Claims:
    """The locks of one agent."""

    def __init__(self, home: Path, folder: Path | None = None) -> None:
        self._home = str(home.absolute())
        self._folder = folder or _runtime_dir()
        self._held: dict[str, int] = {}  # descriptors by GPU

    def take(self, gpu: str) -> str:
        """Take a GPU for this home; return the home that has it, empty when it is ours now.

        Where no lock can be written nothing stands against using the GPU.
        """
        if gpu in self._held:
            return ""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            fd = os.open(self._folder / gpu, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return ""
        other = ""
        try:
            for _ in range(_ATTEMPTS):
                _write_if_alone(fd, self._home)
                try:
                    fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:  # somebody is about to write his name
                    other = "another"
                    continue
                other = os.pread(fd, 4096, 0).decode(errors="replace")
                if other == self._home:
                    self._held[gpu] = fd
                    return ""
        except OSError:
            other = ""
        os.close(fd)
        return other

    def keep(self, gpus: Collection[str]) -> None:
        """Give back all GPUs but these."""
        for gpu in set(self._held).difference(gpus):
            os.close(self._held.pop(gpu))


def _runtime_dir() -> Path:
    """Return a folder of this machine and user that a restart empties, or could."""
    if os.environ.get(RUNTIME_DIR):
        return Path(os.environ[RUNTIME_DIR])
    shared_memory = Path("/dev/shm")  # noqa: S108  a folder of our own in it, mode 0700
    parent = shared_memory if os.access(shared_memory, os.W_OK) else Path(tempfile.gettempdir())
    return parent / f"homerun-{os.geteuid()}"


def _write_if_alone(fd: int, home: str) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    os.ftruncate(fd, 0)
    os.pwrite(fd, home.encode(), 0)
