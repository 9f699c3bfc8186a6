"""The live chart of notebooks: an anywidget around `widget.js`."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from homerun.charts.parallel.display import HEIGHT, module, style
from homerun.core import MissingExtraError

if TYPE_CHECKING:
    import anywidget


def make(document: Mapping[str, Any], *, hides: str) -> "anywidget.AnyWidget":
    """Return a widget that shows a chart document.

    Traits: document, selected (rows; all when nothing is brushed), brushes, pinned (rows), height
    (pixels). `hides`: the id of an element that is not shown where the widget is.
    """
    rows = list(range(document["count"]))
    widget = _widget_class()(document=dict(document), selected=rows, hides=hides)
    return cast("anywidget.AnyWidget", widget)


@cache
def _widget_class() -> Any:
    try:
        import anywidget  # noqa: PLC0415  it takes longer than all of homerun
        import traitlets  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("the live chart needs: pip install 'homerun[widget]'") from error

    class ParallelWidget(anywidget.AnyWidget):  # type: ignore[misc]  # there are no types of it
        """Parallel coordinates that tell Python what is brushed."""

        _esm = module()
        _css = style()
        document = traitlets.Dict().tag(sync=True)
        selected = traitlets.List(traitlets.Int()).tag(sync=True)
        brushes = traitlets.Dict().tag(sync=True)
        pinned = traitlets.List(traitlets.Int()).tag(sync=True)
        height = traitlets.Int(HEIGHT).tag(sync=True)
        hides = traitlets.Unicode().tag(sync=True)

    return ParallelWidget
