"""fast.ai: a callback that records a Learner, test-time augmentation, their callback at work."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.compat.fastai.callback import HomerunCallback as HomerunCallback
    from homerun.compat.fastai.facts import describe as describe
    from homerun.compat.fastai.mend import mend as mend
    from homerun.compat.fastai.tta import tta as tta

lazy.attach(
    __name__, {"callback": "HomerunCallback", "facts": "describe", "mend": "mend", "tta": "tta"}
)
