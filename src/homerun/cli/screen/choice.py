"""What a person wants to see of the runs: which ones, and in which order."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from homerun.cli.progress import varying_parameters
from homerun.cli.screen.sections import label
from homerun.cli.screen.view import View
from homerun.core import flat
from homerun.store import WatchedRun

_SIGNS = re.compile(r"[<>=(\[]")  # what an expression has, and hardly any other text
_FACTS = ("number", "id", "name", "state", "reason", "project", "priority", "runtime_s")

Test = Callable[[WatchedRun], bool]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which runs are shown, and in which order those that run are."""

    order: str = "age"  # or metric, or a parameter
    is_reversed: bool = False
    text: str = ""  # words that a run has, or an expression that is true for it


def orders(view: View) -> list[str]:
    """Return by what the running runs can be ordered."""
    names: dict[str, None] = {}
    for run in view.snapshot.alive:
        record = view.snapshot.named.get(run.sweep or "")
        parameters = record.spec.get("parameters") if record else None
        names.update(dict.fromkeys(varying_parameters(parameters or {})))
    return ["age", "metric", *(name for name in names if name not in {"age", "metric"})]


def next_order(choice: Choice, view: View) -> Choice:
    """Return the choice with the order that comes after the present one."""
    known = orders(view)
    index = known.index(choice.order) + 1 if choice.order in known else 0
    return replace(choice, order=known[index % len(known)], is_reversed=False)


def order_text(choice: Choice) -> str:
    """Return how what runs is ordered, in words."""
    order = {"age": "age, oldest first", "metric": "its metric, best first"}.get(choice.order)
    text = f"what runs is ordered by {order or choice.order}"
    return f"{text}, turned around" if choice.is_reversed else text


def chosen(view: View, choice: Choice) -> View:
    """Return the view with the runs that are wanted, in their order."""
    snapshot = view.snapshot
    if choice == Choice():
        return view
    suits = test_of(choice.text, view)
    alive = _ordered([run for run in snapshot.alive if suits(run)], view, choice)
    queue = tuple(filter(suits, snapshot.queue))
    failures = tuple(filter(suits, snapshot.failures))
    shown = replace(snapshot, alive=tuple(alive), queue=queue, failures=failures)
    return replace(view, snapshot=shown)


def trouble_of(text: str, view: View) -> str:
    """Return why a text is no expression that can be looked for; empty: it can."""
    from homerun.spec import ExpressionError  # noqa: PLC0415

    try:
        if _SIGNS.search(text):
            _parsed(text, _names(view))
    except ExpressionError as error:
        return str(error)
    return ""


def test_of(text: str, view: View) -> Test:
    """Return what tells whether a run is looked for; of what cannot be read all are."""
    from homerun.spec import ExpressionError  # noqa: PLC0415  loads YAML

    if not _SIGNS.search(text):
        words = text.lower().split()
        return lambda run: all(word in _haystack(run, view) for word in words)
    try:
        matches = _parsed(text, _names(view))
    except ExpressionError:
        return lambda _: True

    def suits(run: WatchedRun) -> bool:
        try:
            return matches(_facts(run)) is True
        except ExpressionError:  # it has a value of another kind
            return False

    return suits


@lru_cache(maxsize=8)
def _parsed(text: str, names: frozenset[str]) -> Callable[[Mapping[str, Any]], bool | None]:
    from homerun.spec import parse_expression  # noqa: PLC0415

    return parse_expression(text, names).matches


def _names(view: View) -> frozenset[str]:
    snapshot = view.snapshot
    runs = (*snapshot.alive, *snapshot.queue, *snapshot.failures)
    return frozenset(_FACTS).union(*map(_facts, runs))


def _facts(run: WatchedRun) -> dict[str, Any]:
    config = flat(dict(run.config))
    return {
        **{name: getattr(run, name) for name in _FACTS},
        **config,
        **({run.curve.key: run.curve.last} if run.curve else {}),
        **{f"config.{key}": value for key, value in config.items()},
    }


def _haystack(run: WatchedRun, view: View) -> str:
    record = view.snapshot.named.get(run.sweep or "")
    sweep = record.name if record else ""
    texts = (run.id, run.name, run.project, sweep, run.state, run.reason, run.last_line)
    return " ".join((str(run.number), label(run, view.snapshot.named), *texts)).lower()


def _ordered(runs: list[WatchedRun], view: View, choice: Choice) -> list[WatchedRun]:
    """Order runs; those without a value stay last."""
    if choice.order == "age":
        return runs[::-1] if choice.is_reversed else runs
    values = [_value(run, view, choice.order) for run in runs]
    pairs = [(value, run) for value, run in zip(values, runs, strict=True) if value is not None]
    pairs.sort(key=lambda pair: pair[0], reverse=choice.is_reversed)
    rest = [run for value, run in zip(values, runs, strict=True) if value is None]
    return [run for _, run in pairs] + rest


def _value(run: WatchedRun, view: View, order: str) -> tuple[bool, float, str] | None:
    """Return what a run is ordered by: numbers before text; of the metric the best is least."""
    if order != "metric":
        value = flat(dict(run.config)).get(order)
        if value is None:
            return None
        is_number = isinstance(value, int | float)
        return (False, value, "") if is_number else (True, 0.0, str(value))
    record = view.snapshot.named.get(run.sweep or "")
    metric = record.metric if record else None
    last = run.curve.last if run.curve else None
    if not isinstance(last, int | float) or math.isnan(last):
        return None
    return False, -last if metric is not None and metric.is_maximized else last, ""
