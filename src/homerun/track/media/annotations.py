"""What is drawn over an image: segmentation masks, bounding boxes, the names of their classes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from pathlib import Path
from typing import Any

from homerun.core import UsageError
from homerun.track.media.arrays import to_numpy, to_plain
from homerun.track.media.files import (
    Media,
    Place,
    Record,
    existing_file,
    save_file,
    suffix_of,
)
from homerun.track.media.png import encode_png

_CORNERS = ("minX", "maxX", "minY", "maxY")
_DOMAINS = (None, "pixel", "fraction")  # None is a fraction of the image's size


class Classes(Media):
    """The classes of masks and boxes: a list of {"id": number, "name": text}."""

    def __init__(self, class_set: Sequence[Mapping[str, Any]]) -> None:
        for item in class_set:
            if not isinstance(item, Mapping) or not {"id", "name"} <= item.keys():
                raise UsageError(f"class {item!r} needs 'id' and 'name'")
        self.class_set = [{**item, "id": to_plain(item["id"])} for item in class_set]

    def save(self, folder: Path, key: str, step: int) -> Record:  # noqa: ARG002 - no file
        """Return W&B's `classes` record; there is no file."""
        return {"_type": "classes", "class_set": self.class_set}


class ImageMask(Media):
    """A class number for each pixel; `val`: mask_data [height, width] or path, and class_labels."""

    def __init__(self, val: Mapping[str, Any], key: str = "mask") -> None:
        if not isinstance(val, Mapping) or not {"path", "mask_data"} & val.keys():
            raise UsageError(
                f"mask {key!r} needs 'mask_data' (class numbers, [height, width]) or 'path'"
            )
        if "path" in val:
            self._content: bytes | Path = existing_file(val["path"], f"mask {key!r}")
            self.class_labels = _labels(val.get("class_labels") or {}, key)
            return
        numbers = to_numpy(val["mask_data"])
        is_fitting = numbers.ndim == 2 and numbers.dtype.kind in "biuf" and numbers.size
        if not is_fitting or numbers.min() < 0 or numbers.max() > 255:
            raise UsageError(
                f"mask {key!r} has shape {numbers.shape}; give [height, width] of classes 0 to 255"
            )
        pixels = numbers.astype("uint8")
        labels = val.get("class_labels")
        if labels is None:
            labels = _default_labels(number for row in pixels.tolist() for number in set(row))
        self.class_labels = _labels(labels, key)
        self._content = encode_png(pixels[:, :, None])

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write a grey picture, class numbers as its levels; return W&B's `mask` record."""
        suffix = "png" if isinstance(self._content, bytes) else suffix_of(self._content, "png")
        file = save_file(self._content, Place(folder, key, step), kind="images/mask", suffix=suffix)
        return {"_type": "mask", **file, "class_labels": self.class_labels}


class BoundingBoxes2D(Media):
    """Boxes with a class, scores and a caption; `val`: box_data, a list, and class_labels.

    The position of a box is {minX, maxX, minY, maxY} or {middle: [x, y], width, height}, in
    fractions of the image's size, or with domain "pixel" in pixels.
    """

    def __init__(self, val: Mapping[str, Any], key: str = "boxes") -> None:
        data = val.get("box_data") if isinstance(val, Mapping) else None
        if not isinstance(data, (list, tuple)):
            raise UsageError(
                f"boxes {key!r} need 'box_data': [{{'position': {{...}}, 'class_id': ...}}, ...]"
            )
        self.box_data = [_box(box, f"box {index} of {key!r}") for index, box in enumerate(data)]
        labels = val.get("class_labels")
        if labels is None:
            labels = _default_labels(box["class_id"] for box in self.box_data if "class_id" in box)
        self.class_labels = _labels(labels, key)

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write the boxes as JSON; return W&B's `boxes2D` record."""
        text = json.dumps({"box_data": self.box_data, "class_labels": self.class_labels})
        place = Place(folder, key, step)
        file = save_file(text.encode(), place, kind="metadata/boxes2D", suffix="boxes2D.json")
        return {"_type": "boxes2D", **file, "class_labels": self.class_labels}


def _box(box: Any, name: str) -> dict[str, Any]:
    """Return a box as plain data; raise UsageError if W&B would refuse it."""
    if not isinstance(box, Mapping):
        raise UsageError(f"{name} is {type(box).__name__}; give a dictionary with 'position'")
    plain: dict[str, Any] = {field: to_plain(value) for field, value in box.items()}
    position = plain.get("position")
    if not isinstance(position, Mapping) or not _is_position(position):
        raise UsageError(
            f"{name} has position {position!r}; give the numbers minX, maxX, minY and maxY, or "
            "middle [x, y], width and height"
        )
    if plain.get("domain") not in _DOMAINS:
        raise UsageError(f"{name} has domain {plain['domain']!r}; use 'pixel' or 'fraction'")
    scores = plain.get("scores") or {}
    if not isinstance(scores, Mapping) or not all(map(_is_number, scores.values())):
        raise UsageError(f"{name} has scores {scores!r}; give a dictionary of names to numbers")
    if not isinstance(plain.get("class_id", 0), int):
        raise UsageError(f"{name} has class_id {plain['class_id']!r}; give a whole number")
    if not isinstance(plain.get("box_caption") or "", str):
        raise UsageError(f"{name} has box_caption {plain['box_caption']!r}; give text")
    return plain


def _is_position(position: Mapping[str, Any]) -> bool:
    middle = position.get("middle")
    if isinstance(middle, (list, tuple)):
        numbers = [*middle, position.get("width"), position.get("height")]
        return len(numbers) == 4 and all(map(_is_number, numbers))
    return all(_is_number(position.get(corner)) for corner in _CORNERS)


def _is_number(value: Any) -> bool:
    return isinstance(value, Number)


def _default_labels(numbers: Iterable[int]) -> dict[int, str]:
    return {number: f"class_{number}" for number in sorted(set(numbers))}


def _labels(labels: Any, key: str) -> dict[str, str]:
    if not isinstance(labels, Mapping):
        raise UsageError(f"class_labels of {key!r} is {labels!r}; give {{number: name, ...}}")
    return {str(number): str(name) for number, name in labels.items()}
