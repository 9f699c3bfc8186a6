"""GPUs for machines that have none: a real libnvidia-ml.so.1 that tells what a test wants.

The loader looks for libraries where LD_LIBRARY_PATH said when a process began, so the code under
test runs in a child process that is started with `FakeGpus.env`.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_name("fake_nvml.c")
_SHELL = """
import json, sys
for line in sys.stdin:
    value = eval(line)
    print(json.dumps(value, default=vars), flush=True)
"""
_KEYS = {
    "used_mib": "used",
    "total_mib": "total",
    "power_w": "power",
    "limit_w": "limit",
    "energy_mj": "energy",
    "temperature_c": "temp",
    "utilization": "util",
    "memory_utilization": "memutil",
}


class FakeGpus:
    """So many GPUs, as long as `env` is in the environment of a process."""

    def __init__(self, folder, count=3, memory_mib=81920):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "libnvidia-ml.so.1").write_bytes(_library())
        self.state = folder / "gpus.txt"
        self._looks = folder / "looks"
        self.ids = [f"GPU-{i:08x}-0000-4000-8000-00000000fa6e" for i in range(count)]
        self._lines = [
            {
                "uuid": uuid,
                "name": "Fake A100",
                "bus": 65 + i,
                "total": memory_mib,
                "used": 0,
                "power": 60_000,
                "limit": 400_000,
                "energy": 0,
                "temp": 35,
                "util": 0,
                "memutil": 0,
                "sm": 1410,
                "mem": 1593,
                "gfx": 1410,
                "ecc": 0,
                "uecc": 0,
                "processes": "",
            }
            for i, uuid in enumerate(self.ids)
        ]
        self._write()
        path = [str(folder), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        self.env = {
            "LD_LIBRARY_PATH": os.pathsep.join(path),
            "FAKE_NVML_STATE": str(self.state),
            "FAKE_NVML_LOOKS": str(self._looks),
        }

    @property
    def environ(self):
        """The environment of this process with these GPUs, of which all are visible."""
        hiding = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
        ours = {name: value for name, value in os.environ.items() if name not in hiding}
        return {**ours, **self.env}

    def set(self, index, **facts):
        """Change what a GPU tells: used_mib, energy_mj, power_w, lost, hang, ...; None: no sensor.

        `processes` is a list of (pid, MiB), with "g" as third for one that only draws.
        """
        line = self._lines[index]
        for name, value in facts.items():
            if value is None:
                line.pop(_KEYS.get(name, name), None)
            else:
                line[_KEYS.get(name, name)] = _text(name, value)
        self._write()

    def split(self, index, count=2):
        """Put a GPU into MIG mode and return the ids of its instances."""
        self.set(index, mig=1, util=None, memutil=None, energy=None)
        parent = self._lines[index]
        ids = [f"MIG-{index:08x}-0000-4000-8000-{i:012x}" for i in range(count)]
        for uuid in ids:
            line = {"uuid": uuid, "name": "Fake A100 MIG 3g.40gb", "parent": index}
            self._lines.append({**line, "total": parent["total"] // 2, "used": 0, "processes": ""})
        self._write()
        return ids

    def wait_for_looks(self, count=2):
        """Wait until somebody has looked so often at what runs on a GPU."""
        deadline = time.monotonic() + 60
        wanted = self._count_looks() + 2 * count  # what computes, what draws
        while self._count_looks() < wanted:
            assert time.monotonic() < deadline, "nobody looks"
            time.sleep(0.01)

    @contextmanager
    def shell(self, setup, **env):
        """Give a function that evaluates expressions in a process that sees these GPUs."""
        process = subprocess.Popen(
            [sys.executable, "-c", f"{setup}\n{_SHELL}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**self.environ, **env},
            text=True,
        )

        def ask(expression):
            process.stdin.write(f"{expression}\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        with process:
            yield ask
            process.stdin.close()
        assert process.returncode == 0

    def python(self, code, *, check=True, **env):
        """Run a piece of Python that sees these GPUs and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**self.environ, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def _count_looks(self):
        return self._looks.stat().st_size if self._looks.exists() else 0

    def _write(self):
        lines = [";".join(f"{k}={v}" for k, v in line.items()) + "\n" for line in self._lines]
        new = self.state.with_suffix(".new")
        new.write_text("".join(lines))
        new.replace(self.state)


def _text(name, value):
    """Return a fact in the units of the state file."""
    if name == "processes":
        parts = [["-" if part is None else str(part) for part in process] for process in value]
        return ",".join(map(":".join, parts))
    if name in {"power_w", "limit_w"}:
        value *= 1000
    return int(value)


@cache
def _library():
    """Compile the library, once in a test process, and return it."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler, cc")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "libnvidia-ml.so.1"
        options = "-shared -fPIC -O1 -Wall -Werror -o".split()
        subprocess.run(["cc", *options, target, _SOURCE], check=True)
        return target.read_bytes()
