"""What a column of a table holds: numbers, or categories in an order, and where it has gaps."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from homerun.charts.arrays import Floats, Integers, floats, rounded

if TYPE_CHECKING:
    from pandas import Series

Types = Literal["string", "boolean", "number", "json"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Numbers:
    """A column of numbers; NaN is a gap, infinities are themselves."""

    values: Floats

    @property
    def is_missing(self) -> npt.NDArray[np.bool_]:
        """Tell which rows have no value."""
        return np.isnan(self.values)


@dataclass(frozen=True, kw_only=True, eq=False)
class Categories:
    """A column of categories; code -1 is a gap.

    `types`: what the texts of `levels` were; json is a mixture, in which a text that is no JSON
    stands for itself.
    """

    codes: Integers
    levels: tuple[str, ...]
    types: Types
    has_order: bool = False  # the order of the levels means something

    @property
    def is_missing(self) -> npt.NDArray[np.bool_]:
        """Tell which rows have no value."""
        return self.codes < 0


Cells = Numbers | Categories


def read(column: "Series") -> Cells:
    """Return what a column holds, whatever its dtype."""
    dtype, types = column.dtype, pd.api.types
    cells: Cells
    if isinstance(dtype, pd.CategoricalDtype):
        cells = _of_categorical(column)
    elif types.is_object_dtype(dtype) or types.is_complex_dtype(dtype):
        cells = _of_objects(column)
    elif types.is_bool_dtype(dtype):
        filled = column.fillna(value=False).to_numpy(dtype=bool)
        cells = _booleans(column.isna().to_numpy(), filled)
    elif types.is_datetime64_any_dtype(dtype):
        cells = _times(column)
    elif types.is_timedelta64_dtype(dtype):
        cells = Numbers(values=column.dt.total_seconds().to_numpy(dtype=np.float64))
    elif types.is_numeric_dtype(dtype):
        cells = Numbers(values=floats(column))
    elif isinstance(dtype, pd.StringDtype):
        cells = _strings(column)
    else:  # intervals, periods, what others have added
        cells = _of_objects(column.astype(object))
    return cells


def natural_order(levels: Sequence[str]) -> list[int]:
    """Return the positions of levels: numbers ascending, then words."""
    return sorted(range(len(levels)), key=lambda at: _rank(levels[at]))


def with_order(cells: Categories, order: Iterable[int]) -> Categories:
    """Return the same categories, their levels in another order."""
    positions = list(order)
    new = np.empty(len(positions) + 1, dtype=np.intp)
    new[positions] = np.arange(len(positions))
    new[-1] = -1
    levels = tuple(cells.levels[at] for at in positions)
    return Categories(
        codes=new[cells.codes], levels=levels, types=cells.types, has_order=cells.has_order
    )


def as_categories(cells: Numbers) -> Categories:
    """Return numbers as categories in ascending order."""
    codes, levels = pd.factorize(cells.values, sort=True)
    texts = tuple(_text(level) for level in rounded(np.asarray(levels, dtype=np.float64)).tolist())
    return Categories(codes=codes.astype(np.intp), levels=texts, types="number", has_order=True)


def _rank(text: str) -> tuple[int, float, str]:
    try:
        return 0, float(text), ""
    except ValueError:
        return 1, 0.0, text


def _booleans(missing: npt.NDArray[np.bool_], values: npt.NDArray[np.bool_]) -> Categories:
    codes = np.where(missing, -1, values.astype(np.intp))
    return _without_unused(
        Categories(codes=codes, levels=("false", "true"), types="boolean", has_order=False)
    )


def _times(column: "Series") -> Categories:
    codes, levels = pd.factorize(column, sort=True)
    texts = tuple(_text(level) for level in levels)
    return Categories(codes=codes.astype(np.intp), levels=texts, types="string", has_order=True)


def _strings(column: "Series") -> Categories:
    codes, levels = pd.factorize(column)
    texts = tuple(map(str, levels))
    return Categories(codes=codes.astype(np.intp), levels=texts, types="string")


def _of_categorical(column: "Series") -> Categories:
    categories = column.cat.categories
    texts, types = _texts(categories.tolist())
    cells = Categories(
        codes=column.cat.codes.to_numpy().astype(np.intp),
        levels=tuple(texts),
        types=types,
        has_order=bool(column.cat.ordered),
    )
    return _without_unused(cells)


def _of_objects(column: "Series") -> Cells:
    """Return what a column of Python objects holds; values of numpy are what they stand for."""
    missing = column.isna().to_numpy()
    values = [_plain(value) for value in column.tolist()]
    kinds = {type(v) for v, gap in zip(values, missing, strict=True) if not gap}
    if kinds and kinds <= {int, float}:
        numbers = [np.nan if gap else _float(v) for v, gap in zip(values, missing, strict=True)]
        return Numbers(values=np.array(numbers, dtype=np.float64))
    if kinds == {bool}:
        return _booleans(missing, np.array([v is True for v in values], dtype=bool))
    present = [value for value, gap in zip(values, missing, strict=True) if not gap]
    texts, types = _texts(present)
    codes, levels = pd.factorize(np.array(texts, dtype=object))
    full = np.full(len(values), -1, dtype=np.intp)
    full[~missing] = codes
    return Categories(codes=full, levels=tuple(levels.tolist()), types=types)


def _without_unused(cells: Categories) -> Categories:
    used = np.unique(cells.codes[cells.codes >= 0])
    new = np.full(len(cells.levels) + 1, -1, dtype=np.intp)
    new[used] = np.arange(len(used))
    return Categories(
        codes=new[cells.codes],
        levels=tuple(cells.levels[at] for at in used),
        types=cells.types,
        has_order=cells.has_order,
    )


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _float(value: object) -> float:
    try:
        return float(cast("float", value))
    except OverflowError:  # an integer of more than 308 digits
        return np.inf if cast("int", value) > 0 else -np.inf


def _texts(values: list[object]) -> tuple[list[str], Types]:
    """Return values as texts that differ where values do, and what they were."""
    plain = [_plain(value) for value in values]
    kinds = set(map(type, plain))
    if kinds <= {str}:
        return [str(value) for value in plain], "string"
    types: Types
    types = "boolean" if kinds == {bool} else "number" if kinds <= {int, float} else "json"
    if types == "json":
        return [_quoted(v) if isinstance(v, str) else _text(v) for v in plain], types
    return [_text(value) for value in plain], types


def _quoted(text: str) -> str:
    """Return a text, in quotes where it would be taken for another value."""
    try:
        json.loads(text)
    except ValueError:
        return text
    return json.dumps(text)


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, pd.Timestamp):
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (bool, int, float, list, tuple, dict)):
        try:
            return json.dumps(value, sort_keys=True, default=str)
        except (TypeError, ValueError):  # keys that cannot be ordered, a circle
            return str(value)
    return str(value)
