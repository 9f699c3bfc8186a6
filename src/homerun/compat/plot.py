"""Charts as W&B's plot functions make them: a table, and which of its columns a chart shows.

What they return is logged like any other value. The history gets a record of type `custom-chart`
that names the chart (`spec`), the columns (`fields`), the texts (`string_fields`) and the file of
the table. Nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homerun.core import UsageError
from homerun.track import Media, Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CustomChart",
    "bar",
    "confusion_matrix",
    "histogram",
    "line",
    "line_series",
    "plot_table",
    "pr_curve",
    "roc_curve",
    "scatter",
    "visualize",
]

_AREA = "wandb/area-under-curve/v0"


@dataclass(frozen=True)
class CustomChart(Media):
    """A table and the chart it is shown as."""

    table: Table
    spec: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    string_fields: Mapping[str, Any] = field(default_factory=dict)
    split_table: bool = False

    def save(self, folder: Path, key: str, step: int) -> dict[str, Any]:
        """Write the table; return a `custom-chart` record with the path of its file."""
        name = f"{key}_table"
        return {
            **self.table.save(folder, name, step),
            "_type": "custom-chart",
            "table_key": f"Custom Chart Tables/{name}" if self.split_table else name,
            "spec": self.spec,
            "fields": dict(self.fields),
            "string_fields": dict(self.string_fields),
        }


def plot_table(
    vega_spec_name: str,
    data_table: Table | pd.DataFrame,
    fields: Mapping[str, Any],
    string_fields: Mapping[str, Any] | None = None,
    split_table: bool = False,
) -> CustomChart:
    """Return a chart of a table; `fields`: its names for columns, `string_fields`: its texts."""
    table = Table(data=data_table) if hasattr(data_table, "itertuples") else data_table
    if not isinstance(table, Table):
        raise UsageError(f"a chart cannot be made of {type(table).__name__}; give a homerun.Table")
    return CustomChart(table, vega_spec_name, fields, string_fields or {}, split_table)


def visualize(id: str, value: Table) -> CustomChart:  # noqa: A002 - W&B's name
    """Return a table to be shown as the named chart."""
    return plot_table(id, value, {})


def line(
    table: Table,
    x: str,
    y: str,
    stroke: str | None = None,
    title: str = "",
    split_table: bool = False,
) -> CustomChart:
    """Return a line through the points of two columns; `stroke`: the column that parts lines."""
    fields = {"x": x, "y": y, "stroke": stroke}
    return plot_table("wandb/line/v0", table, fields, {"title": title}, split_table)


def scatter(
    table: Table, x: str, y: str, title: str = "", split_table: bool = False
) -> CustomChart:
    """Return the points of two columns."""
    fields = {"x": x, "y": y}
    return plot_table("wandb/scatter/v0", table, fields, {"title": title}, split_table)


def bar(
    table: Table, label: str, value: str, title: str = "", split_table: bool = False
) -> CustomChart:
    """Return a bar for each row: a column of names, a column of lengths."""
    fields = {"label": label, "value": value}
    return plot_table("wandb/bar/v0", table, fields, {"title": title}, split_table)


def histogram(table: Table, value: str, title: str = "", split_table: bool = False) -> CustomChart:
    """Return the distribution of a column."""
    fields = {"value": value}
    return plot_table("wandb/histogram/v0", table, fields, {"title": title}, split_table)


def line_series(
    xs: Iterable[Any],
    ys: Iterable[Iterable[Any]],
    keys: Iterable[str] | None = None,
    title: str = "",
    xname: str = "x",
    split_table: bool = False,
) -> CustomChart:
    """Return several lines; `xs`: one sequence for all of them, or one for each."""
    lines = [_listed(y) for y in ys]
    x_values = [_listed(x) for x in xs]
    if not x_values or not isinstance(x_values[0], list):
        x_values = [x_values] * len(lines)
    names = [f"line_{i}" for i in range(len(lines))] if keys is None else list(keys)
    if not len(x_values) == len(lines) == len(names):
        raise UsageError(
            f"line_series has {len(x_values)} sequences of x, {len(lines)} of y and {len(names)} "
            "keys; give as many of each, or one sequence of x"
        )
    rows = [
        [x, name, y]
        for name, line_xs, line_ys in zip(names, x_values, lines, strict=True)
        for x, y in zip(line_xs, line_ys, strict=False)
    ]
    table = Table(columns=["step", "lineKey", "lineVal"], data=rows)
    fields = {name: name for name in table.columns}
    texts = {"title": title, "xname": xname}
    return plot_table("wandb/lineseries/v0", table, fields, texts, split_table)


def confusion_matrix(
    probs: Sequence[Sequence[float]] | None = None,
    y_true: Sequence[Any] | None = None,
    preds: Sequence[Any] | None = None,
    class_names: Sequence[str] | None = None,
    title: str = "Confusion Matrix Curve",
    split_table: bool = False,
) -> CustomChart:
    """Return how often each class was taken for each, from probabilities or predicted classes.

    With `class_names` classes are their indexes; without, what occurs, as Class_1, Class_2, ...
    """
    if y_true is None or (probs is None) == (preds is None):
        raise UsageError("confusion_matrix needs y_true and either probs or preds")
    actual = _listed(y_true)
    guessed = _listed(preds) if probs is None else [_largest(row) for row in _listed(probs)]
    if len(guessed) != len(actual):
        raise UsageError(
            f"confusion_matrix has {len(guessed)} predictions and {len(actual)} true classes; "
            "give as many of each"
        )
    seen = {*actual, *guessed}
    classes = sorted(seen) if class_names is None else list(range(len(class_names)))
    if not seen.issubset(classes):
        unknown = ", ".join(map(repr, sorted(seen.difference(classes), key=str)))
        raise UsageError(
            f"confusion_matrix has {len(classes)} class_names, so that classes are 0 to "
            f"{len(classes) - 1}; there are also {unknown}"
        )
    names = [f"Class_{i + 1}" for i in range(len(classes))] if class_names is None else class_names
    counts = dict.fromkeys(((a, b) for a in classes for b in classes), 0)
    for pair in zip(actual, guessed, strict=True):
        counts[pair] += 1
    name_of = dict(zip(classes, names, strict=True))
    rows = [[name_of[a], name_of[b], count] for (a, b), count in counts.items()]
    table = Table(columns=["Actual", "Predicted", "nPredictions"], data=rows)
    fields = {name: name for name in table.columns}
    return plot_table("wandb/confusion_matrix/v1", table, fields, {"title": title}, split_table)


def roc_curve(
    y_true: Sequence[Any] | None = None,
    y_probas: Sequence[Sequence[float]] | None = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    title: str = "ROC Curve",
    split_table: bool = False,
) -> CustomChart:
    """Return a ROC curve for each class against the rest, from probabilities [samples, classes].

    Points on a straight line are left out, as scikit-learn does; at most Table.MAX_ROWS remain.
    """
    from homerun.compat.curves import roc_points  # noqa: PLC0415 - loads numpy

    rows = roc_points(y_true, y_probas, labels, classes_to_plot, limit=Table.MAX_ROWS)
    texts = {"x-axis-title": "False positive rate", "y-axis-title": "True positive rate"}
    return plot_table(
        _AREA,
        Table(columns=["class", "fpr", "tpr"], data=rows),
        {"x": "fpr", "y": "tpr", "class": "class"},
        {"title": title, **texts},
        split_table,
    )


def pr_curve(
    y_true: Sequence[Any] | None = None,
    y_probas: Sequence[Sequence[float]] | None = None,
    labels: Sequence[str] | None = None,
    classes_to_plot: Sequence[Any] | None = None,
    interp_size: int = 21,
    title: str = "Precision-Recall Curve",
    split_table: bool = False,
) -> CustomChart:
    """Return precision over recall for each class, from probabilities [samples, classes].

    Precision is the best one at that recall or more, at `interp_size` recalls from 1 to 0.
    """
    from homerun.compat.curves import pr_points  # noqa: PLC0415 - loads numpy

    rows = pr_points(y_true, y_probas, labels, classes_to_plot, interp_size, limit=Table.MAX_ROWS)
    return plot_table(
        _AREA,
        Table(columns=["class", "precision", "recall"], data=rows),
        {"x": "recall", "y": "precision", "class": "class"},
        {"title": title, "x-axis-title": "Recall", "y-axis-title": "Precision"},
        split_table,
    )


def _listed(values: Any) -> Any:
    """Return nested lists of Python's own values for arrays, tensors, series and sequences."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    if hasattr(values, "tolist"):
        return values.tolist()
    if isinstance(values, Iterable) and not isinstance(values, (str, bytes)):
        return [_listed(value) for value in values]
    return values


def _largest(row: Sequence[float]) -> int:
    """Return the index of the first largest number."""
    return max(range(len(row)), key=row.__getitem__)
