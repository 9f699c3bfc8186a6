"""Where programs find homerun when they say `import wandb`."""

import os
from collections.abc import Mapping
from pathlib import Path

import homerun

_FOLDER = str(Path(homerun.__file__).parent / "shim")  # holds a package of the name wandb
_OFF = frozenset({"off", "0", "false", "no"})


def wandb_env(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the PYTHONPATH that puts our wandb first; nothing where HOMERUN_WANDB=off."""
    if environ.get("HOMERUN_WANDB", "").strip().lower() in _OFF:
        return {}
    path = environ.get("PYTHONPATH", "")
    if path.split(os.pathsep)[0] == _FOLDER:
        return {"PYTHONPATH": path}
    return {"PYTHONPATH": f"{_FOLDER}{os.pathsep}{path}" if path else _FOLDER}
