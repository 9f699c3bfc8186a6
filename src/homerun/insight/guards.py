"""Remarks on what a table of runs holds that does not compare: said, never silently pooled."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from homerun.insight.columns import Columns, find_column, is_number
from homerun.insight.scale import Floats

Integers = npt.NDArray[np.intp]

if TYPE_CHECKING:
    from pandas import DataFrame


class _Named(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def levels(self) -> tuple[Any, ...]: ...


def remarks(
    kept: "DataFrame",
    *,
    columns: Columns,
    parameters: Sequence[_Named],
    blocks: Sequence[_Named],
    hopeless: Sequence[_Named],
    standing: npt.NDArray[np.object_],
    duplicate: npt.NDArray[np.bool_],
    twins: Mapping[str, str],
    metric: str,
) -> tuple[str, ...]:
    """Return what a reader must know of a table before they believe an answer from it."""
    notes = [
        *_left_out(standing, duplicate, metric),
        *(f"{_count(block)} in one table: compared within each, never across." for block in blocks),
        *(
            f"{_count(block)} for {len(kept)} runs: too many to tell their part from the rest."
            for block in hopeless
        ),
        *(f"{name} goes along with {other}: one stands for both." for name, other in twins.items()),
    ]
    for parameter in parameters:
        if parameter.name.lower().rpartition(".")[2] in _BUDGETS:
            few = ", ".join(str(level) for level in parameter.levels[:6])
            notes.append(
                f"Runs differ in {parameter.name} ({few}): compared at equal {parameter.name}."
            )
    notes += _lengths(kept, columns)
    return tuple(notes)


_BUDGETS = frozenset("epochs n_epochs num_epochs max_epochs steps max_steps n_steps budget".split())


def _left_out(
    standing: npt.NDArray[np.object_], duplicate: npt.NDArray[np.bool_], metric: str
) -> list[str]:
    notes, rows = [], len(standing)
    without, unfinished, stopped = (
        int((standing == word).sum()) for word in ("without", "unfinished", "stopped")
    )
    if without:
        notes.append(f"{without} of {rows} rows have no finite {metric}: left out.")
    if unfinished:
        notes.append(f"{unfinished} of {rows} runs did not finish: left out.")
    if stopped:
        notes.append(
            f"{stopped} of {rows} runs were stopped early: left out, which flatters values whose "
            "poor runs were stopped."
        )
    if duplicate.any():
        notes.append(
            f"{_plural(int(duplicate.sum()), 'row')} repeat another one exactly: each counts once."
        )
    return notes


def _count(block: _Named) -> str:
    few = ", ".join(str(level)[:12] for level in block.levels[:4])
    more = ", ..." if len(block.levels) > 4 else ""
    return f"{len(block.levels)} values of {block.name} ({few}{more})"


def _lengths(kept: "DataFrame", columns: Columns) -> list[str]:
    """Say when runs logged for different lengths that no parameter explains."""
    epoch = find_column(kept, ["epoch", "epochs_done", "_step", "global_step"])
    if epoch is None or epoch.name in columns.parameters or not is_number(epoch):
        return []
    number = pd.to_numeric(epoch, errors="coerce").astype("float64").dropna()
    explained = {name.lower().rpartition(".")[2] for name in columns.parameters} & _BUDGETS
    if number.nunique() <= 1 or explained:
        return []
    low, high = number.min(), number.max()
    return [f"Runs ended at different {epoch.name}s ({low:g} to {high:g}): they may not compare."]


def of_repeats(responses: Floats, cell: Integers) -> list[str]:
    """Say when repeats give the very same result, as they do where the seed never changes."""
    count = np.bincount(cell)
    if (count > 1).sum() < 2:
        return []
    mean = np.bincount(cell, weights=responses) / count
    if np.abs(responses - mean[cell]).max() > 1e-12:
        return []
    return ["Repeats give the very same result: with one seed they say nothing of the noise."]


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
