"""Programs that track themselves, as a user writes them, each in a process of its own."""

import os
import subprocess
import sys
import textwrap

from homerun.store import Store, settle


def start(code: str, *, cwd=None, **environ: str) -> subprocess.Popen[str]:
    """Start a program; the home comes from the environment."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environ}
    if "RLIMIT_FSIZE" not in code:  # that would leave half-written modules behind, too
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled modules make short programs bearable
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=env,
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(code: str, *, returncode: int = 0, cwd=None, **environ: str) -> tuple[str, str]:
    """Run a program to its end and return what it wrote to stdout and stderr."""
    with start(code, cwd=cwd, **environ) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == returncode, err
    return out, err


def only_run(home):
    """Return the one run of a home, settled."""
    with Store(home) as store:
        settle(store)
        (run,) = store.runs()
        return run


def points(home, run_id: str, key: str) -> list[tuple[int, object]]:
    """Return (step, value) of every point of a metric in the order in which it was logged."""
    with Store(home) as store:
        settle(store)
        rows = store.rows(
            "SELECT step, value FROM history WHERE run = ? AND key = ?", (run_id, key)
        )
    return [(step, value) for step, value in rows]
