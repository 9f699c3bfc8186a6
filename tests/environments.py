"""Environments with packages that homerun itself never needs; made once, then kept."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path


def sweeps_python() -> Path:
    """Return a Python that can import W&B's `sweeps`; HOMERUN_TEST_SWEEPS_PYTHON names another."""
    chosen = os.environ.get("HOMERUN_TEST_SWEEPS_PYTHON")
    return Path(chosen) if chosen else environment("sweeps")


def environment(name: str) -> Path:
    """Return the Python of an environment that holds exactly tests/locks/NAME.txt.

    It lies in HOMERUN_TEST_CACHE, or else in ~/.cache/homerun-tests, and is made anew when the
    lock or the version of Python changes.
    """
    lock = Path(__file__).parent / "locks" / f"{name}.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(lock.read_bytes() + version.encode()).hexdigest()[:12]
    cache = cache_folder()
    folder = cache / f"{name}-{digest}"
    python, complete = folder / "bin" / "python", folder / "complete"
    with (cache / f"{name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # one test process makes it, the others wait
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            install = [python, *"-m pip install --quiet --no-deps -r".split(), lock]
            subprocess.run([str(word) for word in install], check=True)
            complete.touch()
    return python


def cache_folder() -> Path:
    """Return the folder of what tests make once and keep."""
    cache = Path(os.environ.get("HOMERUN_TEST_CACHE", "~/.cache/homerun-tests")).expanduser()
    cache.mkdir(parents=True, exist_ok=True)
    return cache
