"""What one call of log costs, and how many bytes its scalars take on disk."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from common import Row, ask, below, folder, medians, times_less

CALLS = 10_000
SCALARS = 10  # in each call
TRACKERS = ("homerun", "trackio", "tensorboard", "wandb")


def rows(repeats: int) -> Iterator[Row]:
    """Measure every tracker in turns, each in a new process with a new folder."""
    sizes: dict[str, float] = {}
    folding_us: list[float] = []

    def log(tracker: str) -> float:
        with folder() as cwd:
            cost = ask(tracker, "log", tracker, CALLS, cwd=cwd)
            if tracker == "homerun":  # a long run is folded by its first reader
                folding_us.append(ask("homerun", "fold", cwd=cwd) / CALLS * 1e6)
            sizes[tracker] = size_bytes(cwd) / (CALLS * SCALARS)
            return (cost["loop"] + cost["finish"]) / CALLS * 1e6

    cost_us = medians({name: lambda name=name: log(name) for name in TRACKERS}, repeats)
    ours = cost_us.pop("homerun")
    row = below("log of 10 scalars, CPU", ours, 8, "µs a call", peers=cost_us)
    yield row
    yield times_less(row, "trackio", 8)
    yield times_less(row, "tensorboard", 15)
    yield times_less(row, "wandb", 25)
    yield below("folding, CPU", median(folding_us), 10, "µs a call")
    size = sizes.pop("homerun")
    yield below("disk after folding", size, 16, "bytes a scalar", peers=sizes)


def size_bytes(path: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
