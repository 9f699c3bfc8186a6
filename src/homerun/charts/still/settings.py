"""What a picture depends on of matplotlib, the same whatever the user has set."""

import contextlib
import functools
import warnings
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager

_ROOMS = "axes figure font grid lines mathtext patch path pdf savefig scatter svg text xtick ytick"
_CHANGED: dict[str, Any] = {
    "text.parse_math": False,  # a name with two $ is no formula
    "axes.unicode_minus": False,
    "path.simplify": True,
    "pdf.fonttype": 42,  # text stays text
    "lines.scale_dashes": False,
}
# Fonts with the letters that DejaVu Sans, which comes with matplotlib, lacks. Colour fonts, which
# matplotlib cannot draw, are not among them.
_MORE = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR"),
    *("Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback"),
    *("IPAGothic", "NanumGothic", "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "Yu Gothic"),
    *("Malgun Gothic", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari"),
    *("Noto Sans Thai", "Noto Sans Symbols", "Noto Sans Symbols 2", "Noto Emoji", "Symbola"),
    *("Segoe UI Symbol", "Arial Unicode MS"),
)


@functools.cache
def families() -> tuple[str, ...]:
    """Return the fonts that letters are looked for in, in this order, of those that are there."""
    there = {font.name for font in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in _MORE if name in there))


@contextlib.contextmanager
def own_settings() -> Iterator[None]:
    """Draw with the settings that matplotlib comes with, and our own, within the block."""
    rooms = _ROOMS.split()
    own: dict[Any, Any] = {
        k: v for k, v in mpl.rcParamsDefault.items() if k.partition(".")[0] in rooms
    }
    own |= _CHANGED | {"font.family": list(families())}
    with mpl.rc_context(own), warnings.catch_warnings():
        # Letters that no font here has are boxes in a PNG and text in an SVG.
        warnings.filterwarnings("ignore", message="Glyph|.*missing from font")
        yield
