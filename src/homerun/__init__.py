"""homerun: sweeps, tracked runs and DataFrames of results, entirely on your own machines.

`import homerun as hr`, or `import homerun as wandb`. Each name is loaded when it is first used.
`run`, `config` and `summary` are those of the current run.
"""

import sys
from importlib import import_module

__version__ = "0.1.0"
__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "ArtifactFinalizedError",
    "ArtifactNotLoggedError",
    "ArtifactStatusError",
    "Audio",
    "BoundingBoxes2D",
    "Classes",
    "Config",
    "ConfigError",
    "Graph",
    "Histogram",
    "HomerunError",
    "Html",
    "Image",
    "ImageMask",
    "JoinedTable",
    "MissingExtraError",
    "Molecule",
    "NotFoundError",
    "Object3D",
    "PartitionedTable",
    "Plotly",
    "Run",
    "Settings",
    "SpecError",
    "StoreError",
    "Summary",
    "Table",
    "UsageError",
    "Video",
    "WaitTimeoutError",
    "agent",
    "alert",
    "box3d",
    "charts",
    "controller",
    "data_types",
    "define_metric",
    "finish",
    "finish_artifact",
    "generate_id",
    "history",
    "init",
    "insight",
    "link_artifact",
    "link_model",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "login",
    "mark_preempting",
    "plot",
    "plot_table",
    "restore",
    "runs",
    "save",
    "setup",
    "suggest",
    "sweep",
    "teardown",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "upsert_artifact",
    "use_artifact",
    "use_model",
    "visualize",
    "watch",
]

TYPE_CHECKING = False  # importing typing for it would double the time that `import homerun` takes
if TYPE_CHECKING:
    from homerun import charts, insight
    from homerun.compat import plot
    from homerun.compat.api import Api
    from homerun.compat.launch import agent, controller, sweep
    from homerun.compat.plot import plot_table, visualize
    from homerun.core import (
        ArtifactFinalizedError,
        ArtifactNotLoggedError,
        ArtifactStatusError,
        ConfigError,
        HomerunError,
        MissingExtraError,
        NotFoundError,
        SpecError,
        StoreError,
        UsageError,
        WaitTimeoutError,
    )
    from homerun.core import new_id as generate_id
    from homerun.search import suggest
    from homerun.store import history, runs
    from homerun.track import ActiveRun as Run
    from homerun.track import (
        AlertLevel,
        Artifact,
        Audio,
        BoundingBoxes2D,
        Classes,
        Config,
        Graph,
        Histogram,
        Html,
        Image,
        ImageMask,
        JoinedTable,
        Molecule,
        Object3D,
        PartitionedTable,
        Plotly,
        Settings,
        Summary,
        Table,
        Video,
        alert,
        box3d,
        define_metric,
        finish,
        finish_artifact,
        init,
        link_artifact,
        link_model,
        log,
        log_artifact,
        log_code,
        log_model,
        login,
        mark_preempting,
        restore,
        save,
        setup,
        teardown,
        termerror,
        termlog,
        termwarn,
        unwatch,
        upsert_artifact,
        use_artifact,
        use_model,
        watch,
    )
    from homerun.track import media as data_types

    run: Run | None
    config: Config
    summary: Summary
else:
    _CORE = {name for name in __all__ if name.endswith("Error")} | {"generate_id"}
    _STORE = {"history", "runs"}
    _MODULES = {
        "charts": "homerun.charts",
        "data_types": "homerun.track.media",
        "insight": "homerun.insight",
        "plot": "homerun.compat.plot",
    }
    _OF_LAUNCH = {"controller", "sweep"}
    _OF_PLOT = {"plot_table", "visualize"}
    _NAMES_THERE = {"Run": "ActiveRun", "generate_id": "new_id"}

    def __getattr__(name):
        if name in {"run", "config", "summary"}:
            return _of_current_run(name)
        if name not in __all__:
            raise AttributeError(f"module 'homerun' has no attribute {name!r}")
        if name in _MODULES:
            value = import_module(_MODULES[name])
        elif name == "agent":  # the room, which can be called
            return import_module("homerun.agent")
        elif name in _OF_LAUNCH:
            value = getattr(import_module("homerun.compat.launch"), name)
        elif name == "Api":
            value = import_module("homerun.compat.api").Api
        elif name in _OF_PLOT:
            value = getattr(import_module("homerun.compat.plot"), name)
        else:
            room = "search" if name == "suggest" else "track"
            room = "core" if name in _CORE else "store" if name in _STORE else room
            value = getattr(import_module(f"homerun.{room}"), _NAMES_THERE.get(name, name))
        if name == "runs" and "IPython" in sys.modules:
            import_module("homerun.compat.notebook").show_frames()
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__, "run", "config", "summary"})

    def _of_current_run(name):
        track = import_module("homerun.track")
        current = track.current_run()
        if name == "run":
            return current
        return track.BeforeInit(name) if current is None else getattr(current, name)
