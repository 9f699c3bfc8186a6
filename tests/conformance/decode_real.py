"""Print as JSON what W&B's offline runs below a folder hold; runs under the Python that has wandb.

A `.wandb` file is a LevelDB log of protobuf messages: after a header of 7 bytes blocks of 32 KiB,
in them records of checksum (4 bytes), length (2), kind (1: whole, 2: first, 3: middle, 4: last).
"""

import json
import struct
import sys
from pathlib import Path

from wandb.proto.wandb_internal_pb2 import Record

BLOCK = 32768
HEADER = 7
OWN_FILES = {"requirements.txt", "output.log", "config.yaml", "diff.patch"}


def messages(data):
    """Yield the bytes of each message of a file."""
    position, parts = HEADER, []
    while position + HEADER <= len(data):
        if BLOCK - position % BLOCK < HEADER:  # too small for a record, filled with zeros
            position += BLOCK - position % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        position += HEADER
        parts.append(data[position : position + length])
        position += length
        if kind in {1, 4}:
            yield b"".join(parts)
            parts = []


def put(target, items):
    """Set the keys of some items, which name them by one key or by the way to a nested one."""
    for item in items:
        *way, last = list(item.nested_key) or [item.key]
        inner = target
        for key in way:
            inner = inner.setdefault(key, {})
        inner[last] = json.loads(item.value_json)


def remove(target, items):
    """Remove the keys of some items."""
    for item in items:
        *way, last = list(item.nested_key) or [item.key]
        inner = target
        for key in way:
            inner = inner.get(key, {})
        inner.pop(last, None)


class Run:
    """What the records of one file come to."""

    def __init__(self):
        self.facts = {"exit_code": None, "alerts": [], "preempting": False, "artifacts": []}
        self.config, self.summary, self.rows = {}, {}, []
        self.started_at = 0.0

    def take(self, record):
        """Take up one record; those that nobody compares change nothing."""
        kind = record.WhichOneof("record_type")
        handle = getattr(self, f"take_{kind}", None)
        if handle:
            handle(getattr(record, kind))

    def take_run(self, run):
        for name in ("project", "notes", "job_type", "sweep_id"):
            self.facts[name] = getattr(run, name)
        self.facts |= {"id": run.run_id, "name": run.display_name, "group": run.run_group}
        self.facts["tags"] = list(run.tags)
        self.started_at = run.start_time.ToNanoseconds()
        put(self.config, run.config.update)

    def take_config(self, config):
        put(self.config, config.update)
        remove(self.config, config.remove)

    def take_summary(self, summary):
        put(self.summary, summary.update)
        remove(self.summary, summary.remove)

    def take_history(self, history):
        row = {}
        put(row, history.item)
        self.rows.append([history.step.num, row])

    def take_exit(self, end):
        self.facts["exit_code"] = end.exit_code

    def take_alert(self, alert):
        self.facts["alerts"].append([alert.title, alert.text, alert.level])

    def take_preempting(self, _):
        self.facts["preempting"] = True

    def take_artifact(self, artifact):
        entries = {entry.path: entry.size for entry in artifact.manifest.contents}
        known = {"type": artifact.type, "description": artifact.description}
        metadata = json.loads(artifact.metadata or "null")
        aliases = sorted(artifact.aliases)
        self.facts["artifacts"].append(
            {"name": artifact.name, **known, "metadata": metadata, "aliases": aliases}
            | {"entries": entries}
        )


def decode(path):
    """Return when one run began and what it has recorded."""
    run = Run()
    for message in messages(path.read_bytes()):
        run.take(Record.FromString(message))
    folder = path.parent / "files"
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())
    return run.started_at, {
        **run.facts,
        "folder": str(folder),
        "files": [name for name in files if name not in OWN_FILES and name[:6] != "wandb-"],
        "config": run.config,
        "summary": run.summary,
        "rows": run.rows,
    }


if __name__ == "__main__":
    runs = [decode(path) for path in Path(sys.argv[1]).rglob("*.wandb")]
    print(json.dumps([run for _, run in sorted(runs, key=lambda pair: pair[0])]))
