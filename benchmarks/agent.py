"""What an agent adds to each run, against xargs, which records nothing."""

import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from common import Row, below, environment, folder, medians

RUNS = 200
SLOTS = 2
PROGRAMS = {"/bin/true": ["/bin/true"], "python -c pass": ["python", "-c", "pass"]}
CHECK = "SELECT count(*) FROM run WHERE state = 'finished' AND exit_code = 0"


def rows(repeats: int) -> Iterator[Row]:
    """Run 200 short programs in two slots, from the start of `homerun run` to its end."""
    for name, command in PROGRAMS.items():
        measures = {"homerun": partial(agent_ms, command), "xargs": partial(xargs_ms, command)}
        cost_ms = medians(measures, repeats)
        ours, xargs = cost_ms["homerun"], cost_ms["xargs"]
        what = f"an agent, {SLOTS} slots, {RUNS} x {name}"
        if name == "/bin/true":
            yield below(what, ours, 15, "ms a run", peers={"xargs": xargs})
        else:
            yield Row(
                what=what,
                mark="<= 1.4 x xargs",
                ours=ours,
                unit="ms a run",
                is_met=ours <= 1.4 * xargs,
                peers={"xargs": xargs},
            )


def agent_ms(command: list[str]) -> float:
    """Return the wall time of one run of a sweep; check that every run is fully recorded."""
    with folder() as cwd:
        items = "".join(f"  - {item}\n" for item in command)
        text = f"method: grid\ncommand:\n{items}parameters:\n  i: {{min: 1, max: {RUNS}}}\n"
        (cwd / "sweep.yaml").write_text(text)
        homerun = Path(sys.executable).with_name("homerun")
        cost_ms = wall_ms([homerun, "run", "--slots", str(SLOTS), "sweep.yaml"], cwd)
        logs = len(list((cwd / "home" / "runs").glob("*/output.log")))
        recorded = subprocess.check_output(
            [homerun, "sql", CHECK], cwd=cwd, env=environment(cwd), text=True
        )
        assert logs == RUNS and str(RUNS) in recorded, f"{logs} logs, recorded:\n{recorded}"
        return cost_ms


def xargs_ms(command: list[str]) -> float:
    """Return the wall time of one program under xargs."""
    with folder() as cwd:
        (cwd / "numbers").write_text("".join(f"{i}\n" for i in range(RUNS)))
        words = ["xargs", "-a", "numbers", f"-P{SLOTS}", "-I{}", *command]
        return wall_ms(words, cwd)


def wall_ms(command: list[object], cwd: Path) -> float:
    """Return the milliseconds a run that a command for RUNS runs takes."""
    start = time.monotonic()
    done = subprocess.run(command, cwd=cwd, env=environment(cwd), capture_output=True, text=True)  # noqa: PLW1510
    if done.returncode:
        raise SystemExit(f"{command} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return (time.monotonic() - start) * 1e3 / RUNS
