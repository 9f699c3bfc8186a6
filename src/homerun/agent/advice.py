"""Which run of a sweep in the home is best, by a model of all of them."""

from dataclasses import replace

from homerun.agent.observing import observations
from homerun.core import SweepRecord
from homerun.search import Recommendation, recommend
from homerun.spec import Metric, from_dict
from homerun.store import Store, run_numbers


def recommended(
    store: Store, record: SweepRecord, *, metric: Metric | None = None
) -> Recommendation:
    """Return which run of a sweep is best; `metric`: by another one than its own.

    Runs are called by their numbers. Raises SpecError for a sweep whose file is none,
    UsageError where no metric says what is best.
    """
    sweep = from_dict(record.spec, source=f"sweep {record.id}")
    if metric is not None:
        sweep = replace(sweep, metric=metric, metrics=())
    numbers = run_numbers(store, record.id)
    names = {run_id: str(number) for run_id, number in numbers.items()}
    return recommend(sweep, observations(store, record, sweep, prior=()), names=names)
