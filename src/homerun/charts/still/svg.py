"""SVG of a matplotlib figure: text stays text, and there is nothing in it that a page must avoid.

matplotlib's own SVG has a style for all elements of a page, ids that clash and links between them.
This one is plain shapes: it can stand in a page many times, and is the same each time it is made.
"""

import base64
import io
from collections.abc import Mapping
from typing import Any

from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Transform
from PIL import Image

from homerun.core import markup, printable

_FAMILY = "system-ui, &quot;DejaVu Sans&quot;, Verdana, sans-serif"
_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C"}
_INLINE_DPI = 140  # of crowds in an SVG that stands in a page until its script runs
_IMAGE_DPI = 200  # of what is drawn as pixels
_ANCHORS = {"left": (0.0, ""), "center": (0.5, "middle"), "right": (1.0, "end")}


def svg_of(
    figure: Figure, *, title: str, inks: Mapping[str, tuple[str, float]] | None = None
) -> str:
    """Return a drawn figure as SVG.

    `inks`: colours that become one of the page around the picture, such as `currentColor`, and how
    opaque that is; the background is then left out. What is `rasterized` becomes a picture in it.
    """
    renderer = _Renderer(figure, inks or {})
    figure.patch.set_visible(not inks)
    mixed: Any = MixedModeRenderer  # which has no types
    dpi = _INLINE_DPI if inks else _IMAGE_DPI
    renderer.image_dpi = dpi
    figure.draw(mixed(figure, *figure.get_size_inches(), dpi, renderer))
    width, height = renderer.get_canvas_width_height()
    size = "" if inks else f' width="{width:g}" height="{height:g}"'
    style = f' style="max-width:{width:g}px;width:100%"' if inks else ""
    name = markup.text(printable(title))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"{size}{style}'
        f' role="img" aria-label="{name}" font-family="{_FAMILY}" stroke-linejoin="round">'
        f"<title>{name}</title>{renderer.finish()}</svg>\n"
    )


class _Renderer(RendererBase):
    """Writes what matplotlib draws, one group per style."""

    def __init__(self, figure: Figure, inks: Mapping[str, tuple[str, float]]) -> None:
        super().__init__()
        self._dpi = figure.dpi
        self._width, self._height = figure.bbox.width, figure.bbox.height
        self._inks = inks
        self.image_dpi = _IMAGE_DPI
        self._parts: list[str] = []
        self._group: tuple[str, str] | None = None
        self._flip = Affine2D().scale(1, -1).translate(0, self._height)

    def finish(self) -> str:
        """Return all that was drawn."""
        self._enter(None)
        return "".join(self._parts)

    def points_to_pixels(self, points: Any) -> Any:
        return points * self._dpi / 72

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self._width, self._height

    def draw_path(
        self,
        gc: GraphicsContextBase,
        path: Path,
        transform: Transform,
        rgbFace: Any = None,  # noqa: N803  matplotlib's name
    ) -> None:
        style = self._style(gc, rgbFace)
        if style is None:
            return
        place = transform + self._flip
        closed = rgbFace is not None
        shape = _circle(path, place) or _shape(path, place, is_filled=closed)
        if shape:
            self._enter((style, self._clip(gc, path, place)))
            self._parts.append(shape)

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,
        mtext: Text | None = None,
    ) -> None:
        width, _, _ = self.get_text_width_height_descent(s, prop, ismath)
        share, anchor = _ANCHORS[mtext.get_horizontalalignment() if mtext is not None else "left"]
        if angle and not (mtext is not None and mtext.get_rotation_mode() == "anchor"):
            share, anchor = 0.5, "middle"
        turn = Affine2D().rotate_deg(-angle)
        across, down = turn.transform((share * width, 0))
        x, y = x + across, y + down
        size = self.points_to_pixels(prop.get_size_in_points())
        rgba = gc.get_rgb()
        fill, opacity = self._paint(rgba, rgba[3])
        is_bold = prop.get_weight() in {"bold", "semibold"}
        attributes = [
            f'x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}" fill="{fill}"',
            f'fill-opacity="{opacity:.2g}"' if opacity < 1 else "",
            f'text-anchor="{anchor}"' if anchor else "",
            'font-weight="600"' if is_bold else "",
            f'transform="rotate({-angle:g} {x:.1f} {y:.1f})"' if angle else "",
        ]
        self._enter(None)
        self._parts.append(f"<text {' '.join(filter(None, attributes))}>{markup.text(s)}</text>")

    def draw_image(
        self,
        gc: GraphicsContextBase,  # noqa: ARG002  matplotlib's signature
        x: float,
        y: float,
        im: Any,
        transform: Transform | None = None,  # noqa: ARG002
    ) -> None:
        file = io.BytesIO()
        image = Image.fromarray(im[::-1])
        image.quantize(256, Image.Quantize.FASTOCTREE).save(file, format="png")
        width, height = (size * self._dpi / self.image_dpi for size in image.size)
        data = base64.b64encode(file.getvalue()).decode()
        self._enter(None)
        self._parts.append(
            f'<image x="{x:.1f}" y="{self._height - y - height:.1f}" width="{width:.1f}"'
            f' height="{height:.1f}" href="data:image/png;base64,{data}"/>'
        )

    def _style(self, gc: GraphicsContextBase, face: Any) -> str | None:
        """Return the attributes of a shape; None: nothing of it is seen."""
        forced = gc.get_alpha() if gc.get_forced_alpha() else None
        parts = []
        fill, seen = "none", 0.0
        if face is not None:
            fill, seen = self._paint(face, _alpha(face) if forced is None else forced)
        if not seen:
            fill = "none"
        parts.append(f'fill="{fill}"')
        if 0 < seen < 1:
            parts.append(f'fill-opacity="{seen:.2g}"')
        width = self.points_to_pixels(gc.get_linewidth())
        rgba: Any = gc.get_rgb()
        stroke, drawn = self._paint(rgba, _alpha(rgba) if forced is None else forced)
        if width and drawn:
            parts.append(f'stroke="{stroke}" stroke-width="{width:.3g}"')
            if drawn < 1:
                parts.append(f'stroke-opacity="{drawn:.2g}"')
            dashes: Any = gc.get_dashes()[1]
            if dashes:
                lengths = " ".join(f"{self.points_to_pixels(d):.2f}" for d in dashes)
                parts.append(f'stroke-dasharray="{lengths}"')
        elif not seen:
            return None
        return " ".join(parts)

    def _paint(self, color: Any, alpha: float) -> tuple[str, float]:
        text = to_hex(color[:3])
        if text in self._inks:
            color, share = self._inks[text]
            return color, share * alpha
        return text, alpha

    def _clip(self, gc: GraphicsContextBase, path: Path, place: Transform) -> str:
        """Return the window that a shape is seen through, where it does not lie within it."""
        window = gc.get_clip_rectangle()
        if window is None:
            return ""
        left, low, width, height = window.bounds
        top = self._height - low - height
        seen = path.get_extents(place)
        if not (
            seen.x0 < left - 1
            or seen.x1 > left + width + 1
            or seen.y0 < top - 1
            or seen.y1 > top + height + 1
        ):
            return ""
        at = f"{left:.1f} {top:.1f} {width:.1f} {height:.1f}"
        x, y, w, h = at.split()
        return f'<svg x="{x}" y="{y}" width="{w}" height="{h}" viewBox="{at}">'

    def _enter(self, group: tuple[str, str] | None) -> None:
        if group == self._group:
            return
        if self._group is not None:
            self._parts.append("</g></svg>" if self._group[1] else "</g>")
        if group is not None:
            self._parts.append(f"{group[1]}<g {group[0]}>")
        self._group = group


def _alpha(color: Any) -> float:
    return float(color[3]) if len(color) > 3 else 1.0


def _circle(path: Path, place: Transform) -> str:
    """Return a circle, as most dots are; empty for other paths."""
    codes: Any = path.codes
    if codes is None or len(codes) != 26 or codes[1] != Path.CURVE4:
        return ""
    points = place.transform(path.vertices)  # of the curves of a circle none goes beyond it
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    if abs((right - left) - (bottom - top)) > 0.1:
        return ""
    x, y = (left + right) / 2, (top + bottom) / 2
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{(right - left) / 2:.2f}"/>'


def _shape(path: Path, place: Transform, *, is_filled: bool) -> str:
    parts: list[str] = []
    for numbers, code in path.iter_segments(place, remove_nans=True, curves=True):
        if code == Path.CLOSEPOLY:
            parts.append("Z")
            continue
        letter = _LETTERS[Path.code_type(code)]
        parts.append(letter + " ".join(f"{v:.1f}" for v in numbers))
    if len(parts) < 2 and not is_filled:
        return ""
    return f'<path d="{"".join(parts)}"/>' if parts else ""
