"""What the runs of a table cost: time, GPU-hours, energy; what is not known is left out."""

from typing import TYPE_CHECKING

import pandas as pd

from homerun.insight.columns import find_column

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def states(df: "DataFrame") -> str:
    """Return how many runs there are and how they ended: `48 runs: 47 finished, 1 failed`."""
    runs = "1 run" if len(df) == 1 else f"{len(df):,} runs"
    state = find_column(df, ["state"])
    if state is None or not len(df):
        return runs
    counts = state.astype(str).str.lower().value_counts()
    return f"{runs}: {', '.join(f'{many:,} {name}' for name, many in counts.items())}"


def costs(df: "DataFrame", *, gpus: int = 1) -> "DataFrame":
    """Return what runs cost, as texts: columns `what` and `cost`; `gpus`: those of each run."""
    rows = {"runs": states(df).partition(": ")[2] or states(df)}
    seconds = _numbers(df, ["runtime_s", "_runtime", "runtime"])
    if seconds is not None:
        rows["time of all runs"] = _hours(seconds.sum())
        state = find_column(df, ["state"])
        if state is not None:
            lost = seconds[~state.astype(str).str.lower().isin({"finished", "running"})].sum()
            if lost > 0:
                rows["of it in runs that did not finish"] = _hours(lost)
        with_gpu = _has_gpu(df)
        if with_gpu.any():
            rows["GPU-hours"] = f"{seconds[with_gpu].sum() / 3600 * gpus:,.3g}"
    if passed := _passed(df):
        rows["from the first start to the last end"] = passed
    energy = _numbers(df, ["energy_wh"])
    if energy is not None:
        unknown = int((_has_gpu(df) & energy.isna()).sum())
        rows["energy of the GPUs"] = f"{energy.sum() / 1000:,.3g} kWh" + (
            f" ({unknown} runs not measured)" if unknown else ""
        )
    if len(rows) == 1:  # which is said elsewhere
        rows = {}
    return pd.DataFrame({"what": list(rows), "cost": list(rows.values())})


def _has_gpu(df: "DataFrame") -> "Series[bool]":
    """Tell which runs had a GPU: something was measured there."""
    found = pd.Series(False, index=df.index)
    for name in ("gpu_memory_max_gib", "energy_wh", "is_shared"):
        if name in df.columns:
            found |= df[name].notna()
    return found


def _numbers(df: "DataFrame", names: list[str]) -> "Series[float] | None":
    column = find_column(df, names)
    if column is None:
        return None
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    return numbers if numbers.notna().any() else None


def _passed(df: "DataFrame") -> str:
    if not {"started_at", "ended_at"} <= set(df.columns):
        return ""
    start, end = (
        pd.to_datetime(df[name], errors="coerce", utc=True) for name in ("started_at", "ended_at")
    )
    if start.isna().all() or end.isna().all():
        return ""
    return _hours((end.max() - start.min()).total_seconds())


def _hours(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.3g} h"
