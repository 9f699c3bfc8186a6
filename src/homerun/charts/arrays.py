"""The numbers of a table as numpy has them."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pandas import Series

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]


def floats(column: "Series") -> Floats:
    """Return a column as floats; NaN where there is no number."""
    import pandas as pd  # noqa: PLC0415  there is a column, so it is loaded

    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    found = pd.to_numeric(column, errors="coerce")
    return np.asarray(found.astype("float64").to_numpy(na_value=np.nan), dtype=np.float64)


def rounded(values: Floats) -> Floats:
    """Return numbers with seven significant digits; whole ones stay as they are."""
    safe = np.isfinite(values) & (values != np.round(values)) & (np.abs(values) > 1e-290)
    plain = np.where(safe, values, 1.0)
    power = 6 - np.floor(np.log10(np.abs(plain)))
    up = np.power(10.0, np.maximum(power, 0))
    # A number with a fraction and more than seven digits before it has a negative power.
    down = np.power(10.0, np.maximum(-power, 0))
    return np.where(safe, np.round(plain * up / down) * down / up, values)
