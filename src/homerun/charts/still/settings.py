"""What a picture depends on of matplotlib, the same whatever the user has set."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl

_ROOMS = "axes figure font grid lines mathtext patch path pdf savefig scatter svg text xtick ytick"
_CHANGED: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "text.parse_math": False,  # a name with two $ is no formula
    "axes.unicode_minus": False,
    "path.simplify": True,
    "pdf.fonttype": 42,  # text stays text
    "svg.hashsalt": "homerun",  # the same ids each time
    "lines.scale_dashes": False,
}


@contextlib.contextmanager
def own_settings() -> Iterator[None]:
    """Draw with the settings that matplotlib comes with, and our own, within the block."""
    rooms = _ROOMS.split()
    own: dict[Any, Any] = {
        k: v for k, v in mpl.rcParamsDefault.items() if k.partition(".")[0] in rooms
    }
    with mpl.rc_context(own | _CHANGED), warnings.catch_warnings():
        # Other alphabets than those of the font are boxes in a PNG and text in an SVG.
        warnings.filterwarnings("ignore", message="Glyph|.*missing from font")
        yield
