"""How records lie in the files of others: LevelDB's log as W&B writes it, and TFRecord.

Whatever is cut short or damaged is left out and counted.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from homerun.core import HomerunError

_BLOCK = 32 * 1024
_CHUNK = struct.Struct("<IHB")  # checksum, length, type
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_WANDB_HEADER = b":W&B" + struct.pack("<HB", 0xBEE1, 0)  # magic, version
_TYPE_CRC = [crc32(bytes([kind])) for kind in range(5)]

_LENGTH = struct.Struct("<QI")  # length of the data, masked checksum of these eight bytes
_READ_LIMIT = 1 << 20  # bytes of a TFRecord; longer ones hold images and graphs


class FormatError(HomerunError, ValueError):
    """A file is not what its name says."""


class Framed:
    """The records of a file; `dropped` counts the damaged ones of the last time they were read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped = 0


class WandbLog(Framed):
    """The records of a `.wandb` file.

    The format is LevelDB's log (github.com/google/leveldb, doc/log_format.md) with a header of
    seven bytes that belongs to the first block, and with the CRC-32 of zlib, not CRC-32C.
    """

    def __iter__(self) -> Iterator[bytes]:
        self.dropped = 0
        parts: list[bytes] = []
        is_open = False  # a record has begun and not ended
        for chunk in self._chunks():
            if chunk is None:
                self.dropped += 1
                parts, is_open = [], False
                continue
            kind, payload = chunk
            if kind in {_FULL, _FIRST}:
                self.dropped += is_open
                parts, is_open = [payload], kind == _FIRST
            elif is_open:
                parts.append(payload)
                is_open = kind == _MIDDLE
            else:
                continue  # the rest of a record whose beginning was damaged and counted
            if not is_open:
                yield parts[0] if len(parts) == 1 else b"".join(parts)
        self.dropped += is_open

    def _chunks(self) -> Iterator[tuple[int, bytes] | None]:
        """Yield type and payload of each chunk; None in place of a damaged rest of a block."""
        with self.path.open("rb") as file:
            block = file.read(_BLOCK)
            if block[:7] != _WANDB_HEADER:
                raise FormatError(
                    f"{self.path} is no file of W&B: it does not begin with :W&B and version 0"
                )
            position = len(_WANDB_HEADER)
            while block:
                while position < len(block) and _BLOCK - position >= _CHUNK.size:
                    chunk = self._chunk(block, position)
                    yield chunk
                    if chunk is None:  # LevelDB goes on with the next block
                        break
                    position += _CHUNK.size + len(chunk[1])
                block, position = file.read(_BLOCK), 0

    @staticmethod
    def _chunk(block: bytes, position: int) -> tuple[int, bytes] | None:
        if position + _CHUNK.size > len(block):
            return None
        checksum, length, kind = _CHUNK.unpack_from(block, position)
        start = position + _CHUNK.size
        payload = block[start : start + length]
        is_whole = len(payload) == length and _FULL <= kind <= _LAST
        return (kind, payload) if is_whole and crc32(payload, _TYPE_CRC[kind]) == checksum else None


class TFRecords(Framed):
    """The records of a TensorBoard event file, but for those longer than 1 MiB.

    Format: tensorflow.org/tutorials/load_data/tfrecord: length, its checksum, data, its checksum;
    the checksums are CRC-32C, masked. After a damaged length nothing can be found any more.
    """

    def __iter__(self) -> Iterator[bytes]:
        self.dropped = 0
        with self.path.open("rb") as file:
            size = self.path.stat().st_size
            while head := file.read(_LENGTH.size):
                length = self._length(head)
                if length is None or file.tell() + length + 4 > size:
                    self.dropped += 1
                    return
                if length > _READ_LIMIT:
                    file.seek(length + 4, 1)
                elif (data := self._data(file, length)) is not None:
                    yield data

    @staticmethod
    def _length(head: bytes) -> int | None:
        if len(head) < _LENGTH.size:
            return None
        length, checksum = _LENGTH.unpack(head)
        return int(length) if masked_crc32c(head[:8]) == checksum else None

    def _data(self, file: BinaryIO, length: int) -> bytes | None:
        data = file.read(length)
        if masked_crc32c(data) == int.from_bytes(file.read(4), "little"):
            return data
        self.dropped += 1
        return None


def masked_crc32c(data: bytes) -> int:
    """Return the CRC-32C (Castagnoli) of the data as TFRecord stores it, rotated and moved."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC32C[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _table() -> list[int]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


_CRC32C = _table()
