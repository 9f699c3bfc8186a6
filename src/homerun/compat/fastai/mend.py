"""fast.ai's own WandbCallback, kept at work.

Its configuration comes from fastcore's `init_args`, which fails on numbers and texts since fastcore
2.2.22: `vars() argument must have __dict__ attribute`. One name in its module is replaced.
"""

import sys
from typing import Any

_MODULE = "fastai.callback.wandb"


def mend() -> None:
    """Let fast.ai's WandbCallback describe a Learner as ours does; no fast.ai, nothing to do."""
    module = sys.modules.get(_MODULE)
    if module is not None:
        vars(module)["init_args"] = readable_args


def readable_args(value: Any) -> dict[str, Any]:
    """Return what is recorded of a Learner or a callback, {} for a value that is plain already."""
    from homerun.compat.fastai.facts import describe, parameters_of  # noqa: PLC0415

    if hasattr(value, "dls") and hasattr(value, "opt_func"):
        return dict(describe(value)["Learner"])
    return parameters_of(value) if hasattr(value, "remove_on_fetch") else {}
