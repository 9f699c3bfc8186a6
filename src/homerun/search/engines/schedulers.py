"""The function that W&B's `scheduler: {source, optimizer}` names, called as W&B calls it.

It takes a SweepInfo and returns what searches, or that and a function of it that tells when to end
(wandb 0.31, sdk/sweeps/scheduler/client.py).
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar

from homerun.core import SpecError
from homerun.search.engines.functions import calling, function_of_file
from homerun.spec import Sweep

T = TypeVar("T")


@dataclass(frozen=True)
class SweepInfo:
    """What the function of `scheduler.optimizer` is given; the fields are W&B's."""

    name: str
    entity: str
    project: str
    config: dict[str, Any]
    id: str = ""
    controller_run_name: str = ""


def made_by_optimizer(
    sweep: Sweep, folder: str, blame: str, kind: type[T]
) -> tuple[T, Callable[[T], bool]]:
    """Return what the function made, of this class, and whether that is at its end."""
    scheduler = sweep.scheduler
    assert scheduler is not None
    assert scheduler.source is not None
    assert scheduler.optimizer is not None
    function = function_of_file(scheduler.source, scheduler.optimizer, folder, blame)
    info = SweepInfo(
        name=sweep.name or "",
        entity=sweep.entity or "",
        project=sweep.project or "",
        config=deepcopy(dict(sweep.spec)),
    )
    with calling(blame, folder):
        answer = function(info)
    is_pair = isinstance(answer, tuple) and len(answer) == 2
    made, is_over = answer if is_pair else (answer, lambda _: False)
    if not isinstance(made, kind) or not callable(is_over):
        what = f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
        raise SpecError(
            f"{blame} returned {type(answer).__name__}; return an {what}, or one and a function "
            "of it that is true when the search is over"
        )
    return made, is_over
