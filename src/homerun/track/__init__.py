"""Inside the training process: init, log, config, summary, media, capture of git and machine."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.track.alerts import AlertLevel as AlertLevel
    from homerun.track.artifacts import Artifact as Artifact
    from homerun.track.config import Config as Config
    from homerun.track.console import Console as Console
    from homerun.track.ending import end_runs as end_runs
    from homerun.track.media import Audio as Audio
    from homerun.track.media import BoundingBoxes2D as BoundingBoxes2D
    from homerun.track.media import Classes as Classes
    from homerun.track.media import Graph as Graph
    from homerun.track.media import Histogram as Histogram
    from homerun.track.media import Html as Html
    from homerun.track.media import Image as Image
    from homerun.track.media import ImageMask as ImageMask
    from homerun.track.media import JoinedTable as JoinedTable
    from homerun.track.media import Media as Media
    from homerun.track.media import Molecule as Molecule
    from homerun.track.media import Object3D as Object3D
    from homerun.track.media import PartitionedTable as PartitionedTable
    from homerun.track.media import Plotly as Plotly
    from homerun.track.media import Table as Table
    from homerun.track.media import Video as Video
    from homerun.track.media import box3d as box3d
    from homerun.track.media import to_record as to_record
    from homerun.track.module import BeforeInit as BeforeInit
    from homerun.track.module import alert as alert
    from homerun.track.module import current_run as current_run
    from homerun.track.module import define_metric as define_metric
    from homerun.track.module import finish as finish
    from homerun.track.module import finish_artifact as finish_artifact
    from homerun.track.module import link_artifact as link_artifact
    from homerun.track.module import link_model as link_model
    from homerun.track.module import log as log
    from homerun.track.module import log_artifact as log_artifact
    from homerun.track.module import log_code as log_code
    from homerun.track.module import log_model as log_model
    from homerun.track.module import login as login
    from homerun.track.module import mark_preempting as mark_preempting
    from homerun.track.module import restore as restore
    from homerun.track.module import save as save
    from homerun.track.module import setup as setup
    from homerun.track.module import teardown as teardown
    from homerun.track.module import unwatch as unwatch
    from homerun.track.module import upsert_artifact as upsert_artifact
    from homerun.track.module import use_artifact as use_artifact
    from homerun.track.module import use_model as use_model
    from homerun.track.module import watch as watch
    from homerun.track.plain import plain as plain
    from homerun.track.run import ActiveRun as ActiveRun
    from homerun.track.settings import Settings as Settings
    from homerun.track.settings import check_project as check_project
    from homerun.track.settings import default_project as default_project
    from homerun.track.settings import env as env
    from homerun.track.start import init as init
    from homerun.track.summary import Summary as Summary
    from homerun.track.terminal import is_true as is_true
    from homerun.track.terminal import termerror as termerror
    from homerun.track.terminal import termlog as termlog
    from homerun.track.terminal import termwarn as termwarn

lazy.attach(
    __name__,
    {
        "alerts": "AlertLevel",
        "artifacts": "Artifact",
        "config": "Config",
        "console": "Console",
        "ending": "end_runs",
        "media": "Audio BoundingBoxes2D Classes Graph Histogram Html Image ImageMask JoinedTable "
        "Media Molecule Object3D PartitionedTable Plotly Table Video box3d to_record",
        "module": "BeforeInit alert current_run define_metric finish finish_artifact "
        "link_artifact link_model log log_artifact log_code log_model login "
        "mark_preempting restore save setup teardown unwatch upsert_artifact "
        "use_artifact use_model watch",
        "plain": "plain",
        "run": "ActiveRun",
        "settings": "Settings check_project default_project env",
        "start": "init",
        "summary": "Summary",
        "terminal": "is_true termerror termlog termwarn",
    },
)
