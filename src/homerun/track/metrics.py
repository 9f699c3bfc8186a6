"""What define_metric said, and what it makes of the rows that are logged."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from homerun.core import (
    Definition,
    UsageError,
    definition_for,
    leaves,
    parse_aggregations,
    summarize,
)
from homerun.store import Stats

Known = tuple[dict[str, Definition], dict[str, Stats]]  # definitions, statistics by key


class Metrics:
    """Definitions of metrics and the statistics that their summaries need."""

    def __init__(self, known: Callable[[], Known]) -> None:
        self._definitions: dict[str, Definition] = {}
        self._steps: set[str] = set()  # metrics that are the x axis of others
        self._last: dict[str, Any] = {}  # their last values
        self._found: dict[str, Definition | None] = {}  # by metric, what applies to it
        self._stats: dict[str, Stats] = {}
        self._known = known  # all that was logged before, also by earlier processes

    def define(self, new: Definition, *, overwrite: bool) -> Definition:
        """Add to what is defined for a metric or glob, or replace it; return the result."""
        before = None if overwrite else self._definitions.get(new.name)
        merged = new if before is None else _merged(before, new)
        if merged.summary and not any(d.summary for d in self._definitions.values()):
            _, self._stats = self._known()
        self._set({**self._definitions, merged.name: merged})
        return merged

    def restore(self, known: Known) -> None:
        """Go on with the definitions and statistics of the part of the run before this one."""
        definitions, self._stats = known
        self._set(definitions)

    def is_plain(self, keys: Iterable[str]) -> bool:
        """Tell whether no definition has anything to do with a row of these keys."""
        if not self._definitions:
            return True
        return not any(key in self._steps or self._needs_work(key) for key in keys)

    def with_steps(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return the row with the last value of each step metric that belongs to it and lacks."""
        for key in row:
            definition = self._definition(key)
            step = definition.step_metric if definition else None
            if step and step not in row and step in self._last and _syncs(definition):
                row = {**row, step: self._last[step]}
        self._last.update((step, row[step]) for step in self._steps if step in row)
        return row

    def summarize(self, row: Mapping[str, Any], step: int) -> dict[str, Any]:
        """Return what a row changes in the summary; None: the key is not in it any more."""
        news: dict[str, Any] = {}
        for key, value in leaves(row):
            definition = self._definition(key)
            if definition is None or not definition.summary:
                if value is not None:
                    news[key] = value
            else:
                stats = self._stats.setdefault(key, Stats())
                stats.add([step], [value])
                news[key] = summarize(definition, stats.as_dict())
        return news

    def _set(self, definitions: dict[str, Definition]) -> None:
        self._definitions = definitions
        self._steps = {d.step_metric for d in definitions.values() if d.step_metric}
        self._found.clear()

    def _definition(self, key: str) -> Definition | None:
        if not self._definitions:
            return None
        if key not in self._found:
            self._found[key] = definition_for(key, self._definitions)
        return self._found[key]

    def _needs_work(self, key: str) -> bool:
        definition = self._definition(key)
        return definition is not None and bool(definition.summary or _syncs(definition))


def definition(
    name: str,
    step_metric: Any,
    *,
    step_sync: bool | None,
    hidden: bool | None,
    summary: str | None,
    goal: str | None,
) -> Definition:
    """Return what the arguments of define_metric say; raise UsageError where they make no sense."""
    if not isinstance(name, str) or not name:
        raise UsageError(f"define_metric({name!r}): the name must be a text such as 'val/loss'")
    step_metric = getattr(step_metric, "name", step_metric)
    if step_metric is not None and not isinstance(step_metric, str):
        raise UsageError(
            f"define_metric({name!r}, step_metric={step_metric!r}): give the name of a metric"
        )
    goals = {"min": "minimize", "max": "maximize", "minimize": "minimize", "maximize": "maximize"}
    if goal is not None and goal not in goals:
        raise UsageError(
            f"define_metric({name!r}, goal={goal!r}): the goal is unknown; use minimize or maximize"
        )
    return Definition(
        name=name,
        summary=parse_aggregations(summary),
        goal=goals[goal] if goal else None,
        step_metric=step_metric,
        step_sync=step_sync,
        hidden=hidden,
    )


def _merged(before: Definition, new: Definition) -> Definition:
    return Definition(
        name=new.name,
        summary=tuple(dict.fromkeys(before.summary + new.summary)),
        goal=new.goal or before.goal,
        step_metric=new.step_metric or before.step_metric,
        step_sync=before.step_sync if new.step_sync is None else new.step_sync,
        hidden=before.hidden if new.hidden is None else new.hidden,
    )


def _syncs(definition: Definition | None) -> bool:
    """Tell whether rows get the step metric they lack; W&B's default where there is one."""
    return (
        definition is not None
        and bool(definition.step_metric)
        and definition.step_sync is not False
    )
