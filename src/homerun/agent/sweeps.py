"""Making a sweep from its checked file."""

import os
from pathlib import Path

from homerun.core import SweepRecord
from homerun.search import count
from homerun.spec import Sweep, command_line
from homerun.store import Store

PROJECT = "uncategorized"  # W&B's name for the project of those who named none


def create_sweep(
    store: Store, sweep: Sweep, *, source: str = "", cwd: Path, project: str | None = None
) -> SweepRecord:
    """Check that a sweep can be run here, record it and return it; agents then take its runs.

    Raises SpecError. `cwd`: where its programs start.
    """
    planned = count(sweep).planned
    command_line(  # a missing program is said now, not by every run
        sweep, {}, run_id="run", sweep_id="sweep", folder=store.home, environ=os.environ
    )
    return store.add_sweep(
        sweep.spec,
        project=project or sweep.project or PROJECT,
        name=sweep.name or "",
        source=source,
        cwd=str(cwd.absolute()),
        planned=planned,
    )
