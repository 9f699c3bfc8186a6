"""Artifacts: versions of data sets and models, who made them and who used them.

A program writes what it logs and uses as records into the journal of its run, and the content into
objects before. A record is taken over into the database in one transaction, once: by the program
itself, or by whoever folds the journal first.
"""

import json
import re
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homerun.core import NotFoundError, new_id
from homerun.store.database import Database
from homerun.store.documents import dumps, loads
from homerun.store.manifests import ArtifactFile, digests_in_parts, read_manifest
from homerun.store.objects import NEW_S, held_objects, old_objects

LATEST = "latest"  # the alias that always goes to the version logged last
REGISTRY = "model-registry"  # the project of registered models

_VERSION = re.compile(r"v(\d+)")
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_COLUMNS = (
    "v.number, v.id, a.project, a.name, a.type, v.version, v.digest, v.size, v.files,"
    " v.description, v.metadata, v.tags, v.ttl_s, v.step, v.link_of, v.created_at, v.updated_at,"
    " (SELECT json_group_array(alias) FROM artifact_alias WHERE version = v.number)"
)
_FROM = "FROM artifact_version v JOIN artifact a ON a.number = v.artifact"


@dataclass(frozen=True, kw_only=True)
class ArtifactVersion:
    """One version of an artifact."""

    number: int
    id: str
    project: str
    name: str
    type: str
    version: int
    digest: str
    size: int
    files: int
    description: str
    metadata: dict[str, Any]
    tags: tuple[str, ...]
    ttl_s: float | None
    step: int | None
    link_of: int | None
    created_at: float
    updated_at: float
    aliases: tuple[str, ...]

    @property
    def full_name(self) -> str:
        """The name that finds it: `project/name:v3`."""
        return f"{self.project}/{self.name}:v{self.version}"


# Records: {id, do, project, name, digest, time, ...}


def files_of_record(store: Database, record: dict[str, Any]) -> list[ArtifactFile] | None:
    """Return the files that a record logs, None when its manifest is gone or damaged."""
    return read_manifest(store.home, record["digest"]) if record["do"] == "log" else []


def record_artifact(store: Database, run_id: str, record: dict[str, Any]) -> bool:
    """Take over a record of a run at once; False when the run is not known yet."""
    files = files_of_record(store, record)
    with store.write(durable=True) as db:
        row = db.execute("SELECT number FROM run WHERE id = ?", (run_id,)).fetchone()
        return row is not None and take_over(db, row[0], record, files)


def take_over(
    db: sqlite3.Connection,
    run: int,
    record: dict[str, Any],
    files: Sequence[ArtifactFile] | None,
) -> bool:
    """Take over one record, unless that was done before; False when its content is gone."""
    if db.execute("SELECT 1 FROM artifact_use WHERE id = ?", (record["id"],)).fetchone():
        return True
    what = record["do"]
    if what == "log":
        if files is None:
            return False
        version: int | None = _add_version(db, record, files)
    else:
        version = _find(db, record)
        if version is None:
            return False
        if what == "link":
            version = _add_link(db, record, version)
        else:
            _add_aliases(db, version, record.get("aliases") or ())
    direction = {"log": "output", "use": "input", "link": "link"}[what]
    if record.get("is_used"):
        direction = "input"
    db.execute(
        "INSERT INTO artifact_use(id, run, version, direction, time) VALUES (?, ?, ?, ?, ?)",
        (record["id"], run, version, direction, record["time"]),
    )
    return True


def _find(db: sqlite3.Connection, record: dict[str, Any]) -> int | None:
    row = db.execute(
        f"SELECT v.number {_FROM} WHERE a.project = ? AND a.name = ? AND v.digest = ?",
        (record["project"], record["name"], record["digest"]),
    ).fetchone()
    return row[0] if row else None


def _add_version(
    db: sqlite3.Connection, record: dict[str, Any], files: Sequence[ArtifactFile]
) -> int:
    """Return the version that holds these files: the one there is, else a new one."""
    project, name, now = record["project"], record["name"], record["time"]
    number = _find(db, record)
    if number is None:
        artifact, version = _next_version(db, project, name, record["type"], now)
        facts = {
            "id": new_id(),
            "artifact": artifact,
            "version": version,
            "digest": record["digest"],
            "size": sum(file.size or 0 for file in files),
            "files": len(files),
            "description": record.get("description") or "",
            "metadata": dumps(record.get("metadata") or {}),
            "ttl_s": record.get("ttl_s"),
            "step": record.get("step"),
            "created_at": now,
            "updated_at": now,
        }
        marks = ", ".join(f":{key}" for key in facts)
        cursor = db.execute(
            f"INSERT INTO artifact_version({', '.join(facts)}) VALUES ({marks})", facts
        )
        number = int(cursor.lastrowid or 0)
        db.executemany(
            "INSERT INTO artifact_file(version, path, digest, size, reference)"
            " VALUES (?, ?, ?, ?, ?)",
            [(number, *file) for file in files],
        )
    _add_aliases(db, number, (LATEST, *(record.get("aliases") or ())))
    _add_tags(db, number, record.get("tags") or ())
    return number


def _next_version(
    db: sqlite3.Connection, project: str, name: str, kind: str, now: float
) -> tuple[int, int]:
    """Return the artifact, which is made if it is new, and the number of its next version."""
    row = db.execute(
        "INSERT INTO artifact(project, name, type, next_version, created_at)"
        " VALUES (?, ?, ?, 1, ?)"
        " ON CONFLICT(project, name) DO UPDATE SET next_version = next_version + 1"
        " RETURNING number, next_version - 1",
        (project, name, kind, now),
    ).fetchone()
    return row[0], row[1]


def _add_link(db: sqlite3.Connection, record: dict[str, Any], source: int) -> int:
    """Make a version of another artifact that is the same as this one; return it."""
    target = {**record, "project": record["target_project"], "name": record["target_name"]}
    number = _find(db, target)
    if number is None:
        kind = db.execute(f"SELECT a.type {_FROM} WHERE v.number = ?", (source,)).fetchone()[0]
        artifact, version = _next_version(
            db, target["project"], target["name"], kind, record["time"]
        )
        cursor = db.execute(
            "INSERT INTO artifact_version(id, artifact, version, digest, size, files, description,"
            " metadata, tags, ttl_s, step, link_of, created_at, updated_at)"
            " SELECT ?, ?, ?, digest, size, files, description, metadata, tags, ttl_s, step,"
            " coalesce(link_of, number), created_at, ? FROM artifact_version WHERE number = ?",
            (new_id(), artifact, version, record["time"], source),
        )
        number = int(cursor.lastrowid or 0)
        db.execute(
            "INSERT INTO artifact_file SELECT ?, path, digest, size, reference"
            " FROM artifact_file WHERE version = ?",
            (number, source),
        )
    _add_aliases(db, number, (LATEST, *(record.get("aliases") or ())))
    return number


def _add_aliases(db: sqlite3.Connection, number: int, aliases: Iterable[str]) -> None:
    db.executemany(
        "INSERT INTO artifact_alias(artifact, alias, version)"
        " SELECT artifact, ?, number FROM artifact_version WHERE number = ?"
        " ON CONFLICT(artifact, alias) DO UPDATE SET version = excluded.version",
        [(alias, number) for alias in aliases],
    )


def _add_tags(db: sqlite3.Connection, number: int, tags: Iterable[str]) -> None:
    sql = "SELECT tags FROM artifact_version WHERE number = ?"
    known = json.loads(db.execute(sql, (number,)).fetchone()[0])
    merged = dumps(list(dict.fromkeys([*known, *tags])))
    db.execute("UPDATE artifact_version SET tags = ? WHERE number = ?", (merged, number))


# Questions


def find_artifact(store: Database, ref: str, *, project: str | None = None) -> ArtifactVersion:
    """Return the version that `[entity/][project/]name[:alias|:v3|:digest]` names.

    Without a project it is that of the caller, or the only one with an artifact of this name.
    """
    path, _, wanted = ref.partition(":")
    *above, name = path.split("/")
    where, values = "a.name = ?", [name]
    if above or project:
        where, values = f"{where} AND a.project = ?", [name, above[-1] if above else project or ""]
    rows = store.rows(f"SELECT a.number, a.project FROM artifact a WHERE {where}", values)
    if len(rows) > 1:
        names = ", ".join(f"{row[1]}/{name}" for row in rows)
        raise NotFoundError(f"{ref!r} may be any of {names}; give the project, too")
    found = _named(store, rows[0][0], wanted or LATEST) if rows else []
    if len(found) != 1:
        raise NotFoundError(_why_not(store, ref, rows, found))
    return found[0]


def _named(store: Database, artifact: int, wanted: str) -> list[ArtifactVersion]:
    """Return the versions of an artifact that go by an alias, number, digest or id."""
    by_alias = "v.number = (SELECT version FROM artifact_alias WHERE artifact = ? AND alias = ?)"
    found = _versions(store, by_alias, (artifact, wanted))
    if found:
        return found
    if match := _VERSION.fullmatch(wanted):
        return _versions(store, "a.number = ? AND v.version = ?", (artifact, int(match[1])))
    if _DIGEST.fullmatch(wanted):
        by_digest = "a.number = ? AND substr(v.digest, 1, ?) = ?"
        if found := _versions(store, by_digest, (artifact, len(wanted), wanted)):
            return found
    return _versions(store, "a.number = ? AND v.id = ?", (artifact, wanted))


def _why_not(
    store: Database, ref: str, rows: list[tuple[Any, ...]], found: list[ArtifactVersion]
) -> str:
    if found:
        return f"{ref!r} may be any of {', '.join(v.full_name for v in found)}; give more digits"
    if not rows:
        return f"no artifact answers to {ref!r}; homerun artifact ls shows those there are"
    versions = _versions(store, "a.number = ?", (rows[0][0],))
    names = sorted(
        {f"v{v.version}" for v in versions[-5:]} | {a for v in versions for a in v.aliases}
    )
    known = f"there are {', '.join(names)}" if names else "all its versions were deleted"
    return f"no version of the artifact answers to {ref!r}; {known}"


def artifact_of_record(store: Database, record: dict[str, Any]) -> ArtifactVersion | None:
    """Return the version that a record of a run is about, None when it was not taken over."""
    sql = "SELECT version FROM artifact_use WHERE id = ? AND version IS NOT NULL"
    row = store.row(sql, (record["id"],))
    return None if row is None else artifact_version(store, row[0])


def artifact_version(store: Database, number: int) -> ArtifactVersion | None:
    """Return a version by its number in the home, None when there is none."""
    return next(iter(_versions(store, "v.number = ?", (number,))), None)


def artifact_versions(
    store: Database,
    *,
    project: str | None = None,
    name: str | None = None,
    type_name: str | None = None,
    run: str | None = None,
    direction: str = "output",
    link_of: int | None = None,
) -> list[ArtifactVersion]:
    """Return versions, the oldest first; `run`: those that it made, or used as `input`."""
    wanted = {"a.project": project, "a.name": name, "a.type": type_name, "v.link_of": link_of}
    asked = {key: value for key, value in wanted.items() if value is not None}
    where = " AND ".join(f"{key} = ?" for key in asked) or "1"
    values: list[Any] = list(asked.values())
    if run is not None:
        where += (
            " AND v.number IN (SELECT version FROM artifact_use JOIN run ON run.number ="
            " artifact_use.run WHERE run.id = ? AND direction = ?)"
        )
        values += [run, direction]
    return _versions(store, where, values)


def _versions(store: Database, where: str, values: Sequence[Any]) -> list[ArtifactVersion]:
    rows = store.rows(f"SELECT {_COLUMNS} {_FROM} WHERE {where} ORDER BY v.number", values)
    fields = list(ArtifactVersion.__dataclass_fields__)
    found = []
    for row in rows:
        facts = dict(zip(fields, row, strict=True))
        facts["metadata"] = loads(facts["metadata"])
        facts["tags"] = tuple(json.loads(facts["tags"]))
        facts["aliases"] = tuple(sorted(json.loads(facts["aliases"])))
        found.append(ArtifactVersion(**facts))
    return found


def artifact_files(store: Database, number: int) -> list[ArtifactFile]:
    """Return the files of a version, by path."""
    rows = store.rows(
        "SELECT path, digest, size, reference FROM artifact_file WHERE version = ? ORDER BY path",
        (number,),
    )
    return [ArtifactFile(*row) for row in rows]


def runs_of_artifact(store: Database, number: int, direction: str) -> list[str]:
    """Return the ids of the runs that made a version (`output`) or used it (`input`)."""
    rows = store.rows(
        "SELECT DISTINCT run.id FROM artifact_use JOIN run ON run.number = artifact_use.run"
        " WHERE version = ? AND direction = ? ORDER BY run.number",
        (number, direction),
    )
    return [row[0] for row in rows]


# Changes


def change_artifact(
    store: Database,
    number: int,
    *,
    description: str,
    metadata: dict[str, Any],
    tags: Sequence[str],
    aliases: Sequence[str],
    ttl_s: float | None,
) -> None:
    """Give a version a new description, metadata, tags, wish to go, and just these aliases."""
    with store.write(durable=True) as db:
        db.execute(
            "UPDATE artifact_version SET description = ?, metadata = ?, tags = ?, ttl_s = ?,"
            " updated_at = ? WHERE number = ?",
            (description, dumps(metadata), dumps(list(tags)), ttl_s, time.time(), number),
        )
        db.execute(
            "DELETE FROM artifact_alias WHERE version = ?"
            " AND alias NOT IN (SELECT value FROM json_each(?))",
            (number, dumps(list(aliases))),
        )
        _add_aliases(db, number, aliases)


def delete_artifact(store: Database, number: int) -> None:
    """Forget a version; `latest` goes to the newest that is left. Its content goes with gc."""
    with store.write(durable=True) as db:
        row = db.execute(
            "DELETE FROM artifact_version WHERE number = ? RETURNING artifact", (number,)
        ).fetchone()
        if row is not None:
            db.execute(
                "INSERT OR IGNORE INTO artifact_alias(artifact, alias, version)"
                " SELECT artifact, ?, number FROM artifact_version WHERE artifact = ?"
                " ORDER BY version DESC LIMIT 1",
                (LATEST, row[0]),
            )


def link_artifact(store: Database, record: dict[str, Any]) -> None:
    """Make a version also one of `target_project/target_name`, outside of any run."""
    with store.write(durable=True) as db:
        source = _find(db, record)
        if source is not None:
            _add_link(db, record, source)


def mend_artifacts(db: sqlite3.Connection, home: Path) -> None:
    """After damage: read lost files again from the manifests, drop what refers to nothing."""
    db.execute("DELETE FROM artifact_version WHERE artifact NOT IN (SELECT number FROM artifact)")
    known = "(SELECT number FROM artifact_version)"
    db.execute(f"DELETE FROM artifact_alias WHERE version NOT IN {known}")
    db.execute(f"DELETE FROM artifact_file WHERE version NOT IN {known}")
    db.execute(f"UPDATE artifact_use SET version = NULL WHERE version NOT IN {known}")
    db.execute("DELETE FROM artifact_use WHERE run NOT IN (SELECT number FROM run)")
    short = db.execute(
        "SELECT number, digest FROM artifact_version WHERE files !="
        " (SELECT count(*) FROM artifact_file WHERE version = number)"
    ).fetchall()
    for number, digest in short:
        db.executemany(
            "INSERT OR IGNORE INTO artifact_file(version, path, digest, size, reference)"
            " VALUES (?, ?, ?, ?, ?)",
            [(number, *file) for file in read_manifest(home, digest) or ()],
        )


# Content that nobody refers to


def unused_objects(store: Database, *, new_s: float = NEW_S) -> dict[Path, int]:
    """Return files below artifacts/ that no version needs, and the bytes that each sets free.

    What was touched within `new_s` seconds is left out: it may belong to an artifact that a
    program is about to log.
    """
    rows = store.rows(
        "SELECT digest FROM artifact_file WHERE reference = ''"
        " UNION SELECT digest FROM artifact_version"
    )
    used = {row[0] for row in rows} | digests_in_parts(store.home)
    return {
        path: size
        for path, digest, size in old_objects(store.home, new_s=new_s)
        if digest not in used
    }


def free_objects(store: Database, *, new_s: float = NEW_S) -> int:
    """Remove what `unused_objects` finds; return the bytes that came free."""
    freed = 0
    with held_objects(store.home, alone=True):
        for path, size in unused_objects(store, new_s=new_s).items():
            path.unlink(missing_ok=True)
            freed += size
    return freed
