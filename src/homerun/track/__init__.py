"""Inside the training process: init, log, config, summary, media, capture of git and machine."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.track.alerts import AlertLevel as AlertLevel
    from homerun.track.config import Config as Config
    from homerun.track.media import Audio as Audio
    from homerun.track.media import Histogram as Histogram
    from homerun.track.media import Html as Html
    from homerun.track.media import Image as Image
    from homerun.track.media import Table as Table
    from homerun.track.media import Video as Video
    from homerun.track.module import BeforeInit as BeforeInit
    from homerun.track.module import alert as alert
    from homerun.track.module import current_run as current_run
    from homerun.track.module import define_metric as define_metric
    from homerun.track.module import finish as finish
    from homerun.track.module import log as log
    from homerun.track.module import log_code as log_code
    from homerun.track.module import login as login
    from homerun.track.module import mark_preempting as mark_preempting
    from homerun.track.module import restore as restore
    from homerun.track.module import save as save
    from homerun.track.module import setup as setup
    from homerun.track.module import teardown as teardown
    from homerun.track.module import unwatch as unwatch
    from homerun.track.module import watch as watch
    from homerun.track.run import ActiveRun as ActiveRun
    from homerun.track.settings import Settings as Settings
    from homerun.track.settings import check_project as check_project
    from homerun.track.settings import default_project as default_project
    from homerun.track.start import init as init
    from homerun.track.summary import Summary as Summary
    from homerun.track.terminal import termerror as termerror
    from homerun.track.terminal import termlog as termlog
    from homerun.track.terminal import termwarn as termwarn

lazy.attach(
    __name__,
    {
        "alerts": "AlertLevel",
        "config": "Config",
        "media": "Audio Histogram Html Image Table Video",
        "module": "BeforeInit alert current_run define_metric finish log log_code login "
        "mark_preempting restore save setup teardown unwatch watch",
        "run": "ActiveRun",
        "settings": "Settings check_project default_project",
        "start": "init",
        "summary": "Summary",
        "terminal": "termerror termlog termwarn",
    },
)
