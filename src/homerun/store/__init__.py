"""The home on disk: database, queue, journals, folding, DataFrames."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.store import journal as journal
    from homerun.store.database import Database as Database
    from homerun.store.fold import close_journals as close_journals
    from homerun.store.fold import fold as fold
    from homerun.store.fold import known_metrics as known_metrics
    from homerun.store.frames import history as history
    from homerun.store.frames import history_frame as history_frame
    from homerun.store.frames import runs as runs
    from homerun.store.frames import runs_frame as runs_frame
    from homerun.store.home import RunFolder as RunFolder
    from homerun.store.home import find_home as find_home
    from homerun.store.home import make_home as make_home
    from homerun.store.home import read_json as read_json
    from homerun.store.home import run_folder as run_folder
    from homerun.store.home import write_json as write_json
    from homerun.store.overview import Cost as Cost
    from homerun.store.overview import MetricLine as MetricLine
    from homerun.store.overview import RunLine as RunLine
    from homerun.store.overview import best_run as best_run
    from homerun.store.overview import complete_ids as complete_ids
    from homerun.store.overview import cost as cost
    from homerun.store.overview import metric_lines as metric_lines
    from homerun.store.overview import projects as projects
    from homerun.store.overview import query as query
    from homerun.store.overview import run_configs as run_configs
    from homerun.store.overview import run_lines as run_lines
    from homerun.store.overview import sweep_counts as sweep_counts
    from homerun.store.points import Stats as Stats
    from homerun.store.process import Identity as Identity
    from homerun.store.process import hostname as hostname
    from homerun.store.process import identity as identity
    from homerun.store.process import is_alive as is_alive
    from homerun.store.process import parse_identity as parse_identity
    from homerun.store.process import pids as pids
    from homerun.store.registration import Entry as Entry
    from homerun.store.registration import look_up as look_up
    from homerun.store.registration import register as register
    from homerun.store.settle import Settled as Settled
    from homerun.store.settle import end_of as end_of
    from homerun.store.settle import is_local as is_local
    from homerun.store.settle import settle as settle
    from homerun.store.store import Store as Store
    from homerun.store.traces import living_program as living_program
    from homerun.store.traces import never_started as never_started
    from homerun.store.traces import told_end as told_end

lazy.attach(
    __name__,
    {
        "database": "Database",
        "fold": "close_journals fold known_metrics",
        "frames": "history history_frame runs runs_frame",
        "home": "RunFolder find_home make_home read_json run_folder write_json",
        "overview": "Cost MetricLine RunLine best_run complete_ids cost metric_lines "
        "projects query run_configs run_lines sweep_counts",
        "points": "Stats",
        "process": "Identity hostname identity is_alive parse_identity pids",
        "registration": "Entry look_up register",
        "settle": "Settled end_of is_local settle",
        "store": "Store",
        "traces": "living_program never_started told_end",
    },
)
