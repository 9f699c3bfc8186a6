"""The home: where it lies, who may use it, and the folder of each run."""

import contextlib
import fcntl
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from homerun.core import RunState, StoreError, check_id
from homerun.store.files import read_json, write_json

if TYPE_CHECKING:
    from homerun.core import End

_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "9p", "afs", "ceph", "glusterfs"}
_NETWORK |= {"lustre", "beegfs", "gpfs", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone"}


def find_home(environ: Mapping[str, str] = os.environ, cwd: Path | None = None) -> Path:
    """Return $HOMERUN_HOME, else the nearest .homerun/ upwards, else ~/.homerun."""
    if environ.get("HOMERUN_HOME"):
        return Path(environ["HOMERUN_HOME"]).expanduser().absolute()
    with contextlib.suppress(OSError):
        here = cwd or Path.cwd()
        for folder in (here, *here.parents):
            if (folder / ".homerun").is_dir():
                return folder / ".homerun"
    return Path("~/.homerun").expanduser()


def make_home(path: Path) -> Path:
    """Create the home (mode 0700) if it is not there; refuse one that is not ours."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path / "runs").mkdir(mode=0o700, exist_ok=True)
        owner = path.stat().st_uid
    except OSError as error:
        raise StoreError(
            f"the home {path} cannot be used: {error.strerror}; "
            "set HOMERUN_HOME to a folder you can write to"
        ) from error
    if owner != os.geteuid():
        raise StoreError(
            f"the home {path} belongs to user id {owner} and you are {os.geteuid()}; "
            "set HOMERUN_HOME to a folder of your own"
        )
    return path


def file_system(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the type of the file system below a path (`ext4`, `nfs4`), empty if unknown."""
    best, kind = -1, ""
    try:
        lines = mountinfo.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    target = os.path.realpath(path)
    for line in lines:  # proc_pid_mountinfo(5): field 5 is the mount point, after " - " the type
        left, _, right = line.partition(" - ")
        mount = left.split()[4].replace("\\040", " ")
        inside = target == mount or target.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= best:
            best, kind = len(mount), right.split()[0]
    return kind


def check_local(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> None:
    """Raise StoreError when SQLite's write-ahead log cannot be trusted on this file system."""
    kind = file_system(path, mountinfo)
    if kind in _NETWORK:
        raise StoreError(
            f"the home {path} is on a network file system ({kind}), where SQLite loses data; "
            "set HOMERUN_HOME to a folder on a local disk"
        )


class RunFolder(NamedTuple):
    """The files of one run: lock, process.json, result.json, journals, output.log, files/."""

    path: Path

    @property
    def output(self) -> Path:
        """What the program wrote to stdout and stderr, secrets redacted."""
        return self.path / "output.log"

    @property
    def pipe(self) -> Path:
        """The named pipe through which the supervisor reads the program's output."""
        return self.path / "output.pipe"

    @property
    def error_pipe(self) -> Path:
        """The one for stderr alone, where stdout and stderr are kept apart."""
        return self.path / "error.pipe"

    @property
    def files(self) -> Path:
        """Saved files, media, diff.patch, requirements.txt."""
        return self.path / "files"

    def make(self) -> "RunFolder":
        """Create the folder (mode 0700) if it is not there."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def hold(self, *, patience_s: float = 0.0) -> int | None:
        """Take the lock that proves the run alive; return its descriptor, None if it stays held.

        The lock goes with the process: any death frees it. Children must not inherit it.
        """
        deadline = time.monotonic() + patience_s
        fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(fd)
                    return None
            else:
                return fd
            time.sleep(0.01)

    def is_held(self) -> bool:
        """Tell whether a living process holds the run's lock."""
        try:
            fd = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def write_result(self, end: "End", *, durable: bool = True) -> None:
        """Record how the run ended, before the database hears of it.

        `durable`: synced to disk; needless when the database is about to be told, which syncs too.
        """
        write_json(self.path / "result.json", vars(end), durable=durable)

    def read_result(self) -> "End | None":
        """Return how the run ended, None when nobody recorded it."""
        from homerun.core import End  # noqa: PLC0415 - training never asks

        data = read_json(self.path / "result.json")
        return None if data is None else End(**{**data, "state": RunState(data["state"])})


def run_folder(home: Path, run_id: str) -> RunFolder:
    """Return the folder of a run, which is always inside the home."""
    return RunFolder(home / "runs" / check_id(run_id))
