"""The journal of a run: append-only records, one write(2) each, safe against kill -9.

Format: one header line `homerun-journal 1 ID\\n`, then records of
`length: u32, crc32: u32 (both little endian, of the payload), payload: msgpack array`.
The first element of the array is the record's kind, one of the numbers below. The random ID
lets the database remember how far it has read this very file. A record that is cut short or whose
checksum is wrong is dropped and counted, never guessed.
"""

import fcntl
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import msgpack

ROW = 0  # step, time (s since the epoch), {key: value}
BEGIN = 1  # {id, project, name, config, ...}: a journal can restore its run without a database
CONFIG = 2  # {key: value}: the whole configuration
SUMMARY = 3  # {key: value} set by hand, [keys deleted]
DEFINE = 4  # {name, summary, goal, step_metric, step_sync, hidden, overwrite}
METADATA = 5  # {key: value} to be merged
LABELS = 6  # {name, notes, tags, group, job_type}: those that changed
FILE = 7  # {path, kind, size}
ALERT = 8  # time, title, text, level
SYSTEM = 9  # number of the sample, time, {key: value} without the prefix "system."
END = 10  # time, {state, exit_code, reason, detail, supervised}
ARTIFACT = 11  # {id, do: log use link, project, name, digest, time, ...}: see artifacts

_HEADER = struct.Struct("<II")
_MAGIC = re.compile(rb"homerun-journal 1 ([0-9a-f]{16})\n")
_MAGIC_LENGTH = len(b"homerun-journal 1 \n") + 16
_BIG_INT = 1  # msgpack extension: an integer beyond 64 bits, in decimal digits


def pack_big_int(value: object) -> msgpack.ExtType:
    """Encode an integer of more than 64 bits; raise TypeError for anything else."""
    if isinstance(value, int):
        return msgpack.ExtType(_BIG_INT, str(value).encode())
    raise TypeError(f"cannot encode {type(value).__name__}")


def _unpack_extension(code: int, data: bytes) -> object:
    return int(data) if code == _BIG_INT else msgpack.ExtType(code, data)


def packer() -> msgpack.Packer:
    """Return a reusable encoder of record payloads; not safe for use by two threads at once."""
    return msgpack.Packer(default=pack_big_int, unicode_errors="surrogatepass")


class JournalWriter:
    """The one writer of a journal file; holds a lock on it as long as it lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = lock_journal(path, os.O_CREAT)
        try:
            _repair(self.fd)
        except BaseException:
            os.close(self.fd)
            raise

    def append(self, payload: bytes) -> None:
        """Write one record; when this returns, the record survives the death of the process.

        Raises OSError (disk full, file system gone) with the file as it was before the call.
        """
        record = _HEADER.pack(len(payload), crc32(payload)) + payload
        written = os.write(self.fd, record)
        if written != len(record):
            os.ftruncate(self.fd, self.end - written)
            raise OSError(28, "No space left on device", str(self.path))

    @property
    def end(self) -> int:
        """Return the length of the file, in bytes."""
        return os.fstat(self.fd).st_size

    def close(self) -> None:
        """Release the file; later appends raise OSError."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def lock_journal(path: Path, flags: int = 0) -> int:
    """Open a journal that has no living writer and lock it; return its descriptor.

    Raises BlockingIOError when a writer lives, FileNotFoundError when there is no such file.
    """
    while True:
        fd = os.open(path, flags | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(fd), path.stat()):
                return fd
        except FileNotFoundError:  # removed between the two steps, after it was folded
            pass
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def open_writer(folder: Path) -> JournalWriter:
    """Open the first journal in the folder that has no living writer: journal, journal-2, ..."""
    for index in range(1, 10_000):
        try:
            return JournalWriter(folder / ("journal" if index == 1 else f"journal-{index}"))
        except BlockingIOError:
            continue
    raise OSError(24, "Too many writers of one run", str(folder))


def journal_paths(folder: Path) -> list[Path]:
    """Return the run's journals in the order in which they were opened."""
    try:
        names = [name for name in os.listdir(folder) if name.startswith("journal")]  # noqa: PTH208
    except FileNotFoundError:
        return []
    return [folder / name for name in sorted(names, key=lambda name: (len(name), name))]


class Reading:
    """What `read` found: where it stopped and what it had to drop."""

    def __init__(self, journal_id: str = "", *, torn: int = 0) -> None:
        self.id = journal_id
        self.end = 0  # offset in bytes up to which the file is done
        self.dropped = 0  # records whose checksum was wrong
        self.torn = torn  # bytes at the end that are no whole record
        self.records: list[list[Any]] = []


def read(path: Path, offset: int = 0, *, limit_bytes: int = -1, only: int | None = None) -> Reading:
    """Return the records of a journal from an offset on (0: from the start).

    With a limit at least one whole record is read and about that many bytes; with a kind only
    records of that kind are decoded. A journal that was folded and removed meanwhile has none.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return Reading()
    with file:
        head = file.read(_MAGIC_LENGTH)
        match = _MAGIC.fullmatch(head)
        if match is None:
            return Reading(torn=len(head))
        start = max(offset, _MAGIC_LENGTH)
        file.seek(start)
        data = file.read(limit_bytes)
        if 8 <= limit_bytes == len(data):
            missing = _HEADER.unpack_from(data)[0] + 8 - len(data)  # a record beyond the limit
            data += file.read(max(0, missing))
    reading = Reading(match[1].decode())
    good = 0
    for position, payload in _payloads(data):
        good = position
        if payload is None:
            reading.dropped += 1
        elif only is None or payload[1] == only:  # the kind follows the array's one-byte head
            reading.records.append(
                msgpack.unpackb(
                    payload,
                    ext_hook=_unpack_extension,
                    strict_map_key=False,
                    unicode_errors="surrogatepass",
                )
            )
    reading.end = start + good
    reading.torn = len(data) - good
    return reading


def journal_id(path: Path) -> str:
    """Return the id in the journal's header, empty when it has none yet."""
    with path.open("rb") as file:
        match = _MAGIC.fullmatch(file.read(_MAGIC_LENGTH))
    return match[1].decode() if match else ""


def _payloads(data: bytes) -> Iterator[tuple[int, memoryview | None]]:
    """Yield the end of each whole record and its payload, None where the checksum is wrong."""
    view = memoryview(data)
    position, size = 0, len(data)
    unpack = _HEADER.unpack_from
    while position + 8 <= size:
        length, checksum = unpack(data, position)
        end = position + 8 + length
        if end > size or length == 0:
            return
        payload = view[position + 8 : end]
        good = crc32(payload) == checksum
        if not good and end == size:
            return  # the last record, half written or not yet
        yield end, payload if good else None
        position = end


def _repair(fd: int) -> None:
    """Cut off what a dead writer left half written, and see to it that there is a header."""
    size = os.fstat(fd).st_size
    if size == 0:
        os.write(fd, f"homerun-journal 1 {os.urandom(8).hex()}\n".encode())
        return
    data = os.pread(fd, size, 0)
    good = _MAGIC_LENGTH if _MAGIC.match(data) else 0
    if good:
        for end, _ in _payloads(data[_MAGIC_LENGTH:]):
            good = _MAGIC_LENGTH + end
    os.ftruncate(fd, good)
    if not good:
        _repair(fd)
