"""A Figure as PNG, SVG or PDF, drawn with matplotlib; nothing else of homerun loads that."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.charts.still.settings import own_settings as own_settings
    from homerun.charts.still.static import to_pdf as to_pdf
    from homerun.charts.still.static import to_png as to_png
    from homerun.charts.still.static import to_svg as to_svg
    from homerun.charts.still.svg import svg_of as svg_of

lazy.attach(
    __name__,
    {"settings": "own_settings", "static": "to_pdf to_png to_svg", "svg": "svg_of"},
    extra="plot",
    needing="pictures need",
)
