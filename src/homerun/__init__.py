"""homerun: sweeps, tracked runs and DataFrames of results, entirely on your own machines.

`import homerun as hr`, or `import homerun as wandb`. Each name is loaded when it is first used.
`run`, `config` and `summary` are those of the current run.
"""

from importlib import import_module

__version__ = "0.1.0"
__all__ = [
    "AlertLevel",
    "Audio",
    "Config",
    "ConfigError",
    "Histogram",
    "HomerunError",
    "Html",
    "Image",
    "MissingExtraError",
    "NotFoundError",
    "Run",
    "Settings",
    "SpecError",
    "StoreError",
    "Summary",
    "Table",
    "UsageError",
    "Video",
    "alert",
    "define_metric",
    "finish",
    "generate_id",
    "history",
    "init",
    "log",
    "log_code",
    "login",
    "mark_preempting",
    "restore",
    "runs",
    "save",
    "setup",
    "teardown",
    "termerror",
    "termlog",
    "termwarn",
    "unwatch",
    "watch",
]

TYPE_CHECKING = False  # importing typing for it would double the time that `import homerun` takes
if TYPE_CHECKING:
    from homerun.core import (
        ConfigError,
        HomerunError,
        MissingExtraError,
        NotFoundError,
        SpecError,
        StoreError,
        UsageError,
    )
    from homerun.core import new_id as generate_id
    from homerun.store import history, runs
    from homerun.track import ActiveRun as Run
    from homerun.track import (
        AlertLevel,
        Audio,
        Config,
        Histogram,
        Html,
        Image,
        Settings,
        Summary,
        Table,
        Video,
        alert,
        define_metric,
        finish,
        init,
        log,
        log_code,
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
        watch,
    )

    run: Run | None
    config: Config
    summary: Summary
else:
    _CORE = {name for name in __all__ if name.endswith("Error")} | {"generate_id"}
    _STORE = {"history", "runs"}
    _NAMES_THERE = {"Run": "ActiveRun", "generate_id": "new_id"}

    def __getattr__(name):
        if name in {"run", "config", "summary"}:
            return _of_current_run(name)
        if name not in __all__:
            raise AttributeError(f"module 'homerun' has no attribute {name!r}")
        room = "core" if name in _CORE else "store" if name in _STORE else "track"
        value = getattr(import_module(f"homerun.{room}"), _NAMES_THERE.get(name, name))
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
