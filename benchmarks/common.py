"""What all benchmarks share: the peers' environment, measured programs, and rows of the report."""

import hashlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
LABELS = {
    "wandb": "wandb offline",
    "tsp": "task-spooler",
    "parallel": "GNU parallel",
    "fastgpu": "fastgpu, repaired",
}
# Python would compile all modules anew in each process, which no installed program does, or
# write each line at once.
UNUSUAL = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the report: what was measured, the mark it must reach, ours and the peers'."""

    what: str
    mark: str
    ours: float
    unit: str = ""
    is_met: bool
    peers: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


def below(what: str, ours: float, limit: float, unit: str, **more: object) -> Row:
    """Return a row whose mark is an upper limit."""
    mark = f"<= {limit:g} {unit}" if limit else "0"
    return Row(what=what, mark=mark, ours=ours, unit=unit, is_met=ours <= limit, **more)


def figures(what: str, ours: float, unit: str, **more: object) -> Row:
    """Return a row that has no mark of its own."""
    return Row(what=what, mark="", ours=ours, unit=unit, is_met=True, **more)


def times_less(row: Row, peer: str, factor: float) -> Row:
    """Return a row whose mark is that a peer needs `factor` times as much as ours in `row`."""
    ratio = row.peers[peer] / row.ours
    return Row(
        what=f"{row.what}: {LABELS.get(peer, peer)} against ours",
        mark=f">= {factor:g} x",
        ours=ratio,
        unit="x",
        is_met=ratio >= factor,
    )


def peers_python(listed: str = "peers.txt") -> Path:
    """Return the Python of the environment with the listed peers, made when it is first needed."""
    pins = HERE / listed
    key = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:12]
    cache = Path(os.environ.get("HOMERUN_TEST_CACHE", "~/.cache/homerun-tests")).expanduser()
    folder = cache / f"{pins.stem}-{key}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        say(f"Installing {', '.join(pins.read_text().split())} into {folder}: a minute or two")
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", pins], check=True)
        (folder / "ready").touch()
    return python


@contextmanager
def folder() -> Iterator[Path]:
    """Give an empty folder, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="homerun-bench-") as path:
        yield Path(path)


def environment(cwd: Path) -> dict[str, str]:
    """Return the environment of a measured program: every tracker writes below `cwd`."""
    left_out = ("HOMERUN_", "WANDB_", *UNUSUAL)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    return {
        **kept,
        "HOME": str(cwd),
        "HOMERUN_HOME": str(cwd / "home"),
        "PATH": f"{Path(sys.executable).parent}:{kept.get('PATH', '')}",
        "TRACKIO_DIR": str(cwd / "trackio"),
        "WANDB_MODE": "offline",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_CEILING_DIRECTORIES": str(cwd.parent),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def call(tracker: str, program: str, *arguments: object, cwd: Path) -> subprocess.Popen:
    """Start a program of programs/ with the Python that has this tracker."""
    python = sys.executable if tracker == "homerun" else peers_python()
    return subprocess.Popen(
        # -P: the folder of the program must not hide a tracker's own modules.
        [python, "-P", PROGRAMS / f"{program}.py", *map(str, arguments)],
        cwd=cwd,
        env=environment(cwd),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen) -> object:
    """Wait for a program and return the JSON of its last line, None when it printed nothing."""
    output, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"{process.args} failed with {process.returncode}:\n{errors}")
    return json.loads(output.splitlines()[-1]) if output else None


def ask(tracker: str, program: str, *arguments: object, cwd: Path) -> object:
    """Run a program of programs/ to its end and return the JSON of its last line."""
    return answer(call(tracker, program, *arguments, cwd=cwd))


def die(tracker: str, calls: int, *, cwd: Path, count: int = 1) -> None:
    """Run programs that log and then kill themselves with SIGKILL."""
    started = [call(tracker, "log", tracker, calls, "die", cwd=cwd) for _ in range(count)]
    for process in started:
        _, errors = process.communicate()
        if process.returncode != -signal.SIGKILL:
            raise SystemExit(f"{tracker} ended with {process.returncode}:\n{errors}")


def medians(measures: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Return the median of each measure, taken in turns so that a busy moment hits all."""
    results: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(repeats):
        for name, measure in measures.items():
            results[name].append(measure())
    return {name: statistics.median(values) for name, values in results.items()}


def processor() -> str:
    """Return what the processor calls itself."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [text.partition(":")[2].strip() for text in lines if text.startswith("model name")]
    return names[0] if names else platform.machine()


def say(text: str) -> None:
    """Tell the person at the terminal what goes on."""
    print(text, file=sys.stderr, flush=True)
