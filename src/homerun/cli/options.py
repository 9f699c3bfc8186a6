"""Options that several commands have: what an agent is to use."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from homerun.agent import UV, Wishes
from homerun.cli.common import together
from homerun.cli.units import MEMORY_OR_LEARNED
from homerun.spec import LEARNED

use_options = together(  # What runs may use; `wishes_of` reads them.
    click.option(
        "--slots",
        type=click.IntRange(min=1),
        metavar="N",
        help="Runs at once; default: of the sweep file, else as many as the GPUs hold, else 1.",
    ),
    click.option(
        "--gpus",
        metavar="LIST",
        help="The GPUs to use, the preferred first: numbers or UUIDs, as 2,0. Default: all.",
    ),
    click.option(
        "--per-gpu",
        type=click.IntRange(min=1),
        metavar="K",
        help="Runs on each GPU at once. Default: of the sweep file, else 1.",
    ),
    click.option(
        "--gpu-memory",
        type=MEMORY_OR_LEARNED,
        metavar="SIZE",
        help=f"Reserve so much on a GPU for each run, as 6GiB, or {LEARNED}: what runs with such "
        "settings have needed before. As many run on a GPU as it holds.",
    ),
    click.option(
        "--gpu-names",
        type=click.Choice(["uuid", "index"]),
        help="What CUDA_VISIBLE_DEVICES holds for programs: UUIDs (default), or indices for those "
        "that expect numbers.",
    ),
    click.option("--use-busy", is_flag=True, help="Use GPUs on which programs of others are, too."),
)


python_option = click.option(
    "--python",
    metavar="PATH|uv",
    help="The Python that programs start with: its path, that of its environment, or uv for that "
    "of the uv project. Default: the active environment, else that of the program's folder.",
)
settled_option = click.option(
    "--stop-when-settled",
    is_flag=True,
    help="Start no more runs of a sweep once its model expects nothing better from them.",
)


def wishes_of(
    *,
    slots: int | None,
    gpus: str | None,
    per_gpu: int | None,
    gpu_memory: float | str | None,
    gpu_names: str | None,
    use_busy: bool,
    python: str | None = None,
    cpu_slots: int | None = None,
    stop_when_settled: bool = False,
) -> Wishes:
    """Return what an agent is asked to use."""
    return Wishes(
        slots=slots,
        cpu_slots=cpu_slots,
        gpus=gpus,
        per_gpu=per_gpu,
        gpu_memory_mib=gpu_memory if isinstance(gpu_memory, float) else None,
        is_gpu_memory_learned=gpu_memory == LEARNED,
        by_index=None if gpu_names is None else gpu_names == "index",
        use_busy=use_busy,
        stops_when_settled=stop_when_settled,
        python=absolute_python(python),
    )


def absolute_python(given: str | None) -> str:
    """Return what --python names so that it can be told to a process elsewhere."""
    if given is None or given == UV or (os.sep not in given and not Path(given).exists()):
        return given or ""
    return str(Path(given).expanduser().absolute())


def arguments_of(wishes: Wishes) -> Sequence[str]:
    """Return the options by which `wishes_of` gives these wishes."""
    values = {
        "--slots": wishes.slots,
        "--cpu-slots": wishes.cpu_slots,
        "--gpus": wishes.gpus,
        "--per-gpu": wishes.per_gpu,
        "--gpu-memory": LEARNED if wishes.is_gpu_memory_learned else _size(wishes.gpu_memory_mib),
        "--gpu-names": {None: None, True: "index", False: "uuid"}[wishes.by_index],
        "--python": wishes.python or None,
    }
    given = [f"{name}={value}" for name, value in values.items() if value is not None]
    given += ["--stop-when-settled"] if wishes.stops_when_settled else []
    return [*given, "--use-busy"] if wishes.use_busy else given


def _size(mib: float | None) -> str | None:
    return None if mib is None else f"{mib:g}MiB"
