"""What sweeps take, by the runtimes of the runs there were."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from homerun.core import UsageError
from homerun.insight.columns import find_column
from homerun.insight.models import EffectsModel, fit_effects
from homerun.insight.table import Parameter, prepare

if TYPE_CHECKING:
    from pandas import DataFrame

_RUNTIMES = ("runtime_s", "_runtime", "runtime", "_wandb.runtime", "train_time", "fit_time")
_DRAWN = 2000  # configurations of a grid that stand for all of it
_FEW = 8  # runs below which only their mean is known


class Runtimes:
    """A model of the runtime of a configuration: each parameter makes it longer by a factor."""

    def __init__(self, df: "DataFrame", params: Sequence[str]) -> None:
        column = find_column(df, _RUNTIMES)
        self.mean_s: float | None = None
        self.model: EffectsModel | None = None
        if column is None:
            return
        seconds = pd.to_numeric(column, errors="coerce").astype("float64")
        if not (seconds > 0).any():
            return
        self.mean_s = float(seconds[seconds > 0].mean())
        name = str(column.name)
        usable = df[(seconds > 0).to_numpy()]
        known = [one for one in params if one != name]
        if known and len(usable) >= _FEW:
            try:
                table = prepare(usable, metric=name, params=known)
            except UsageError:  # none of them finished
                return
            self.model = fit_effects(table, interactions=False)

    def hours(self, values: Mapping[str, Sequence[Any]], runs: int) -> float | None:
        """Return the hours that so many runs take, spread evenly over a grid of values."""
        if self.mean_s is None:
            return None
        return runs * self._mean_s(values) / 3600

    def _mean_s(self, values: Mapping[str, Sequence[Any]]) -> float:
        model = self.model
        if model is None or model.freedom < 1:
            return self.mean_s or 0.0
        table = model.prepared
        rng = np.random.default_rng(0)
        drawn = np.zeros((_DRAWN, len(table.factors)), dtype=np.intp)
        for k, factor in enumerate(table.factors):
            levels = [_nearest(factor, value) for value in values.get(factor.name, ())]
            usual = table.codes[:, k]
            drawn[:, k] = rng.permutation(np.resize(levels or usual, _DRAWN))
        # The mean of what is spread by factors lies above the factor's mean.
        spread = float(np.exp(model.noise**2 / 2)) if np.isfinite(model.noise) else 1.0
        seconds = np.exp(model.design(drawn) @ model.beta) * min(spread, 2.0)
        if table.scale.kind != "log":
            return self.mean_s or 0.0
        limit = 3 * float(np.exp(table.run_y.max()))
        return float(np.minimum(seconds - table.scale.offset, limit).mean())


def _nearest(factor: Parameter, value: Any) -> int:
    """Return the level that a value is, or comes next to."""
    if factor.kind == "number" and isinstance(value, int | float):
        return int(np.abs(np.array(factor.levels, dtype=float) - value).argmin())
    try:
        return factor.index(value)
    except UsageError:  # it never ran
        return 0
