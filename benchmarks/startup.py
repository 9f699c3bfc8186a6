"""What it costs to import a tracker, and to begin and end an empty run."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

from common import Row, ask, below, environment, folder, medians, peers_python

IMPORTS = {
    "homerun": "from homerun import init, log, finish",  # `import homerun` alone loads nothing yet
    "trackio": "import trackio",
    "tensorboard": "from tensorboard.summary.writer.event_file_writer import EventFileWriter",
    "wandb": "import wandb",
    "mlflow": "import mlflow",
}
HEAVY = ("pandas", "numpy", "sklearn")


def rows(repeats: int) -> Iterator[Row]:
    """Measure imports without Python's own start, then empty runs in a dirty git checkout."""
    repeats = max(repeats, 5)
    measures = {name: partial(import_ms, code, name) for name, code in IMPORTS.items()}
    measures["nothing"] = partial(import_ms, "pass", "homerun")
    cost_ms = medians(measures, repeats)
    nothing = cost_ms.pop("nothing")
    cost_ms = {name: value - nothing for name, value in cost_ms.items()}
    yield below("import, CPU", cost_ms.pop("homerun"), 60, "ms", peers=cost_ms)

    loaded = {name: modules(name) for name in IMPORTS}
    ours = loaded.pop("homerun")
    heavy = [name for name in HEAVY if name in ours]
    yield Row(
        what="modules loaded by import",
        mark=f"no {', '.join(HEAVY)}",
        ours=len(ours),
        is_met=not heavy,
        peers={name: len(names) for name, names in loaded.items()},
        note=f"loads {', '.join(heavy)}" if heavy else "",
    )

    trackers = ("homerun", "trackio", "wandb")
    cost_ms = medians({name: partial(empty_ms, name) for name in trackers}, repeats)
    ours = cost_ms.pop("homerun")
    yield below("init and finish of an empty run, CPU", ours, 50, "ms", peers=cost_ms)


def import_ms(code: str, tracker: str) -> float:
    """Return the CPU that a new Python needs for some code."""
    with folder() as cwd:
        process = subprocess.Popen([python(tracker), "-c", code], cwd=cwd, env=environment(cwd))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, code
        return (usage.ru_utime + usage.ru_stime) * 1e3


def modules(tracker: str) -> list[str]:
    """Return the modules that are loaded after the import."""
    code = f"{IMPORTS[tracker]}; import sys, json; print(json.dumps(list(sys.modules)))"
    with folder() as cwd:
        command = [python(tracker), "-c", code]
        return json.loads(subprocess.check_output(command, cwd=cwd, env=environment(cwd)))


def empty_ms(tracker: str) -> float:
    """Return the CPU of init and finish in a git checkout with a changed file."""
    with folder() as cwd:
        git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com"]
        (cwd / "train.py").write_text("print(1)\n" * 500)
        for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Start"]):
            subprocess.run([*git, *command], cwd=cwd, check=True)
        (cwd / "train.py").write_text("print(2)\n" * 500)
        cost = ask(tracker, "log", tracker, 0, cwd=cwd)
        return (cost["init"] + cost["finish"]) * 1e3


def python(tracker: str) -> object:
    """Return the Python that has this tracker."""
    return sys.executable if tracker == "homerun" else peers_python()
