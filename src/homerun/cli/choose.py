"""From words on a command line to the runs and sweeps that they mean."""

import math
import os
import re
from collections.abc import Callable, Iterable, Sequence

import click

from homerun.cli import output
from homerun.cli.common import find
from homerun.cli.table import values_of
from homerun.core import NotFoundError, Run, RunState, SweepRecord, UsageError, counted
from homerun.store import RunLine, Store, projects, run_lines

_COLUMNS = ("state", "sweep", "project")
_FILTER = re.compile(r"([^\s=<>!]+)\s*(==|!=|<=|>=|=|<|>)\s*(.*)")
_NUMBERS = re.compile(r"(\d{1,15})-(\d{1,15})")
_LISTED = 20  # numbers of runs in one line
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def has_filter(words: Iterable[str]) -> bool:
    """Tell whether any word chooses runs by what they are rather than by name or number."""
    return any(map(_FILTER.match, words))


def choose(
    store: Store,
    words: Iterable[str],
    *,
    suits: Callable[[Run], bool] = lambda _: True,
    can: str = "",
) -> list[Run | SweepRecord]:
    """Return the runs and sweeps that any of the words means, each once, in the words' order.

    A word is what `find` takes, numbers such as 3-7, or a filter: `state=failed`, `tag=x`,
    `lr<0.01,model=convnet`, where the comma means and. What filters and ranges find is narrowed to
    runs that suit; what is called by name is not. Raises NotFoundError when nothing answers to a
    word; `can` says what no run suits for, such as `be paused`.
    """
    chosen: dict[str, Run | SweepRecord] = {}
    for word in words:
        if not _FILTER.match(word) and not _NUMBERS.fullmatch(word):
            noun = find(store, word)
            chosen[noun.id] = noun
            continue
        found = [store.run(line.id) for line in _filtered(store, word)]
        suited = [run for run in found if suits(run)]
        if not found:
            raise NotFoundError(f"no run fits {word!r}; homerun ls shows those there are")
        if not suited:
            states = ", ".join(sorted({run.state for run in found}))
            raise NotFoundError(f"no run that fits {word!r} can {can}: {states}")
        chosen.update({run.id: run for run in suited})
    return list(chosen.values())


def tell_chosen(runs: Sequence[Run], *, question: str = "") -> None:
    """Say which runs a filter chose; with a question ask about more than one, at a terminal."""
    output.say(f"{counted(len(runs), 'run')}: {numbers_of(runs)}")
    if question and len(runs) > 1 and os.isatty(0):
        click.confirm(question, abort=True, err=True)


def numbers_of(runs: Sequence[Run]) -> str:
    """Return the numbers of runs, rows of them as 3-7, the first ones if there are many."""
    numbers = sorted(run.number for run in runs)
    rows: list[list[int]] = []
    for number in numbers:
        if rows and number == rows[-1][-1] + 1:
            rows[-1].append(number)
        else:
            rows.append([number])
    texts = [f"{row[0]}-{row[-1]}" if len(row) > 2 else " ".join(map(str, row)) for row in rows]
    more = len(texts) - _LISTED
    return " ".join(texts[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _filtered(store: Store, word: str) -> list[RunLine]:
    """Return the runs that a filter or a range of numbers finds, oldest first."""
    if row := _NUMBERS.fullmatch(word):
        first, last = int(row[1]), int(row[2])
        return [line for line in run_lines(store)[::-1] if first <= line.number <= last]
    lines: list[RunLine] | None = None
    for part in word.split(","):
        match = _FILTER.fullmatch(part.strip())
        if match is None:
            raise UsageError(f"{part!r} in {word!r} is no filter; write KEY=VALUE or KEY<NUMBER")
        key, sign, value = match[1], match[2].replace("==", "="), match[3].strip()
        lines = _narrowed(store, lines, key, sign, value)
    return lines or []


def _narrowed(
    store: Store, lines: list[RunLine] | None, key: str, sign: str, value: str
) -> list[RunLine]:
    """Return those of the runs (None: of all runs) that one condition holds for."""
    is_text = sign in {"=", "!="}
    if key in {*_COLUMNS, "tag"} and not is_text:
        raise UsageError(f"{key}{sign}{value}: a {key} can only be compared with = and !=")
    if key == "state" and value not in set(RunState):
        raise UsageError(f"state={value}: use one of {', '.join(RunState)}")
    if key == "project" and value not in projects(store):
        raise NotFoundError(f"no project is called {value!r}; homerun ls shows those there are")
    wanted = store.sweep(value).id if key == "sweep" else value
    if lines is None:
        lines = _loaded(store, key if sign == "=" else "", wanted)
    if not lines:
        return []
    if key == "tag":
        return [line for line in lines if (wanted in line.tags) == (sign == "=")]
    values = [getattr(line, key) for line in lines] if key in _COLUMNS else values_of(lines, key)
    if all(found is None for found in values):
        raise NotFoundError(f"no run here has a {key!r}; homerun ls --all --json shows what is")
    if is_text:
        return [
            line
            for line, found in zip(lines, values, strict=True)
            if found is not None and _is_equal(found, wanted) == (sign == "=")
        ]
    limit = _number(wanted)
    if limit is None:
        raise UsageError(f"{key}{sign}{value}: {value!r} is no number")
    compare = _COMPARE[sign]
    return [
        line
        for line, found in zip(lines, values, strict=True)
        if isinstance(found, int | float) and compare(found, limit)
    ]


def _loaded(store: Store, key: str, value: str) -> list[RunLine]:
    """Return runs, oldest first; of these keys the database finds the fitting ones itself."""
    return run_lines(
        store,
        sweep=value if key == "sweep" else None,
        project=value if key == "project" else None,
        states=[RunState(value)] if key == "state" else (),
    )[::-1]


def _is_equal(found: object, wanted: str) -> bool:
    """Tell whether a value is what a person typed: 0.01 is 1e-2, True is true."""
    if isinstance(found, bool) or found is None:
        return str(found).lower() == wanted.lower()
    if isinstance(found, int | float):
        number = _number(wanted)
        return number is not None and (
            found == number or (math.isnan(found) and math.isnan(number))
        )
    return str(found) == wanted


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
