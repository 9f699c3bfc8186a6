"""The home on disk: database, queue, journals, folding, DataFrames."""

from homerun.store.database import Database
from homerun.store.fold import close_journals, fold
from homerun.store.frames import history, history_frame, runs, runs_frame
from homerun.store.home import RunFolder, find_home, make_home, read_json, run_folder, write_json
from homerun.store.process import Identity, hostname, identity, is_alive, parse_identity
from homerun.store.settle import Settled, end_of, is_local, settle
from homerun.store.store import Store

__all__ = [
    "Database",
    "Identity",
    "RunFolder",
    "Settled",
    "Store",
    "close_journals",
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
    "parse_identity",
    "read_json",
    "run_folder",
    "runs",
    "runs_frame",
    "settle",
    "write_json",
]
