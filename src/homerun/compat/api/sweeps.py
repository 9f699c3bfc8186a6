"""Sweeps, as W&B's Api gives them."""

from typing import TYPE_CHECKING, Any

from homerun.compat.api.errors import CommError
from homerun.compat.api.looks import list_html, sweep_html
from homerun.compat.api.place import Place
from homerun.compat.api.reading import Listed
from homerun.compat.api.run import Run
from homerun.compat.api.runs import Runs
from homerun.core import NotFoundError, SpecError, SweepRecord, UsageError, counted, flat, shown
from homerun.store import find_runs, found_runs

if TYPE_CHECKING:
    from pandas import DataFrame

    from homerun.search import Recommendation


class Sweep:
    """A sweep of the home, with W&B's names."""

    def __init__(self, place: Place, record: SweepRecord, *, entity: str = "") -> None:
        self._place = place
        self._record = record
        self._runs: Runs | None = None
        self.entity = entity or place.entity

    def __repr__(self) -> str:
        return f"<Sweep {'/'.join(self.path)} ({self.state})>"

    def _repr_html_(self) -> str:
        metric, parameters = self._record.metric, self.config.get("parameters") or {}
        facts = {
            "id": self.id,
            "method": str(self.config.get("method", "")),
            "program": str(self.config.get("program") or ""),
            "parameters": ", ".join(parameters),
        }
        with self._place.settled() as store:
            counts, planned = store.counts(self.id), self.expected_run_count
        first = self._first(self.order) if self.order else None
        best = ""
        if metric is not None and first is not None:
            value = flat(first.found.summary).get(metric.name)
            best = f"best {metric.name} {shown(value)} by {first.name} ({first.number})"
        return sweep_html(
            f"{self.project} > {self.name}",
            {name: fact for name, fact in facts.items() if fact},
            state=self.state,
            counts={str(name): number for name, number in counts.items()},
            planned=planned,
            best=best,
        )

    @property
    def id(self) -> str:
        """Return the id of the sweep."""
        return self._record.id

    @property
    def name(self) -> str:
        """Return the name that people read."""
        return self._record.name

    display_name = name

    @property
    def project(self) -> str:
        """Return the name of the project."""
        return self._record.project

    @property
    def path(self) -> list[str]:
        """Return entity, project and id."""
        return [self.entity, self.project, self.id]

    @property
    def url(self) -> None:
        """Return None: a home has no web page."""
        return None

    @property
    def config(self) -> dict[str, Any]:
        """Return what the sweep file says."""
        return self._record.spec

    @property
    def state(self) -> str:
        """Return RUNNING, PAUSED, FINISHED or CANCELED."""
        return self._record.state.upper()

    @property
    def expected_run_count(self) -> int | None:
        """Return how many runs it will have, None when there is no end."""
        return self._record.planned

    @property
    def order(self) -> str | None:
        """Return the order that puts the best run first, None for a sweep without metric."""
        metric = self._record.metric
        sign = "-" if metric and metric.is_maximized else "+"
        return f"{sign}summary_metrics.{metric.name}" if metric else None

    @property
    def runs(self) -> Runs:
        """Return the runs of the sweep, those that it took over from another included."""
        if self._runs is None:
            self._runs = Runs(self._place, entity=self.entity, sweep=self.id)
        return self._runs

    def best_run(self, order: str | None = None) -> Run | None:
        """Return the run that is best by a model of all; with an order the first in it; or None.

        W&B's is the best value, which of noisy results is mostly a lucky one; that is what
        `order=sweep.order` gives, and what there is before a model has enough runs.
        """
        found = self._recommended() if order is None else None
        return found or self._first(order or self.order)

    @property
    def recommendation(self) -> "Recommendation":
        """Return which run is best, how sure that is and what would tell, as `homerun best`."""
        from homerun.agent import recommended  # noqa: PLC0415  as needed

        with self._place.settled() as store:
            return recommended(store, store.sweep(self.id))

    def _recommended(self) -> Run | None:
        """Return the run that a model recommends; None where there is no model."""
        try:
            best = self.recommendation.best
        except (SpecError, UsageError):
            return None  # it was not made from a sweep file, or has no metric
        if best is None or best.mean is None:
            return None
        with self._place.store() as store:
            found = found_runs(store, [store.run(best.id).number])
        return Run(self._place, found[0], entity=self.entity) if found else None

    def _first(self, order: str | None) -> Run | None:
        """Return the first run in an order that has a value there."""
        if order is None:
            raise UsageError(
                f"sweep {self.id} has no metric; give best_run() an order such as "
                "'+summary_metrics.loss'"
            )
        has_value = {order.lstrip("+-"): {"$exists": True, "$ne": None}}
        with self._place.settled() as store:
            numbers = find_runs(store, has_value, order=order, sweep=self.id, limit=1)
            found = found_runs(store, numbers)
        return Run(self._place, found[0], entity=self.entity) if found else None

    def df(self) -> "DataFrame":
        """Return one row a run, as `homerun.runs(sweep=...)`."""
        return self.runs.df()

    def load(self, force: bool = False) -> dict[str, Any]:  # noqa: ARG002  W&B's
        """Read the sweep anew, its runs, too."""
        with self._place.settled() as store:
            self._record = store.sweep(self.id)
        self._runs = None
        return vars(self._record)

    def to_html(self, *_args: object, **_options: object) -> str:
        """Refuse: a home has no web page to show."""
        raise UsageError(f"sweep {self.id} has no web page; use homerun show {self.id}")


class Sweeps(Listed[Sweep]):
    """The sweeps of a project, oldest first."""

    def __init__(self, place: Place, entity: str, project: str) -> None:
        self._place = place
        self.entity = entity
        self.project = project

    def __repr__(self) -> str:
        return f"<Sweeps {self.entity}/{self.project}>"

    def _repr_html_(self) -> str:
        sweeps = list(self)
        with self._place.store() as store:
            counts = [store.counts(sweep.id) for sweep in sweeps]
        rows = [
            {
                "sweep": sweep.id,
                "name": sweep.name,
                "state": sweep.state,
                "method": str(sweep.config.get("method", "")),
                "runs": ", ".join(f"{number} {state}" for state, number in of.items() if number),
            }
            for sweep, of in zip(sweeps, counts, strict=True)
        ]
        return list_html(self.project, counted(len(sweeps), "sweep"), rows)

    def _read(self) -> list[Sweep]:
        with self._place.settled() as store:
            records = store.sweeps(self.project)
        return [Sweep(self._place, one, entity=self.entity) for one in records]


def find_sweep(place: Place, ref: str, entity: str = "", project: str = "") -> Sweep:
    """Return the sweep that answers to an id, beginning of one or name; else raise CommError."""
    with place.settled() as store:
        try:
            record = store.sweep(ref)
        except NotFoundError as error:
            raise CommError(f"Could not find sweep <Sweep {ref} (not found)>: {error}") from error
    if project and record.project != project:
        raise CommError(
            f"Could not find sweep <Sweep {project}/{ref} (not found)>: it is in project "
            f"{record.project}"
        )
    return Sweep(place, record, entity=entity)
