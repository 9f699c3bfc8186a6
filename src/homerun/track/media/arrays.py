"""Arrays of any library, met by what they can do: numpy, torch, jax, cupy, tensorflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]


def library_of(value: object) -> str:
    """Return the top-level package of the value's type."""
    return type(value).__module__.partition(".")[0]


def is_array(value: object) -> bool:
    """Tell whether numpy can take the value as an array, scalars of array libraries included."""
    return hasattr(value, "__array__") or _is_tensor(value)


def _is_tensor(value: object) -> bool:
    return hasattr(value, "detach") and hasattr(value, "cpu")  # open files detach, too


def to_numpy(value: Any) -> Array:
    """Return a numpy array of the value, from whatever device it lies on."""
    import numpy as np  # noqa: PLC0415 - the value's own library has loaded it

    if _is_tensor(value):
        value = value.detach().cpu()
        if "bfloat16" in str(getattr(value, "dtype", "")):
            value = value.float()  # numpy has no such type
        value = value.numpy()
    elif library_of(value) == "cupy":
        value = value.get()
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def to_list(value: Any) -> Any:
    """Return an array as nested lists of Python's own numbers, dates or text; one element alone."""
    array = to_numpy(value)
    if array.dtype.kind == "M":
        array = array.astype("datetime64[us]")  # finer ones would become integers
    return array.reshape(-1).tolist()[0] if array.size == 1 else array.tolist()


def to_plain(value: Any) -> Any:
    """Return nested values with arrays of any library as lists of Python's own numbers."""
    if isinstance(value, Mapping):
        return {str(name): to_plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if not is_array(value):
        return value
    array = to_numpy(value)
    if array.dtype.kind == "M":
        array = array.astype("datetime64[us]")
    items = array.tolist()
    return to_plain(items) if array.dtype.kind == "O" else items


def to_uint8(array: Array, *, normalize: bool = True) -> NDArray[np.uint8]:
    """Return pixels from 0 to 255 as W&B does: with negatives stretched, up to 1 scaled."""
    import numpy as np  # noqa: PLC0415

    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    pixels = array.astype(np.float64)
    if normalize and pixels.size:
        pixels = np.nan_to_num(pixels)
        if pixels.min() < 0:
            span = pixels.max() - pixels.min()
            pixels = (pixels - pixels.min()) / (span or 1.0)
        if pixels.max() <= 1:
            pixels = pixels * 255
    return np.nan_to_num(pixels).clip(0, 255).astype(np.uint8)
