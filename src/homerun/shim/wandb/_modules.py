"""The submodules of wandb and what is in them: names of homerun, loaded when they are used."""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

TYPE_CHECKING = False  # importing typing for it would take longer than all the rest
if TYPE_CHECKING:
    from typing import Any

_INTEGRATIONS = "homerun.compat.integrations"
_PRIVATE = "homerun.compat.private"
_ERRORS = (
    "Error=HomerunError CommError=HomerunError UsageError UnsupportedError=UsageError "
    "AuthenticationError=StoreError"
)
_CURRENT = ("run", "config", "summary")  # of the current run: looked up each time

# submodule: {where its names come from: the names}; NAME=OTHER: it is called OTHER there, *: all.
# "" is wandb itself.
MODULES: dict[str, dict[str, str]] = {
    "": {
        "homerun": f"* {_ERRORS} join=finish PublicApi=Api",
        _PRIVATE: "api ensure_configured gym_monitor patched require _attach",
    },
    "apis": {"homerun": "Api PublicApi=Api InternalApi=Api"},
    "apis.internal": {"homerun": "Api"},
    "apis.public": {
        "homerun": "Api Artifact",
        "homerun.compat.api": "File Files HTTPSummary Project Projects Run Runs Sweep Sweeps User",
    },
    "data_types": {
        "homerun": "*",
        "homerun.track.media": "Media BatchableMedia=Media WBValue=Media",
    },
    "env": {
        _PRIVATE: "get_base_url get_dir get_entity get_project is_offline set_entity set_project"
    },
    "errors": {"homerun": _ERRORS},
    "errors.errors": {"homerun": _ERRORS},
    "errors.term": {"homerun": "termerror termlog termwarn"},
    "plot": {"homerun.compat.plot": "*"},
    "sdk": {"homerun": "*"},
    "sdk.artifacts": {},
    "sdk.artifacts.artifact": {"homerun": "Artifact"},
    "sdk.data_types": {"homerun": "*"},
    "sdk.data_types.image": {"homerun": "Image"},
    "sdk.data_types.table": {"homerun": "Table"},
    "sdk.data_types.video": {"homerun": "Video"},
    "sdk.lib": {_PRIVATE: "RunDisabled"},
    "sdk.lib.config_util": {"homerun": "ConfigError"},
    "sdk.lib.disabled": {_PRIVATE: "RunDisabled"},
    "sdk.lib.ipython": {_PRIVATE: "in_jupyter in_notebook"},
    "sdk.lib.runid": {"homerun": "generate_id"},
    "sdk.lib.telemetry": {_PRIVATE: "context"},
    "sdk.wandb_config": {"homerun": "Config"},
    "sdk.wandb_init": {"homerun": "init"},
    "sdk.wandb_login": {"homerun": "login"},
    "sdk.wandb_run": {"homerun": "Run finish"},
    "sdk.wandb_settings": {"homerun": "Settings"},
    "sdk.wandb_setup": {"homerun": "setup teardown"},
    "sdk.wandb_summary": {"homerun": "Summary"},
    "util": {
        "homerun": "generate_id random_string=generate_id",
        _PRIVATE: "get_module is_numpy_array is_pandas_data_frame make_artifact_name_safe",
    },
    "wandb_run": {"homerun": "Run"},
    "integration": {},
    "integration.fastai": {"homerun.compat.fastai": "WandbCallback=HomerunCallback"},
    "integration.gym": {_PRIVATE: "monitor=gym_monitor"},
    "integration.tensorboard": {_PRIVATE: "patch=patched unpatch=patched"},
    "integration.tensorflow": {_PRIVATE: "WandbHook=patched"},
    "integration.torch": {},
    **{
        f"{folder}{library}": {f"{_INTEGRATIONS}.{library}": names}
        for folder in ("integration.", "")
        for library, names in {
            "catboost": "WandbCallback log_summary",
            "keras": "WandbCallback WandbEvalCallback WandbMetricsLogger WandbModelCheckpoint",
            "lightgbm": "wandb_callback log_summary",
            "sb3": "WandbCallback",
            "sklearn": "*",
            "xgboost": "WandbCallback wandb_callback",
        }.items()
    },
    "gym": {_PRIVATE: "monitor=gym_monitor"},
    "tensorboard": {_PRIVATE: "patch=patched unpatch=patched"},
    "tensorflow": {_PRIVATE: "WandbHook=patched"},
}


def install(package: ModuleType) -> None:
    """Give wandb its names, and let Python find its submodules."""
    package.__class__ = _Module
    sys.meta_path.append(_Finder)


class _Module(ModuleType):
    def __getattr__(self, name: str) -> "Any":
        submodule = f"{_inside(self)}.{name}".removeprefix(".")
        if submodule in MODULES:
            return import_module(f"wandb.{submodule}")
        if name == "run" and "fastai.callback.wandb" in sys.modules:  # it asks before each fit
            import_module("homerun.compat.fastai").mend()
        value = _look_up(_inside(self), name)
        if value is _MISSING:
            raise AttributeError(_complaint(self, name), name=name, obj=self)
        if name not in _CURRENT:
            setattr(self, name, value)
        return value

    @property
    def __all__(self) -> list[str]:
        return [name for name in _names(_inside(self)) if not name.startswith("_")]

    def __dir__(self) -> list[str]:
        start = f"{_inside(self)}.".removeprefix(".")
        below = [name.removeprefix(start) for name in MODULES if name.startswith(start)]
        submodules = [name for name in below if name and "." not in name]
        return sorted({*vars(self), *_names(_inside(self)), *submodules})


class _Finder:
    """Finds the submodules of the table, after Python has looked everywhere else."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        submodule = name.removeprefix("wandb.")
        if submodule == name or submodule not in MODULES:
            return None
        is_package = any(other.startswith(f"{submodule}.") for other in MODULES)
        return ModuleSpec(name, _Finder, origin=__file__, is_package=is_package)  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    @staticmethod
    def exec_module(module: ModuleType) -> None:
        module.__doc__ = f"What homerun has of {module.__name__}."


_MISSING = object()


def _inside(module: ModuleType) -> str:
    """Return what a module is called inside of wandb."""
    return module.__name__.removeprefix("wandb").removeprefix(".")


def _look_up(module: str, name: str) -> "Any":
    for source, text in MODULES[module].items():
        for pair in text.split():
            ours, _, theirs = pair.partition("=")
            if ours == name or (ours == "*" and name in _public(source)):
                return getattr(import_module(source), theirs or name)
    return _MISSING


def _names(module: str) -> set[str]:
    found: set[str] = set()
    for source, text in MODULES[module].items():
        names = {pair.partition("=")[0] for pair in text.split()}
        found |= names - {"*"} | ({*_public(source)} if "*" in names else set())
    return found


def _public(source: str) -> tuple[str, ...]:
    current = _CURRENT if source == "homerun" else ()
    return (*import_module(source).__all__, *current)


def _complaint(module: ModuleType, name: str) -> str:
    text = f"module {module.__name__!r} has no attribute {name!r}"
    if name.startswith("__"):  # asked for by Python's own machinery
        return text
    from difflib import get_close_matches  # noqa: PLC0415 - rarely needed

    near = get_close_matches(name, dir(module), n=1)
    hint = f"; the nearest it has is {near[0]!r}" if near else ""
    return f"{text}: homerun stands in for wandb here and does not have it{hint}"
