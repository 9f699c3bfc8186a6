"""Just enough of protobuf's wire format to read messages of which the field numbers are known.

Format: protobuf.dev/programming-guides/encoding. A message is a sequence of fields, each a varint
`number << 3 | type` and a value: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
"""

import struct
from collections.abc import Iterator

from homerun.core import HomerunError

Value = int | bytes
_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")


class WireError(HomerunError, ValueError):
    """The bytes are no protobuf message."""


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """Yield number and value of each field; fixed-width numbers come as their bytes."""
    position, size = 0, len(data)
    try:
        while position < size:
            tag = data[position]
            position += 1
            if tag > 127:
                tag, position = _varint(data, position - 1)
            kind = tag & 7
            if kind == 2:
                length = data[position]
                position += 1
                if length > 127:
                    length, position = _varint(data, position - 1)
                end = position + length
                if end > size:
                    raise WireError("a field of a protobuf message is cut short")
                yield tag >> 3, data[position:end]
                position = end
            elif kind == 0:
                value, position = _varint(data, position)
                yield tag >> 3, value
            elif kind in {1, 5}:
                end = position + (8 if kind == 1 else 4)
                if end > size:
                    raise WireError("a field of a protobuf message is cut short")
                yield tag >> 3, data[position:end]
                position = end
            else:
                raise WireError(f"a protobuf field has type {kind}; this is no such message")
    except IndexError:
        raise WireError("a field of a protobuf message is cut short") from None


class Message:
    """A message of which each field is wanted by its number; the last of several counts."""

    def __init__(self, data: bytes) -> None:
        self._fields: dict[int, list[Value]] = {}
        for number, value in fields(data):
            self._fields.setdefault(number, []).append(value)

    def has(self, number: int) -> bool:
        """Tell whether the field is there."""
        return number in self._fields

    def raw(self, number: int) -> bytes:
        """Return the bytes of a field, none when it is absent."""
        value = self._fields.get(number, [b""])[-1]
        return value if isinstance(value, bytes) else b""

    def text(self, number: int) -> str:
        """Return a string field, empty when it is absent."""
        return self.raw(number).decode(errors="replace")

    def texts(self, number: int) -> list[str]:
        """Return a repeated string field."""
        return [value.decode(errors="replace") for value in self.raws(number)]

    def raws(self, number: int) -> list[bytes]:
        """Return a repeated field of strings, bytes or messages."""
        return [value for value in self._fields.get(number, []) if isinstance(value, bytes)]

    def integer(self, number: int) -> int:
        """Return an int32 or int64 field, 0 when it is absent."""
        value = self._fields.get(number, [0])[-1]
        return signed(value) if isinstance(value, int) else 0

    def message(self, number: int) -> "Message":
        """Return a field that is a message, an empty one when it is absent."""
        return Message(self.raw(number))

    def messages(self, number: int) -> list["Message"]:
        """Return a repeated field of messages."""
        return [Message(value) for value in self.raws(number)]

    def number(self, number: int) -> float | None:
        """Return a double or float field, None when it is absent."""
        data = self.raw(number)
        return double(data) if len(data) == 8 else float32(data) if len(data) == 4 else None


def signed(value: int) -> int:
    """Return a varint as the two's complement number of 64 bits that it stands for."""
    return value - (1 << 64) if value >> 63 else value


def double(data: bytes) -> float:
    """Return the double in eight bytes."""
    return float(_DOUBLE.unpack(data)[0])


def float32(data: bytes) -> float:
    """Return the float in four bytes."""
    return float(_FLOAT.unpack(data)[0])


def varints(data: bytes) -> list[int]:
    """Return a packed repeated field of varints, signed."""
    values, position = [], 0
    try:
        while position < len(data):
            value, position = _varint(data, position)
            values.append(signed(value))
    except IndexError:
        raise WireError("a field of a protobuf message is cut short") from None
    return values


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
        if shift > 63:
            raise WireError("a protobuf number is longer than 64 bits")
