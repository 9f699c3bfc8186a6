"""Pages: HTML, and plotly's figures as their own JSON."""

import re
from pathlib import Path
from typing import Any

from homerun.core import UsageError
from homerun.track.media.files import Media, Place, Record, save_file

_BASE = '<base target="_blank">'  # links leave the frame a page is shown in


class Html(Media):
    """A page given as text, as a file object or as the path of an .html file."""

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        if hasattr(data, "read"):
            data = data.read()
        elif isinstance(data, Path) or (not data_is_not_path and _is_path(data)):
            data = Path(data).read_text(encoding="utf-8")
        if isinstance(data, bytes):
            data = data.decode("utf-8")
        if not isinstance(data, str):
            raise UsageError(
                f"Html cannot be made of {type(data).__name__}; give text, a file or a path"
            )
        self.html = _with_base(data) if inject else data

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write the page; return W&B's `html-file` record."""
        data = self.html.encode("utf-8", "surrogatepass")
        file = save_file(data, Place(folder, key, step), kind="html", suffix="html")
        return {"_type": "html-file", **file}


def _is_path(data: Any) -> bool:
    return isinstance(data, str) and data.endswith((".html", ".htm")) and Path(data).is_file()


def _with_base(page: str) -> str:
    """Put the base element at the start of the head, or before a page that has none."""
    head = re.search(r"<head(?:\s[^>]*)?>", page, re.IGNORECASE)
    at = head.end() if head else 0
    return page[:at] + _BASE + page[at:]


class Plotly(Media):
    """A plotly figure, kept as JSON that plotly can show again."""

    def __init__(self, figure: Any) -> None:
        if not hasattr(figure, "to_json"):
            raise UsageError(f"Plotly cannot be made of {type(figure).__name__}; give a figure")
        self._json: str = figure.to_json()

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write the figure; return W&B's `plotly-file` record."""
        place = Place(folder, key, step)
        file = save_file(self._json.encode(), place, kind="plotly", suffix="plotly.json")
        return {"_type": "plotly-file", **file}
