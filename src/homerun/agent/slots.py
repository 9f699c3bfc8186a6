"""Slots: room for runs, and which GPUs a run in each of them may see."""

from collections.abc import Sequence
from dataclasses import dataclass

from homerun.core import Slot, UsageError


@dataclass(frozen=True, kw_only=True)
class Place(Slot):
    """A slot, and what the environment of its runs says about GPUs."""

    env: dict[str, str]

    @property
    def devices(self) -> str:
        """The visible GPUs as CUDA names them; empty when nothing is said about them."""
        return self.env.get("CUDA_VISIBLE_DEVICES", "")


def make_places(
    *, slots: int | None, gpus_per_run: int | None, visible: Sequence[str]
) -> list[Place]:
    """Return the slots: as many as asked for, else one for each visible GPU, else one.

    `visible` names GPUs as CUDA_VISIBLE_DEVICES does. With more slots than GPUs they are shared.
    """
    if slots is not None and slots < 1:
        raise UsageError(f"slots is {slots}; use 1 or more")
    wanted = gpus_per_run if gpus_per_run is not None else min(1, len(visible))
    if wanted > len(visible):
        raise UsageError(
            f"each run is to have {wanted} GPUs and {len(visible)} can be seen here; "
            "lower gpus: (0 is CPU only), or check CUDA_VISIBLE_DEVICES"
        )
    if wanted == 0:
        env = {"CUDA_VISIBLE_DEVICES": ""} if visible else {}
        return [Place(index=index, env=env) for index in range(slots or 1)]
    places = []
    for index in range(slots or len(visible) // wanted):
        devices = [(index * wanted + i) % len(visible) for i in range(wanted)]
        names = ",".join(visible[device] for device in devices)
        # The driver's order, in which nvidia-smi counts, not "fastest first".
        env = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": names}
        places.append(Place(index=index, device=devices[0], env=env))
    return places
