"""Making a sweep from its checked file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homerun.agent.observing import resolve_priors
from homerun.core import SweepRecord
from homerun.search import check_extra, count
from homerun.spec import Sweep, command_line
from homerun.store import Store

PROJECT = "uncategorized"  # W&B's name for the project of those who named none


def needs_function(spec: Mapping[str, Any]) -> bool:
    """Tell whether a sweep names nothing to start, so that a function is to be called."""
    return not spec.get("program") and "command" not in spec


def create_sweep(
    store: Store,
    sweep: Sweep,
    *,
    source: str = "",
    cwd: Path,
    project: str | None = None,
    is_for_function: bool = False,
) -> SweepRecord:
    """Check that a sweep can be run here, record it and return it; agents then take its runs.

    Raises SpecError, and MissingExtraError where its search cannot run. `cwd`: where its programs
    start; `is_for_function`: it may have none.
    """
    planned = count(sweep).planned
    check_extra(sweep)
    sweep, _ = resolve_priors(store, sweep)
    if not (is_for_function and needs_function(sweep.spec)):
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
