"""Any logged value as plain data: numbers, text, lists, dictionaries and records of files."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

from homerun.track.media.arrays import is_array, library_of, to_list, to_numpy, to_plain
from homerun.track.media.clips import Audio, Video
from homerun.track.media.documents import Html, Plotly
from homerun.track.media.files import Media, Place
from homerun.track.media.histogram import Histogram
from homerun.track.media.image import Image, figure_of, save_images
from homerun.track.media.shapes import Molecule, Object3D
from homerun.track.media.table import Table

ARRAY_AS_LIST = 32  # elements; larger arrays become histograms, as W&B does it
ARRAY_BINS = 32  # of the histogram that an array becomes
_TEXT_LIMIT = 1000  # characters kept of an object nobody knows
_DEPTH_LIMIT = 32

_OF_TABLE = ("path", "sha256", "size", "ncols", "nrows", "log_mode")
_PLAIN = frozenset({bool, int, float, str, type(None)})
_LISTS = (
    (Audio, "audio", "audio"),
    (Html, "html", "html"),
    (Molecule, "molecule", "molecules"),
    (Object3D, "object3D", "objects"),
    (Video, "videos", "videos"),
)


def to_record(value: Any, *, folder: Path, key: str, step: int) -> Any:
    """Return plain data for a logged value; media are written below the run's `folder`."""
    return to_record_at(value, Place(folder, key, step))


def to_record_at(value: Any, place: Place, depth: int = 0) -> Any:
    """Return plain data for a logged value whose files go to the place."""
    if getattr(value, "ndim", None) == 0:  # a loss of torch or numpy
        value = to_list(value)
    if type(value) in _PLAIN:
        return value
    if depth > _DEPTH_LIMIT:
        return _text(value)
    if isinstance(value, Mapping):
        return {
            str(name): to_record_at(item, replace(place, key=f"{place.key}.{name}"), depth + 1)
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple, range, set, frozenset)):
        return _list_record(value, place, depth)
    media = as_media(value)
    if media is not None:
        return media.save(place.folder, place.key, place.step)
    return _array_record(value, place, depth) if is_array(value) else _scalar(value)


def as_media(value: Any) -> Media | None:
    """Return the media that a figure, picture or data frame is logged as; None for others."""
    library = library_of(value)
    if isinstance(value, Media):
        return value
    if library == "pandas" and hasattr(value, "itertuples"):
        return Table(dataframe=value)
    if library == "plotly" and hasattr(value, "to_json"):
        return Plotly(value)
    if library == "PIL" or figure_of(value) is not None:
        return Image(value)
    return None


def tables_of(records: Iterable[Any]) -> dict[str, Any]:
    """Return the tables of charts among the records, under the keys that W&B gives them."""
    charts = (record for record in records if isinstance(record, dict) and "table_key" in record)
    return {
        chart["table_key"]: {"_type": "table-file", **{name: chart[name] for name in _OF_TABLE}}
        for chart in charts
        if chart.get("_type") == "custom-chart"
    }


def _list_record(values: Collection[Any], place: Place, depth: int) -> Any:
    if isinstance(values, (set, frozenset)):
        values = sorted(values, key=lambda item: (type(item).__name__, str(item)))
    if values and all(isinstance(value, Image) for value in values):
        return save_images(list(values), place)
    items = [to_record_at(value, place, depth + 1) for value in values]
    for kind, name, field in _LISTS:
        if values and all(isinstance(value, kind) for value in values):
            return {"_type": name, "count": len(items), field: items}
    return items


def _array_record(value: Any, place: Place, depth: int) -> Any:
    if place.keeps_arrays:
        return to_record_at(to_plain(value), place, depth + 1)
    array = to_numpy(value)
    if array.size > ARRAY_AS_LIST and array.dtype.kind in "biuf":
        return Histogram(array, num_bins=ARRAY_BINS).save(place.folder, place.key, place.step)
    return to_record_at(to_list(array), place, depth + 1)


def _scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        value = value.value
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:  # pandas' missing values
        return None
    for kind in (bool, int, float, str):  # subclasses become what they are of
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value) if isinstance(value, PurePath) else _text(value)


def _text(value: Any) -> str:
    return str(value)[:_TEXT_LIMIT]
