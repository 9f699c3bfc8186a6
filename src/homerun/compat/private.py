"""Private and half-public names of W&B that other libraries reach for; most have nothing to do."""

import os
import re
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import homerun as hr

_NAME_LENGTH = 128  # characters of an artifact's name


class RunDisabled:
    """What `isinstance` is asked about; runs that are disabled are a `Run` like all others."""


class _Anything:
    """Takes any attribute, at any depth."""

    def __getattr__(self, name: str) -> "_Anything":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        pass


@contextmanager
def context(*_args: Any, **_options: Any) -> Iterator[_Anything]:
    """Accept what a library says about its use of W&B; it is not kept."""
    yield _Anything()


def require(*_features: Any, **_options: Any) -> None:
    """Accept W&B's call: every feature there is, is on."""


def ensure_configured() -> None:
    """Accept W&B's call: there is nothing to configure."""


def patched(*_args: Any, **_options: Any) -> None:
    """Accept the patching of TensorBoard, and say once that it records nothing."""
    hr.termwarn("TensorBoard is not recorded: only what log() is given is", repeat=False)


def gym_monitor(*_args: Any, **_options: Any) -> None:
    """Accept the monitoring of Gym, and say once that it records nothing."""
    hr.termwarn("videos of Gym are not recorded: log(Video(...)) keeps one", repeat=False)


def _attach(attach_id: str | None = None, run_id: str | None = None, **_options: Any) -> "hr.Run":
    """Return the current run, or in another process go on with the run of this id."""
    run, wanted = hr.run, attach_id or run_id
    if run is not None and wanted in {None, run.id}:
        return run
    return hr.init(id=wanted, resume="allow")


api = SimpleNamespace(api_key="homerun", default_entity="", viewer=dict)  # nobody has to log in


# wandb.env


def get_project(default: str | None = None, env: MutableMapping[str, str] = os.environ) -> Any:
    """Return the project that the environment names."""
    return env.get("HOMERUN_PROJECT") or env.get("WANDB_PROJECT", default)


def set_project(value: str, env: MutableMapping[str, str] | None = None) -> None:
    """Name the project of the runs to come."""
    (os.environ if env is None else env)["WANDB_PROJECT"] = value


def get_entity(default: str | None = None, env: MutableMapping[str, str] = os.environ) -> Any:
    """Return the entity that the environment names."""
    return env.get("WANDB_ENTITY", default)


def set_entity(value: str, env: MutableMapping[str, str] | None = None) -> None:
    """Name the entity of the runs to come."""
    (os.environ if env is None else env)["WANDB_ENTITY"] = value


def get_dir(default: str | None = None, env: MutableMapping[str, str] = os.environ) -> Any:
    """Return the folder that the environment names."""
    return env.get("WANDB_DIR", default)


def get_base_url(default: str | None = None, env: MutableMapping[str, str] = os.environ) -> Any:
    """Return the server that the environment names; it is never asked."""
    return env.get("WANDB_BASE_URL", default)


def is_offline(*_args: Any) -> bool:
    """Tell that everything stays on this machine."""
    return True


# wandb.util and wandb.sdk.lib.ipython


def get_module(
    name: str,
    required: str | None = None,
    lazy: bool = True,  # noqa: ARG001 - W&B's
) -> ModuleType | None:
    """Import a module; without it raise an error that says `required`, or return None."""
    try:
        return import_module(name)
    except ImportError as error:
        if required:
            raise hr.HomerunError(required) from error
        return None


def is_numpy_array(value: Any) -> bool:
    """Tell whether a value is an array of numpy."""
    return type(value).__module__ == "numpy" and type(value).__name__ == "ndarray"


def is_pandas_data_frame(value: Any) -> bool:
    """Tell whether a value is a DataFrame of pandas."""
    return type(value).__module__.startswith("pandas") and type(value).__name__ == "DataFrame"


def make_artifact_name_safe(name: str) -> str:
    """Return a name that an artifact can have."""
    safe = re.sub(r"[^A-Za-z0-9_\-.]", "_", name)
    return safe if len(safe) <= _NAME_LENGTH else f"{safe[:63]}..{safe[-63:]}"


def in_jupyter() -> bool:
    """Tell whether this is a notebook."""
    return "ipykernel" in sys.modules


in_notebook = in_jupyter
