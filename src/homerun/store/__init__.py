"""The home on disk: database, queue, journals, folding, DataFrames."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.store import journal as journal
    from homerun.store.agents import add_agent as add_agent
    from homerun.store.agents import agent as agent
    from homerun.store.agents import agents as agents
    from homerun.store.agents import ask_agent as ask_agent
    from homerun.store.agents import asked_to as asked_to
    from homerun.store.agents import remove_agent as remove_agent
    from homerun.store.agents import wait_for as wait_for
    from homerun.store.artifacts import LATEST as LATEST
    from homerun.store.artifacts import REGISTRY as REGISTRY
    from homerun.store.artifacts import ArtifactVersion as ArtifactVersion
    from homerun.store.artifacts import artifact_files as artifact_files
    from homerun.store.artifacts import artifact_of_record as artifact_of_record
    from homerun.store.artifacts import artifact_version as artifact_version
    from homerun.store.artifacts import artifact_versions as artifact_versions
    from homerun.store.artifacts import change_artifact as change_artifact
    from homerun.store.artifacts import delete_artifact as delete_artifact
    from homerun.store.artifacts import find_artifact as find_artifact
    from homerun.store.artifacts import free_objects as free_objects
    from homerun.store.artifacts import link_artifact as link_artifact
    from homerun.store.artifacts import record_artifact as record_artifact
    from homerun.store.artifacts import runs_of_artifact as runs_of_artifact
    from homerun.store.artifacts import unused_objects as unused_objects
    from homerun.store.changes import Proposed as Proposed
    from homerun.store.changes import Replanned as Replanned
    from homerun.store.changes import SearchPlace as SearchPlace
    from homerun.store.changes import Sizes as Sizes
    from homerun.store.changes import change_spec as change_spec
    from homerun.store.changes import proposed as proposed
    from homerun.store.changes import replace_sweep as replace_sweep
    from homerun.store.control import held_back as held_back
    from homerun.store.control import move as move
    from homerun.store.control import next_attempt as next_attempt
    from homerun.store.control import pause_queued as pause_queued
    from homerun.store.control import priority_beyond as priority_beyond
    from homerun.store.control import resume_queued as resume_queued
    from homerun.store.control import retry as retry
    from homerun.store.control import set_priority as set_priority
    from homerun.store.control import why_no_retry as why_no_retry
    from homerun.store.courses import Course as Course
    from homerun.store.courses import Thinned as Thinned
    from homerun.store.courses import course as course
    from homerun.store.courses import thinned as thinned
    from homerun.store.curves import Logged as Logged
    from homerun.store.curves import configs_of as configs_of
    from homerun.store.curves import logged as logged
    from homerun.store.curves import logged_numbers as logged_numbers
    from homerun.store.database import Database as Database
    from homerun.store.editing import add_file as add_file
    from homerun.store.editing import edit_run as edit_run
    from homerun.store.editing import edit_summary as edit_summary
    from homerun.store.editing import files_of as files_of
    from homerun.store.editing import metadata_of as metadata_of
    from homerun.store.editing import remove_file as remove_file
    from homerun.store.files import private_folder as private_folder
    from homerun.store.files import read_json as read_json
    from homerun.store.files import write_json as write_json
    from homerun.store.files import write_private as write_private
    from homerun.store.findings import Finding as Finding
    from homerun.store.findings import find_finding as find_finding
    from homerun.store.findings import findings as findings
    from homerun.store.findings import record_findings as record_findings
    from homerun.store.findings import withdraw_finding as withdraw_finding
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
    from homerun.store.home import run_folder as run_folder
    from homerun.store.imports import Imported as Imported
    from homerun.store.imports import history_rows as history_rows
    from homerun.store.imports import imported_runs as imported_runs
    from homerun.store.imports import note as note
    from homerun.store.imports import take_in as take_in
    from homerun.store.leases import leases as leases
    from homerun.store.leases import release as release
    from homerun.store.leases import release_stale as release_stale
    from homerun.store.leases import take_leases as take_leases
    from homerun.store.manifests import ArtifactFile as ArtifactFile
    from homerun.store.manifests import add_part as add_part
    from homerun.store.manifests import digest_of_files as digest_of_files
    from homerun.store.manifests import keep_manifest as keep_manifest
    from homerun.store.manifests import remove_parts as remove_parts
    from homerun.store.manifests import take_parts as take_parts
    from homerun.store.objects import copy_object as copy_object
    from homerun.store.objects import digest_of as digest_of
    from homerun.store.objects import keep_file as keep_file
    from homerun.store.objects import object_path as object_path
    from homerun.store.objects import touch_object as touch_object
    from homerun.store.outcomes import ObservedRun as ObservedRun
    from homerun.store.outcomes import observed_runs as observed_runs
    from homerun.store.overview import Cost as Cost
    from homerun.store.overview import MetricLine as MetricLine
    from homerun.store.overview import RunLine as RunLine
    from homerun.store.overview import best_run as best_run
    from homerun.store.overview import complete_ids as complete_ids
    from homerun.store.overview import complete_keys as complete_keys
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
    from homerun.store.process import is_at_rest as is_at_rest
    from homerun.store.process import parse_identity as parse_identity
    from homerun.store.process import pids as pids
    from homerun.store.querying import FoundRun as FoundRun
    from homerun.store.querying import find_runs as find_runs
    from homerun.store.querying import found_runs as found_runs
    from homerun.store.queue import add_script as add_script
    from homerun.store.queue import add_to_queue as add_to_queue
    from homerun.store.queue import held_up as held_up
    from homerun.store.queue import memory_peaks as memory_peaks
    from homerun.store.queue import queued_environ as queued_environ
    from homerun.store.registration import Entry as Entry
    from homerun.store.registration import look_up as look_up
    from homerun.store.registration import register as register
    from homerun.store.reuse import reused_runs as reused_runs
    from homerun.store.reuse import reusing as reusing
    from homerun.store.rows import last_step as last_step
    from homerun.store.rows import last_system_values as last_system_values
    from homerun.store.rows import logged_rows as logged_rows
    from homerun.store.searched import run_numbers as run_numbers
    from homerun.store.searched import set_outlook as set_outlook
    from homerun.store.searched import set_sources as set_sources
    from homerun.store.searched import source_of as source_of
    from homerun.store.searched import suggestion_of as suggestion_of
    from homerun.store.settle import Settled as Settled
    from homerun.store.settle import end_of as end_of
    from homerun.store.settle import is_behind as is_behind
    from homerun.store.settle import is_local as is_local
    from homerun.store.settle import settle as settle
    from homerun.store.store import Store as Store
    from homerun.store.traces import PAUSE_FILE as PAUSE_FILE
    from homerun.store.traces import PAUSED as PAUSED
    from homerun.store.traces import living_program as living_program
    from homerun.store.traces import never_started as never_started
    from homerun.store.traces import program_of as program_of
    from homerun.store.traces import told_end as told_end
    from homerun.store.watching import COUNTERS as COUNTERS
    from homerun.store.watching import Curve as Curve
    from homerun.store.watching import EndedRun as EndedRun
    from homerun.store.watching import Snapshot as Snapshot
    from homerun.store.watching import SweepProgress as SweepProgress
    from homerun.store.watching import WatchedRun as WatchedRun
    from homerun.store.watching import ended_numbers as ended_numbers
    from homerun.store.watching import ended_runs as ended_runs
    from homerun.store.watching import eta_s as eta_s
    from homerun.store.watching import failed_for_good as failed_for_good
    from homerun.store.watching import last_line as last_line
    from homerun.store.watching import watch as watch

lazy.attach(
    __name__,
    {
        "agents": "add_agent agent agents ask_agent asked_to remove_agent wait_for",
        "artifacts": "ArtifactVersion LATEST REGISTRY artifact_files artifact_of_record "
        "artifact_version artifact_versions change_artifact delete_artifact find_artifact "
        "free_objects link_artifact record_artifact runs_of_artifact unused_objects",
        "changes": "Proposed Replanned SearchPlace Sizes change_spec proposed replace_sweep",
        "control": "held_back move next_attempt pause_queued priority_beyond resume_queued retry "
        "set_priority why_no_retry",
        "courses": "Course Thinned course thinned",
        "curves": "Logged configs_of logged logged_numbers",
        "database": "Database",
        "editing": "add_file edit_run edit_summary files_of metadata_of remove_file",
        "findings": "Finding find_finding findings record_findings withdraw_finding",
        "files": "private_folder read_json write_json write_private",
        "fold": "close_journals fold known_metrics",
        "frames": "history history_frame runs runs_frame",
        "home": "RunFolder find_home make_home run_folder",
        "imports": "Imported history_rows imported_runs note take_in",
        "leases": "leases release release_stale take_leases",
        "manifests": "ArtifactFile add_part digest_of_files keep_manifest remove_parts take_parts",
        "objects": "copy_object digest_of keep_file object_path touch_object",
        "outcomes": "ObservedRun observed_runs",
        "overview": "Cost MetricLine RunLine best_run complete_ids complete_keys cost "
        "metric_lines projects query run_configs run_lines sweep_counts",
        "points": "Stats",
        "process": "Identity hostname identity is_alive is_at_rest parse_identity pids",
        "querying": "FoundRun find_runs found_runs",
        "queue": "add_script add_to_queue held_up memory_peaks queued_environ",
        "registration": "Entry look_up register",
        "reuse": "reused_runs reusing",
        "rows": "last_step last_system_values logged_rows",
        "searched": "run_numbers set_outlook set_sources source_of suggestion_of",
        "settle": "Settled end_of is_behind is_local settle",
        "store": "Store",
        "traces": "PAUSE_FILE PAUSED living_program never_started program_of told_end",
        "watching": "COUNTERS Curve EndedRun Snapshot SweepProgress WatchedRun ended_numbers "
        "ended_runs eta_s failed_for_good last_line watch",
    },
)
