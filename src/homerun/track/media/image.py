"""Images: from a path, a Pillow image, an array or tensor, or a matplotlib figure."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from homerun.core import MissingExtraError, UsageError
from homerun.track.media.annotations import BoundingBoxes2D, Classes, ImageMask
from homerun.track.media.arrays import is_array, library_of, to_numpy, to_uint8
from homerun.track.media.files import (
    Media,
    Place,
    Record,
    existing_file,
    save_file,
    suffix_of,
)
from homerun.track.media.png import encode_png, png_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image as PillowImage

_Layer = TypeVar("_Layer", BoundingBoxes2D, ImageMask)

_GRID_COLUMNS = 8  # a batch is shown as rows of so many images
_JPEG = {"jpg", "jpeg"}


class Image(Media):
    """A picture with an optional caption, segmentation masks and bounding boxes.

    Arrays are [height, width] or [height, width, channels]; torch tensors [channels, height,
    width] or a batch of those. What is given is encoded at once, so it may be reused afterwards.
    """

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Classes | Sequence[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: str | None = None,
        normalize: bool = True,
    ) -> None:
        self.caption = caption
        self.format = (file_type or "png").lower()
        self.width: int | None = None
        self.height: int | None = None
        self._grouping = grouping
        self._classes = None if classes is None else _classes(classes)
        self._boxes = _layers(boxes, "boxes", BoundingBoxes2D)
        self._masks = _layers(masks, "masks", ImageMask)
        self._content = self._encode(data_or_path, mode, normalize)

    @property
    def image(self) -> PillowImage:
        """The picture as Pillow has it."""
        content = self._content
        data = content if isinstance(content, bytes) else content.read_bytes()
        image: PillowImage = _pillow().open(io.BytesIO(data))
        return image

    def _encode(self, data: Any, mode: str | None, normalize: bool) -> bytes | Path:
        if isinstance(data, Image):
            self._take_over(data)
            return data._content
        if isinstance(data, (str, Path)):
            return self._read(existing_file(data, "Image"))
        if library_of(data) == "PIL":
            return self._encode_pillow(data, mode)
        figure = figure_of(data)
        if figure is not None:
            return self._encode_figure(figure)
        if is_array(data):
            pixels = _arrange(data, normalize)
            self.height, self.width = pixels.shape[:2]
            if mode is None and self.format == "png":
                return encode_png(pixels)
            image = _pillow().fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
            return self._encode_pillow(image, mode)
        raise UsageError(
            f"Image cannot be made of {type(data).__name__}; give a path, a Pillow image, an array "
            "or tensor, or a matplotlib figure"
        )

    def _take_over(self, other: Image) -> None:
        self.format, self.width, self.height = other.format, other.width, other.height
        self.caption = other.caption if self.caption is None else self.caption
        self._boxes = self._boxes or other._boxes
        self._masks = self._masks or other._masks
        self._classes = self._classes or other._classes

    def _read(self, path: Path) -> Path:
        self.format = suffix_of(path, "png")
        size = png_size(path)
        if size is None and self.format != "svg":
            try:
                with _pillow().open(path) as image:
                    size = image.size
            except (MissingExtraError, OSError):  # the size stays unknown; the file is kept
                pass
        if size is not None:
            self.width, self.height = size
        return path

    def _encode_pillow(self, image: Any, mode: str | None) -> bytes:
        self.width, self.height = image.size
        if mode is not None and mode != image.mode:
            image = image.convert(mode)
        if self.format in _JPEG and image.mode not in {"L", "RGB", "CMYK"}:
            image = image.convert("RGB")
        buffer = io.BytesIO()
        image.save(buffer, format="jpeg" if self.format in _JPEG else self.format)
        return buffer.getvalue()

    def _encode_figure(self, figure: Any) -> bytes:
        self.format = "png"
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        data = buffer.getvalue()
        self.width, self.height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
        return data

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write the picture and its masks and boxes; return W&B's `image-file` record."""
        record: Record = {
            "_type": "image-file",
            **save_file(self._content, Place(folder, key, step), kind="images", suffix=self.format),
            "format": self.format,
            "width": self.width,
            "height": self.height,
            "caption": self.caption,
            "grouping": self._grouping,
            "classes": self._classes and self._classes.class_set,
            "masks": {name: mask.save(folder, key, step) for name, mask in self._masks.items()},
            "boxes": {name: boxes.save(folder, key, step) for name, boxes in self._boxes.items()},
        }
        return {name: value for name, value in record.items() if value not in (None, {})}


def _classes(classes: Classes | Sequence[Mapping[str, Any]]) -> Classes:
    return classes if isinstance(classes, Classes) else Classes(classes)


def _layers(given: Any, what: str, kind: type[_Layer]) -> dict[str, _Layer]:
    """Return the masks or the boxes of an image by name."""
    if not isinstance(given or {}, Mapping):
        raise UsageError(f"{what} is {type(given).__name__}; give {{name: {{...}}, ...}}")
    return {
        name: layer if isinstance(layer, kind) else kind(layer, name)
        for name, layer in (given or {}).items()
    }


def save_images(images: Sequence[Image], place: Place) -> Record:
    """Write a list of images; return W&B's `images/separated` record."""
    records = [image.save(place.folder, place.key, place.step) for image in images]
    captions = [image.caption for image in images]
    record: Record = {
        "_type": "images/separated",
        "count": len(records),
        "format": images[0].format,
        "width": images[0].width,
        "height": images[0].height,
        "filenames": [record["path"] for record in records],
        "sha256": [record["sha256"] for record in records],
        "captions": captions if any(captions) else None,
    }
    for name in ("masks", "boxes"):
        parts = [record.get(name) for record in records]
        record[f"all_{name}"] = parts if any(parts) else None
    return {name: value for name, value in record.items() if value is not None}


def figure_of(value: Any) -> Any:
    """Return the matplotlib figure behind a figure, axes or the pyplot module; else None."""
    if isinstance(value, ModuleType):
        return value.gcf() if value.__name__ == "matplotlib.pyplot" else None
    if library_of(value) not in {"matplotlib", "seaborn"}:
        return None
    figure = value if hasattr(value, "savefig") else getattr(value, "figure", None)
    return figure if hasattr(figure, "savefig") else None


def _pillow() -> Any:
    try:
        from PIL import Image as pillow  # noqa: N813, PLC0415
    except ImportError:
        raise MissingExtraError(
            "this image needs Pillow: pip install pillow; arrays as PNG do without"
        ) from None
    return pillow


def _arrange(data: Any, normalize: bool) -> NDArray[np.uint8]:
    """Return pixels [height, width, channels] of an array, a tensor or a batch of tensors."""
    array = to_numpy(data)
    shape = array.shape
    is_tensor = hasattr(data, "detach")
    if array.ndim == 4:
        array = _grid(array if is_tensor else array.transpose(0, 3, 1, 2))
        is_tensor = True
    if array.ndim == 3 and array.shape[0] == 1 and array.shape[2] > 4:
        array = array[0]  # [1, height, width], as W&B takes it
    if array.ndim == 3 and is_tensor and not array.shape[2] <= 4 < array.shape[0]:
        array = array.transpose(1, 2, 0)  # fast.ai's callback gives tensors as arrays are
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4 or not array.size:
        raise UsageError(
            f"Image cannot show an array of shape {shape}; give [height, width], [height, width, "
            "1 to 4 channels], or a torch tensor [channels, height, width]"
        )
    return to_uint8(array, normalize=normalize)


def _grid(batch: NDArray[Any]) -> NDArray[Any]:
    """Lay a batch [n, channels, height, width] out as one [channels, height, width] picture."""
    import numpy as np  # noqa: PLC0415

    count, channels, height, width = batch.shape
    columns = min(count, _GRID_COLUMNS) or 1
    rows = -(-count // columns)
    tiles = np.zeros((rows * columns, channels, height, width), batch.dtype)
    tiles[:count] = batch
    tiles = tiles.reshape(rows, columns, channels, height, width)
    return tiles.transpose(2, 0, 3, 1, 4).reshape(channels, rows * height, columns * width)
