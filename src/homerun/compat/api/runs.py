"""Runs that were asked for, read a page at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from homerun.compat.api.errors import CommError
from homerun.compat.api.looks import RUNS, runs_html
from homerun.compat.api.place import Place
from homerun.compat.api.rows import Row, as_frame, as_polars, history_rows
from homerun.compat.api.run import Run
from homerun.compat.notebook import show_frames
from homerun.core import UsageError
from homerun.store import find_runs, found_runs, projects, runs_frame

if TYPE_CHECKING:
    from pandas import DataFrame

_PAGE = 500  # runs read at once; W&B's pages of 50 would open the database ten times as often
_FORMATS = ("default", "pandas", "polars")


class Runs:
    """A collection of runs: len(), iteration, indexes and slices; `df()` is all of it as a table.

    Which runs there are is found out once, when it is first used; each is read when it is reached.
    """

    def __init__(
        self,
        place: Place,
        *,
        entity: str = "",
        project: str | None = None,
        sweep: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,
    ) -> None:
        self._place = place
        self._sweep = sweep
        self._numbers: list[int] | None = None
        self._runs: dict[int, Run] = {}  # by index
        self._rest: Iterator[Run] | None = None  # what next() goes on with
        self.entity = entity or place.entity
        self.project = project
        self.filters = filters or {}
        self.order = order
        self.per_page = per_page

    def __repr__(self) -> str:
        return f"<Runs {self.entity}/{self.project or '*'}>"

    def _repr_html_(self) -> str:
        title = self.project or (f"sweep {self._sweep}" if self._sweep else "all projects")
        return runs_html(title, [run.found for run in self[:RUNS]], len(self))

    def __len__(self) -> int:
        return len(self._found())

    def __bool__(self) -> bool:
        return bool(self._found())

    def __iter__(self) -> Iterator[Run]:
        for index in range(len(self._found())):
            run = self._at(index)
            if run is not None:  # else it was removed a moment ago
                yield run

    def __next__(self) -> Run:
        if self._rest is None:
            self._rest = iter(self)
        return next(self._rest)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> list[Run]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            found = [self._at(i) for i in range(len(self))[index]]
            return [run for run in found if run is not None]
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} runs, so there is no number {index}")
        run = self._at(index % len(self))
        if run is None:
            raise IndexError(f"run {index} of this collection was removed a moment ago")
        return run

    @property
    def length(self) -> int:
        """Return how many runs there are."""
        return len(self)

    @property
    def more(self) -> bool:
        """Return whether some were not read yet."""
        return len(self._runs) < len(self)

    def df(self) -> "DataFrame":
        """Return one row a run, in this order, with the columns of `homerun.runs()`."""
        with self._place.settled() as store:
            ids = [run.id for run in found_runs(store, self._found())]
            frame = runs_frame(store, ids=ids, sweep=self._sweep)
        position = {run_id: index for index, run_id in enumerate(frame.id)}
        ordered = frame.iloc[[position[run_id] for run_id in ids if run_id in position]]
        show_frames()
        return ordered.reset_index(drop=True)

    def histories(
        self,
        samples: int | None = None,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        format: str = "default",  # noqa: A002  W&B's name
        stream: str = "default",
    ) -> Any:
        """Return the history of all runs, one row a step, with `run_id`: rows or a DataFrame.

        Every row is there unless `samples` says how many are wanted of each run.
        """
        if format not in _FORMATS:
            raise UsageError(f"format={format!r} is unknown; use one of {', '.join(_FORMATS)}")
        rows: list[Row] = []
        for run in self:
            found = run.found
            of_run = history_rows(
                self._place, found, keys=keys, x_axis=x_axis, stream=stream, samples=samples
            )
            rows += [{"run_id": run.id, **row} for row in of_run]
        if format == "pandas":
            return as_frame(rows, ["run_id", x_axis, *(keys or ())])
        return as_polars(rows) if format == "polars" else rows

    def _found(self) -> list[int]:
        if self._numbers is None:
            with self._place.settled() as store:
                if self.project and self.project not in projects(store):
                    raise CommError(
                        f"Could not find project {self.project!r}; those that are there: "
                        f"{', '.join(projects(store)) or 'none'}"
                    )
                self._numbers = find_runs(
                    store,
                    self.filters,
                    order=self.order,
                    sweep=self._sweep,
                    project=self.project,
                )
        return self._numbers

    def _at(self, index: int) -> Run | None:
        if index not in self._runs:
            numbers = self._found()[index : index + _PAGE]
            with self._place.store() as store:
                found = {run.number: run for run in found_runs(store, numbers)}
            for offset, number in enumerate(numbers):
                if number in found and index + offset not in self._runs:
                    self._runs[index + offset] = Run(self._place, found[number], entity=self.entity)
        return self._runs.get(index)
