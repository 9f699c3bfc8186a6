"""Print how many rows a tracker has of what `log.py TRACKER` wrote here: `count.py TRACKER`."""

import pathlib
import sqlite3
import struct
import sys


def homerun():
    import homerun

    return len(homerun.history("bench", keys=["metric_0"]))


def trackio():
    path = next(pathlib.Path("trackio").glob("*.db"), None)
    if path is None:  # it makes its database with the first batch
        return 0
    return sqlite3.connect(path).execute("SELECT count(*) FROM metrics").fetchone()[0]


def tensorboard():
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    (path,) = pathlib.Path("events").iterdir()
    return sum(event.HasField("summary") for event in EventFileLoader(str(path)).Load())


def wandb():
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = pathlib.Path("wandb").glob("offline-run-*/*.wandb")
    return sum(Record.FromString(data).HasField("history") for data in leveldb_records(path))


def leveldb_records(path):
    """Yield the records of a .wandb file: 7 bytes of header, then the format of LevelDB's log."""
    data, position, record = path.read_bytes(), 7, b""
    while position + 7 <= len(data):
        left = 32768 - position % 32768
        if left < 7:
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        if kind == 0 or position + 7 + length > len(data):
            return
        record += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield record
            record = b""


if __name__ == "__main__":
    print(globals()[sys.argv[1]]())
