"""A PNG writer of thirty lines, so that logging arrays as images needs no library for images.

PNG specification, third edition (W3C 2025): https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # by channels: grey, grey + alpha, RGB, RGBA
_FILTER_UP = 2  # each row as its difference from the row above


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a PNG file of pixels [height, width, channels]."""
    height, width, channels = pixels.shape
    rows = pixels.reshape(height, width * channels)
    filtered = bytearray()
    above = rows[:1] * 0
    for row in rows:
        filtered.append(_FILTER_UP)
        filtered += (row - above).tobytes()
        above = row
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOR_TYPES[channels], 0, 0, 0)
    return b"".join(
        (
            _SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(bytes(filtered), 6)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_size(path: Path) -> tuple[int, int] | None:
    """Return width and height of a PNG file; None if it is another format."""
    with path.open("rb") as file:
        head = file.read(24)
    if len(head) < 24 or not head.startswith(_SIGNATURE):
        return None
    width, height = struct.unpack(">II", head[16:])
    return width, height
