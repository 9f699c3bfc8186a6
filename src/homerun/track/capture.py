"""What is known of a run's surroundings: program, machine, git and packages, secrets redacted.

`quick` costs no subprocess. `Background` asks git on a thread of its own while training starts.
"""

import os
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homerun.core import HomerunError, redact_argv, redact_bytes, redact_config, redact_text
from homerun.devices import machine
from homerun.store import write_private
from homerun.track.forking import no_fork

if TYPE_CHECKING:
    from homerun.track.git import Git

DIFF_LIMIT = 2**20  # bytes; users of W&B have met diffs of 100 GB

# The environment is private. These alone are recorded, because they change what a program does.
_RECORDED = frozenset(
    "CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES "
    "CUDA_DEVICE_ORDER CUDA_LAUNCH_BLOCKING CUBLAS_WORKSPACE_CONFIG PYTORCH_CUDA_ALLOC_CONF "
    "PYTORCH_ALLOC_CONF PYTORCH_HIP_ALLOC_CONF TORCH_LOGS TORCH_DISTRIBUTED_DEBUG "
    "TF_DETERMINISTIC_OPS TF_XLA_FLAGS XLA_FLAGS JAX_PLATFORMS TOKENIZERS_PARALLELISM "
    "PYTHONHASHSEED RANK LOCAL_RANK GROUP_RANK NODE_RANK WORLD_SIZE LOCAL_WORLD_SIZE MASTER_ADDR "
    "MASTER_PORT CONDA_DEFAULT_ENV VIRTUAL_ENV".split()
)
_RECORDED_STARTS = tuple(
    "SLURM_ NCCL_ OMP_ MKL_ OPENBLAS_ KMP_ TORCHELASTIC_ TORCHINDUCTOR_ ACCELERATE_".split()
)


def quick(argv: Sequence[str], environ: Mapping[str, str], cwd: Path) -> dict[str, Any]:
    """Return what is known at once, in the names of W&B's wandb-metadata.json."""
    facts: dict[str, Any] = {
        **machine(),
        "startedAt": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "args": redact_argv(argv[1:]),
        "executable": sys.executable,
        "cwd": redact_text(str(cwd)),
        "username": _user(environ),
        "env": redact_config(
            {
                name: environ[name]
                for name in sorted(environ)
                if name in _RECORDED or name.startswith(_RECORDED_STARTS)
            }
        ),
    }
    if argv and argv[0]:
        facts.update(_program(argv[0], cwd))
    return {key: value for key, value in facts.items() if value not in (None, {})}


def _program(program: str, cwd: Path) -> dict[str, str]:
    if program.startswith("-"):  # python -c
        return {"program": program}
    path = cwd / program
    local = os.path.relpath(path, cwd)
    return {"program": redact_text(str(path)), "codePathLocal": redact_text(local)}


def _user(environ: Mapping[str, str]) -> str | None:
    for name in ("LOGNAME", "USER"):
        if environ.get(name):
            return environ[name]
    import pwd  # noqa: PLC0415 - rarely needed

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        return None


class Background:
    """Capture git and packages on a daemon thread; files go to `folder`, facts to `wait`."""

    def __init__(
        self,
        folder: Path,
        *,
        cwd: Path,
        program: str = "",
        with_git: bool = True,
        limit_s: float = 30.0,
    ) -> None:
        self._folder = folder
        self._cwd = cwd
        self._program = program
        self._limit_s = limit_s
        self._facts: dict[str, Any] = {}  # whole values are put in, so that it can be read any time
        self._git: Git | None = None
        self._is_stopped = False
        self._pid = os.getpid()
        self._thread = threading.Thread(
            target=self._capture, args=(with_git,), name="homerun-capture", daemon=True
        )
        self._thread.start()

    def known(self) -> dict[str, Any]:
        """Return what is known by now, without waiting."""
        return dict(self._facts)

    def wait(self, timeout_s: float) -> dict[str, Any]:
        """Return what is known after at most this time, and stop a git that is not done by then."""
        if os.getpid() == self._pid:  # a forked child has no such thread
            self._thread.join(timeout_s)
            self._is_stopped = True
            if self._git is not None and self._thread.is_alive():
                self._git.stop()
                self._thread.join(1.0)
        return self.known()

    def _capture(self, with_git: bool) -> None:
        try:
            self._capture_packages()
            if with_git:
                self._capture_git()
        except HomerunError as error:
            self._facts["gitError"] = str(error)
        except OSError as error:  # disk full, folder gone: the run goes on without
            self._facts["captureError"] = f"{type(error).__name__}: {error.strerror}"

    def _capture_packages(self) -> None:
        lines = [
            f"{name}=={version}" if version else name
            for name, version in installed_packages(sys.path)
        ]
        self._save("requirements.txt", "".join(f"{line}\n" for line in lines).encode())

    def _capture_git(self) -> None:
        """Ask git two questions, and for the diff when there is one."""
        with no_fork:
            from homerun.track.git import Git, find_root  # noqa: PLC0415 - its imports are slow

        root = find_root(self._cwd)
        if root is None or self._is_stopped:
            return
        self._git = git = Git(root, limit_s=self._limit_s)
        if self._is_stopped:
            git.stop()
        self._facts["root"] = redact_text(str(root))
        facts, changed = git.status()
        self._facts["git"] = facts
        code_path = os.path.relpath(self._cwd / self._program, root)
        if self._program and not code_path.startswith(".."):
            self._facts["codePath"] = redact_text(code_path)
        remote = git.remote()
        if remote:
            self._facts["git"] = {"remote": remote, **facts}
        if changed:
            self._facts["diff"] = self._capture_diff(git, "commit" in facts, changed)

    def _capture_diff(self, git: "Git", has_commit: bool, changed: Sequence[str]) -> dict[str, Any]:
        """Save diff.patch and return what is said about it in the metadata."""
        if not has_commit:
            return {"saved": False, "reason": "the repository has no commit yet"}
        notebooks = sorted(path for path in changed if path.endswith(".ipynb"))
        facts: dict[str, Any] = {"notebooksLeftOut": notebooks} if notebooks else {}
        diff = git.diff(DIFF_LIMIT)
        if diff is None:
            return {"saved": False, "reason": f"it is larger than {DIFF_LIMIT} bytes", **facts}
        if not diff:
            return {"saved": False, "reason": "nothing but notebooks is changed", **facts}
        clean = redact_bytes(diff)
        self._save("diff.patch", clean)
        return {"saved": True, "path": "diff.patch", "size": len(clean), **facts}

    def _save(self, name: str, data: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._folder / name, data)


_DIST = re.compile(r"(?P<name>[^~-][^-]*)(?:-(?P<version>[^-]+?))?(?:-.*)?\.(?:dist|egg)-info")


def installed_packages(folders: Sequence[str]) -> list[tuple[str, str]]:
    """Return (name, version) of the packages in these folders, by the names of files alone."""
    found: dict[str, tuple[str, str]] = {}
    for folder in folders:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - names alone, five times faster
        except OSError:  # a zip file, or a folder that is gone
            continue
        for name in names:
            match = _DIST.fullmatch(name) if name.endswith("-info") else None
            if match:
                package = match["name"].replace("_", "-")
                found.setdefault(package.lower(), (package, match["version"] or ""))
    return [found[key] for key in sorted(found)]
