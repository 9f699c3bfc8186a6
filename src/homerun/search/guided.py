"""Sweeps that learn: what they run next follows from the results of what they ran before."""

import math
from collections.abc import Container, Sequence
from dataclasses import replace
from importlib import import_module

from homerun.core import MissingExtraError, RunState, SpecError, config_hash
from homerun.search import filling
from homerun.search.filling import Filled, Proposal, fill, most_runs, proposed, restart
from homerun.search.observations import Observation, Suggestion
from homerun.spec import Sweep

_UNDER_WAY = frozenset({RunState.PENDING, RunState.RUNNING})
_LIBRARIES = ("numpy", "scipy", "sklearn")
_OF_PROGRAM = Suggestion(config={}, by="default", note="the program's own defaults")
NO_VALUES = config_hash(_OF_PROGRAM.config)  # fingerprint of a run with the program's own defaults


def is_guided(sweep: Sweep) -> bool:
    """Return whether results decide what a sweep runs next."""
    return sweep.method in ("bayes", "custom") and not sweep.settings.configs


def is_users(sweep: Sweep) -> bool:
    """Return whether code of the user's decides what is run next."""
    name = sweep.settings.search
    has_source = sweep.scheduler is not None and sweep.scheduler.source is not None
    return has_source or (":" in name and not name.startswith("optuna:"))


def check_extra(sweep: Sweep) -> None:
    """Raise MissingExtraError where a sweep that learns lacks the libraries it needs."""
    from importlib.util import find_spec  # noqa: PLC0415  rarely needed

    if is_guided(sweep) and not all(map(find_spec, _LIBRARIES)):
        raise MissingExtraError(f"method: {sweep.method} needs: pip install 'homerun[search]'")


def load_search() -> None:
    """Load what a search needs, before it is needed: that takes a second or two."""
    for name in ("homerun.search.suggesting", "scipy.stats", "sklearn.ensemble"):
        import_module(name)


def fill_guided(
    sweep: Sweep,
    observations: Sequence[Observation],
    *,
    cursor: int,
    n: int,
    seen: Container[tuple[str, int]] = frozenset(),
    folder: str = ".",
) -> Filled:
    """Return up to n next runs, and why; the same arguments always give the same ones.

    `cursor` and `seen` as for `fill`; `folder`: where functions of the user are looked up. All
    repeats of a configuration come together.
    """
    from homerun.search.aims.budget import is_spent  # noqa: PLC0415  loads statistics

    # Runs under way may end sooner than expected, and leave some of the budget.
    is_waiting = sweep.settings.budget_s is not None and any(
        not run.source and run.state in _UNDER_WAY for run in observations
    )
    if is_spent(sweep, observations):
        return Filled(proposals=(), cursor=cursor, exhausted=not is_waiting, waits=is_waiting)
    made, repeats = proposed(cursor), sweep.settings.repeats
    left = min(n, most_runs(sweep) - made)
    wanted = math.ceil(left / repeats)
    suggestions: list[Suggestion] = []
    if wanted > 0 and sweep.settings.begins_with_program and (NO_VALUES, 0) not in seen:
        suggestions.append(_OF_PROGRAM)
    asked = wanted - len(suggestions)
    found: list[Suggestion] = []
    if asked > 0:
        from homerun.search.suggesting import suggest_runs  # noqa: PLC0415  loads numpy and scipy

        found = suggest_runs(
            sweep, observations, n=asked, seed=str(sweep.settings.seed), folder=folder
        )
    runs = [(one, repeat) for one in [*suggestions, *found] for repeat in range(repeats)]
    runs = [run for run in runs if (config_hash(run[0].config), run[1]) not in seen]
    runs = runs[: most_runs(sweep) - made]
    return Filled(
        proposals=tuple(Proposal(one.config, repeat) for one, repeat in runs),
        cursor=cursor + len(runs),
        exhausted=(len(found) < asked and not is_waiting) or made + len(runs) >= most_runs(sweep),
        waits=is_waiting,
        reasons=tuple(one.reason() for one, _ in runs),
    )


def ends(sweep: Sweep) -> tuple[Proposal, Proposal | None]:
    """Return the first and the last proposal; None for a last one that is not soon found."""
    if not is_guided(sweep):
        return filling.ends(sweep)
    filled = fill_guided(sweep, (), cursor=0, n=1)
    if not filled.proposals:
        raise SpecError(f"{sweep.source}: homerun.search: {sweep.settings.search} begins with none")
    return filled.proposals[0], None


def fill_at_random(
    sweep: Sweep, *, cursor: int, n: int, seen: Container[tuple[str, int]], why: str
) -> Filled:
    """Return up to n next runs of a sweep whose search cannot be used, drawn at random."""
    drawn = replace(sweep, method="random")
    filled = fill(drawn, cursor=restart(proposed(cursor)), n=n, seen=seen)
    reason = Suggestion(config={}, by="random", note=why).reason()
    return replace(
        filled,
        cursor=cursor + len(filled.proposals),
        reasons=(reason,) * len(filled.proposals),
    )
