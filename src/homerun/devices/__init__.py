"""What this machine has and how busy it is."""

from typing import TYPE_CHECKING, Any

from homerun.devices.gpus import visible_gpus
from homerun.devices.machine import machine

if TYPE_CHECKING:
    from homerun.devices.system import Sampler

__all__ = ["Sampler", "machine", "visible_gpus"]


def __getattr__(name: str) -> Any:
    """Load the sampler, and psutil with it, when it is first asked for."""
    if name == "Sampler":
        from homerun.devices.system import Sampler  # noqa: PLC0415

        return Sampler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
