"""How long it takes to have runs, or the history of one key, as a DataFrame."""

from collections.abc import Iterator
from functools import partial

from common import Row, ask, below, figures, folder, medians, times_less

SAME = 1_000  # runs that mlflow reads too; it needs some 30 ms to write one


def rows(repeats: int) -> Iterator[Row]:
    """Fill one home (or mlflow database) per measure and read it in a new process each time."""
    for count, limit_s in ((10_000, 0.5), (100_000, 5)):
        what = f"{count:,} runs x 20 config x 10 summary as a DataFrame, CPU"
        yield below(what, read(count, repeats, ["homerun"])["homerun"], limit_s, "s")

    cost = read(SAME, repeats, ["homerun", "mlflow"])
    ours = cost.pop("homerun")
    row = figures(f"{SAME:,} such runs as a DataFrame, CPU", ours, "s", peers=cost)
    yield row
    yield times_less(row, "mlflow", 20)

    with folder() as cwd:
        ask("homerun", "many", 100, 1_000, cwd=cwd)
        history = partial(ask, "homerun", "read", "history", 100, 1_000, cwd=cwd)
        cost_s = medians({"history": history}, repeats)["history"]
        what = "one key of 100 runs x 1,000 steps as a DataFrame, CPU"
        yield below(what, cost_s * 1e3, 60, "ms")


def read(count: int, repeats: int, trackers: list[str]) -> dict[str, float]:
    """Return the CPU seconds of reading `count` runs."""
    with folder() as cwd:
        for tracker in trackers:
            ask(tracker, "fill", tracker, count, cwd=cwd)
        measures = {name: partial(ask, name, "read", name, count, cwd=cwd) for name in trackers}
        return medians(measures, repeats)
