"""Tables, images and other media in an artifact: a JSON file each, beside the files it needs."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homerun.core import UsageError
from homerun.track.media import Audio, Html, Image, Media, Molecule, Object3D, Table, Video

_TABLE = "table-file"
_MADE_OF: dict[str, Callable[[str], Any]] = {
    "image-file": Image,
    "audio-file": Audio,
    "video-file": Video,
    "html-file": lambda path: Html(Path(path).read_text(encoding="utf-8"), inject=False),
    "molecule-file": Molecule,
    "object3D-file": Object3D,
}
SUFFIXES = ("table.json", *(f"{kind}.json" for kind in _MADE_OF))


def saved_media(value: Any, name: str, folder: str) -> tuple[str, list[tuple[Path, str]]]:
    """Write a value's files into a folder; return its name in the artifact, files and names."""
    if not isinstance(value, Media):
        raise UsageError(
            f"artifact.add() takes a Table, Image or other media, not {type(value).__name__}; "
            "use add_file() for files and new_file() for text"
        )
    record = value.save(Path(folder), Path(name).name, 0)
    files = [
        (path, path.relative_to(folder).as_posix())
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    ]
    if record["_type"] == _TABLE:
        full = _with_suffix(name, "table.json")
        files = [(path, full if below == record["path"] else below) for path, below in files]
        return full, files
    full = _with_suffix(name, f"{record['_type']}.json")
    with tempfile.NamedTemporaryFile(
        "w", dir=folder, suffix=".json", delete=False, encoding="utf-8"
    ) as file:
        json.dump(record, file, sort_keys=True)
    return full, [*files, (Path(file.name), full)]


def media_of(text: str, name: str, fetch: Callable[[str], str]) -> Any:
    """Return the value that `saved_media` wrote; `fetch` gives the path of a file it needs."""
    document = json.loads(text)
    if name.endswith(".table.json"):
        rows = [[_cell(cell, fetch) for cell in row] for row in document["data"]]
        return Table(columns=document["columns"], data=rows)
    return _cell(document, fetch)


def _cell(cell: Any, fetch: Callable[[str], str]) -> Any:
    make = _MADE_OF.get(cell.get("_type", "")) if isinstance(cell, dict) else None
    if make is None or "path" not in cell:
        return cell
    value = make(fetch(cell["path"]))
    if cell.get("caption") and hasattr(value, "caption"):
        value.caption = cell["caption"]
    return value


def _with_suffix(name: str, suffix: str) -> str:
    return name if name.endswith(f".{suffix}") else f"{name}.{suffix}"
