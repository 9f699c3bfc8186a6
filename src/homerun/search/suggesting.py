"""The next configurations of a sweep, by its search; the searches without the rest of homerun."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from homerun.core import MissingExtraError, UsageError, config_hash
from homerun.search.filling import fill, restart
from homerun.search.observations import Observation, Suggestion
from homerun.search.tables import observations_of
from homerun.spec import Sweep, from_dict, part_of

try:
    import numpy as np

    from homerun.search.aims.aims import Search, one_by_one
    from homerun.search.portfolio import SEARCHES
except ModuleNotFoundError as error:
    if str(error.name).partition(".")[0] not in ("numpy", "scipy", "sklearn", "threadpoolctl"):
        raise
    raise MissingExtraError("method: bayes needs: pip install 'homerun[search]'") from error

if TYPE_CHECKING:
    from pandas import DataFrame


def suggest_runs(
    sweep: Sweep, observations: Sequence[Observation], *, n: int, seed: str, folder: str = "."
) -> list[Suggestion]:
    """Return the next n configurations of a sweep; fewer, or none, once its space is used up.

    The same arguments always give the same ones, none of which the sweep has in any state. Runs of
    other sweeps, which have a `source`, inform the search and may be proposed again.
    `folder`: where functions of the user are looked up.
    """
    own = sum(not run.source for run in observations)
    digest = hashlib.sha256(f"{seed}/{own}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:16], "big"))
    return search_of(sweep, folder)(sweep, observations, rng, n)


def search_of(sweep: Sweep, folder: str = ".") -> Search:
    """Return the search that a sweep names."""
    from homerun.search.engines.bridges import bridge_of  # noqa: PLC0415  other packages' searches

    search = bridge_of(sweep, folder) or SEARCHES[sweep.settings.search]
    is_narrowing = bool(sweep.metrics) or sweep.settings.budget_s is not None
    return one_by_one(search) if is_narrowing else search


def suggest(
    spec: Mapping[str, Any],
    runs: "Sequence[Mapping[str, Any]] | DataFrame" = (),
    n: int = 1,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Return the next n configurations for a sweep, by what its runs so far tell.

    `spec`: a sweep as W&B writes it; `program` may be left out. `method: bayes` learns from the
    runs (`homerun: {search: ...}` says how), `random` and `grid` only keep off what was run.

    `runs`: a list with a mapping for each run, or a DataFrame with a row for each, such as
    `hr.runs()` gives. Of a mapping these keys count:
      config   the values of the parameters, nested as in the sweep or with dotted names
      METRIC   the outcome, under the name of the metric, or as `value` or `metric`, or in a
               mapping `summary`; None, or left out, while there is none
      state    one of homerun's states; left out: finished with an outcome, else running
      runtime_s      seconds, for a `budget`
      out_of_memory  `gpu` or `host`, of a failed run that died of it
    A DataFrame has a column for each parameter, by dotted name (`config.NAME` where another column
    has that name), one for the metric (or `summary.NAME`) and, if you like, the others.
    Failed runs count as the metric's `impute` says, running ones as the model expects. Runs that
    lack a parameter are passed over; one that has a single value need not be given.

    `seed`: the same arguments always give the same configurations.
    Fewer than n, or none, come back when the space, or `run_cap`, is used up.
    """
    if n < 0:
        raise UsageError(f"n is {n}; give 0 or more")
    sweep = from_dict(dict(spec))
    sweep = replace(sweep, settings=replace(sweep.settings, seed=sweep.settings.seed + seed))
    observations = observations_of(sweep, runs)
    if sweep.method in ("grid", "random"):
        return _unguided(sweep, observations, n)
    if sweep.run_cap is not None:
        n = min(n, max(sweep.run_cap - len(observations), 0))
    found = suggest_runs(sweep, observations, n=n, seed=str(sweep.settings.seed))
    return [suggestion.config for suggestion in found]


def _unguided(sweep: Sweep, observations: Sequence[Observation], n: int) -> list[dict[str, Any]]:
    """Return the next points of a grid, or draws, which are not among the runs."""
    times: Counter[str] = Counter()
    seen = set()
    for run in observations:
        part = part_of(sweep, run.config)
        if part is not None:
            key = config_hash(part)
            seen.add((key, times[key]))
            times[key] += 1
    filled = fill(sweep, cursor=restart(len(observations)), n=n, seen=seen)
    return [proposal.config for proposal in filled.proposals]
