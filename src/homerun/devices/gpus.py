"""Which GPUs a program started here would see; nothing is loaded and no driver is asked."""

import os
from collections.abc import Mapping
from pathlib import Path

# Each empties or narrows what the next layer sees; the first that is set wins.
_VARIABLES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


def visible_gpus(environ: Mapping[str, str] | None = None, *, root: Path = Path("/")) -> list[str]:
    """Return indices or UUIDs of the visible GPUs, as CUDA_VISIBLE_DEVICES names them.

    `root` is where /proc and /dev are looked for.
    """
    environ = os.environ if environ is None else environ
    for variable in _VARIABLES:
        if variable in environ:
            return _listed(environ[variable])
    found = sorted((root / "proc/driver/nvidia/gpus").glob("*"))
    if not found:
        found = sorted((root / "dev").glob("nvidia[0-9]*"))
    return [str(index) for index in range(len(found))]


def _listed(text: str) -> list[str]:
    """Read a list as CUDA does: what cannot name a device cuts off the rest."""
    names: list[str] = []
    for part in text.split(","):
        name = part.strip()
        if not (name.isdigit() or name.startswith(("GPU-", "MIG-"))) or name in names:
            break
        names.append(name)
    return names
