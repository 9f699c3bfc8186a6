"""The home on disk: database, queue, journals, folding, DataFrames."""

from homerun.store.database import Database
from homerun.store.fold import close_journals, fold
from homerun.store.frames import history, history_frame, runs, runs_frame
from homerun.store.home import RunFolder, find_home, make_home, read_json, run_folder, write_json
from homerun.store.overview import (
    Cost,
    MetricLine,
    RunLine,
    best_value,
    complete_ids,
    cost,
    metric_lines,
    projects,
    query,
    run_lines,
    sweep_counts,
)
from homerun.store.process import Identity, hostname, identity, is_alive, parse_identity
from homerun.store.settle import Settled, end_of, is_local, settle
from homerun.store.store import Store

__all__ = [
    "Cost",
    "Database",
    "Identity",
    "MetricLine",
    "RunFolder",
    "RunLine",
    "Settled",
    "Store",
    "best_value",
    "close_journals",
    "complete_ids",
    "cost",
    "end_of",
    "find_home",
    "fold",
    "history",
    "history_frame",
    "hostname",
    "identity",
    "is_alive",
    "is_local",
    "make_home",
    "metric_lines",
    "parse_identity",
    "projects",
    "query",
    "read_json",
    "run_folder",
    "run_lines",
    "runs",
    "runs_frame",
    "settle",
    "sweep_counts",
    "write_json",
]
