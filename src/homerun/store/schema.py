"""The tables of the home and the numbered migrations that lead to them.

Table and column names are a public interface: people query them with any SQLite client.
Times are seconds since the epoch; JSON columns hold objects unless said otherwise.
"""

import sqlite3

from homerun.core import StoreError

APPLICATION_ID = 0x686D7275  # "hmru"
WIDTH = 32  # points in one row of `chunk`

VALUES = ", ".join(f"v{i}" for i in range(WIDTH))  # the columns of a chunk
_PICK = " ".join(f"WHEN {i} THEN v{i}" for i in range(WIDTH))
_POSITIONS = ", ".join(f"({i})" for i in range(WIDTH))

_FIRST = f"""
CREATE TABLE sweep (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,            -- running paused finished canceled
    reason TEXT NOT NULL DEFAULT '',
    spec TEXT NOT NULL,             -- the sweep file, as JSON
    source TEXT NOT NULL DEFAULT '',
    cwd TEXT NOT NULL DEFAULT '',   -- programs start here
    cursor INTEGER NOT NULL DEFAULT 0,
    planned INTEGER,                -- runs it will have; NULL: no end
    created_at REAL NOT NULL
);
CREATE TABLE run (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    sweep TEXT REFERENCES sweep(id) ON DELETE CASCADE,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,            -- pending running paused finished failed crashed killed ...
    reason TEXT NOT NULL DEFAULT '',
    config TEXT NOT NULL DEFAULT '{{}}',
    config_hash TEXT,               -- of runs that a search proposed
    repeat INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 1,
    retries INTEGER NOT NULL DEFAULT 0,     -- attempts that may still follow a failure
    priority INTEGER NOT NULL DEFAULT 0,    -- higher runs first
    summary TEXT NOT NULL DEFAULT '{{}}',
    metadata TEXT NOT NULL DEFAULT '{{}}',
    definitions TEXT NOT NULL DEFAULT '{{}}', -- what define_metric said, by metric name
    tags TEXT NOT NULL DEFAULT '[]',        -- JSON array
    notes TEXT NOT NULL DEFAULT '',
    group_name TEXT NOT NULL DEFAULT '',
    job_type TEXT NOT NULL DEFAULT '',
    argv TEXT NOT NULL DEFAULT '[]',        -- JSON array; secrets redacted once it ran
    cwd TEXT NOT NULL DEFAULT '',
    agent TEXT NOT NULL DEFAULT '',         -- host/boot/pid/ticks of the process that claimed it
    exit_code INTEGER,
    detail TEXT NOT NULL DEFAULT '',        -- traceback or last lines
    created_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL,
    runtime_s REAL,
    user_cpu_s REAL,
    system_cpu_s REAL,
    memory_max_mib REAL,
    open INTEGER NOT NULL DEFAULT 0         -- 1: its journals may hold more than the database
);
CREATE INDEX run_queue ON run(sweep, state, priority DESC, number);
CREATE INDEX run_state ON run(state, number);
CREATE INDEX run_project ON run(project, number);
CREATE INDEX run_open ON run(number) WHERE open;
CREATE UNIQUE INDEX run_once ON run(sweep, config_hash, repeat, attempt)
    WHERE config_hash IS NOT NULL;
CREATE TABLE metric (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run(number) ON DELETE CASCADE,
    key TEXT NOT NULL,
    count INTEGER NOT NULL,         -- points
    numbers INTEGER NOT NULL,       -- points that are numbers and not NaN
    first, first_step INTEGER,
    last, last_step INTEGER,
    min, min_step INTEGER,
    max, max_step INTEGER,
    mean REAL,
    UNIQUE (run, key)
);
CREATE TABLE block (                -- steps and times of up to {WIDTH} rows of one run
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run(number) ON DELETE CASCADE,
    keys TEXT NOT NULL,             -- the metric ids that share it, JSON array
    count INTEGER NOT NULL,
    step INTEGER NOT NULL,          -- of the first row
    stride INTEGER,                 -- step of row i is step + i * stride; NULL: see steps
    steps TEXT,                     -- JSON array
    time REAL NOT NULL,             -- of the first row
    times TEXT NOT NULL             -- JSON array of milliseconds since the first row
);
CREATE INDEX block_run ON block(run, keys, id);
CREATE TABLE chunk (                -- the values of one metric in one block
    metric INTEGER NOT NULL,
    block INTEGER NOT NULL,
    {VALUES},
    PRIMARY KEY (metric, block)
) WITHOUT ROWID;
CREATE TABLE position (i INTEGER PRIMARY KEY);
INSERT INTO position VALUES {_POSITIONS};
CREATE VIEW history AS
SELECT run, key, step,
       CASE typeof(raw) WHEN 'blob' THEN CAST(raw AS TEXT) ELSE raw END AS value, time
FROM (
    SELECT run.id AS run, metric.key AS key,
           coalesce(block.step + i * block.stride, json_extract(block.steps, '$[' || i || ']'))
               AS step,
           CASE i {_PICK} END AS raw,
           block.time + json_extract(block.times, '$[' || i || ']') / 1000.0 AS time
    FROM run
    JOIN metric ON metric.run = run.number
    JOIN chunk ON chunk.metric = metric.id
    JOIN block ON block.id = chunk.block
    JOIN position ON position.i < block.count
);
CREATE TABLE journal (              -- how far each journal was read
    id TEXT PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run(number) ON DELETE CASCADE,
    offset INTEGER NOT NULL,
    dropped INTEGER NOT NULL DEFAULT 0  -- records that were cut short or damaged
);
CREATE INDEX journal_run ON journal(run);
CREATE TABLE file (
    run INTEGER NOT NULL REFERENCES run(number) ON DELETE CASCADE,
    path TEXT NOT NULL,             -- below runs/ID/files
    kind TEXT NOT NULL,
    size INTEGER,                   -- bytes
    created_at REAL,
    PRIMARY KEY (run, path)
) WITHOUT ROWID;
CREATE TABLE alert (
    run INTEGER NOT NULL REFERENCES run(number) ON DELETE CASCADE,
    time REAL NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    level TEXT NOT NULL             -- INFO WARN ERROR
);
CREATE INDEX alert_run ON alert(run);
"""

_SECOND = """
ALTER TABLE run ADD COLUMN source TEXT NOT NULL DEFAULT '';     -- path of the script of a folder
ALTER TABLE run ADD COLUMN queued INTEGER NOT NULL DEFAULT 0;   -- 1: an agent claimed it
ALTER TABLE run ADD COLUMN gpus INTEGER;            -- GPUs it needs; NULL: as sweep or agent say
ALTER TABLE run ADD COLUMN gpu_memory_mib REAL;     -- reserved on each; NULL: as sweep or agent say
ALTER TABLE run ADD COLUMN timeout_s REAL;          -- NULL: as its sweep says
ALTER TABLE run ADD COLUMN alone TEXT NOT NULL DEFAULT '';      -- runs beside nothing: gpu, host
ALTER TABLE run ADD COLUMN environ TEXT NOT NULL DEFAULT '{}';  -- variables it was queued with
ALTER TABLE run ADD COLUMN devices TEXT NOT NULL DEFAULT '[]';  -- GPUs it had, JSON array
ALTER TABLE run ADD COLUMN out_of_memory TEXT NOT NULL DEFAULT '';  -- it died of it: gpu, host
ALTER TABLE run ADD COLUMN gpu_memory_max_gib REAL; -- peak on any one of its GPUs
ALTER TABLE run ADD COLUMN energy_wh REAL;          -- of its GPUs, from start to end
ALTER TABLE run ADD COLUMN cpu_energy_wh REAL;      -- of the CPU packages of the machine
ALTER TABLE run ADD COLUMN is_shared INTEGER;       -- 1: other programs were on its GPUs
ALTER TABLE sweep ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;   -- its runs get it
ALTER TABLE sweep ADD COLUMN superseded_by TEXT NOT NULL DEFAULT '';    -- id of a sweep
CREATE TABLE run_after (            -- runs that wait until others have finished
    run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,
    after TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,
    PRIMARY KEY (run, after)
) WITHOUT ROWID;
CREATE INDEX run_after_after ON run_after(after);
CREATE TABLE reused (               -- finished runs of other sweeps that count in this one
    sweep TEXT NOT NULL REFERENCES sweep(id) ON DELETE CASCADE,
    run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,
    PRIMARY KEY (sweep, run)
) WITHOUT ROWID;
CREATE INDEX reused_run ON reused(run);
CREATE TABLE device_lease (         -- which run has room on which GPU
    device TEXT NOT NULL,           -- UUID of the GPU; its index where it has none; mps
    run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,
    holder TEXT NOT NULL,           -- host/boot/pid/ticks of the agent that took it
    memory_mib REAL,                -- reserved; NULL: nobody knows how much there is
    at_most INTEGER NOT NULL,       -- runs there may be on the GPU; 1: this one alone
    taken_at REAL NOT NULL,
    PRIMARY KEY (device, run)
) WITHOUT ROWID;
CREATE INDEX device_lease_run ON device_lease(run);
CREATE INDEX run_source ON run(source, number) WHERE source != '';
CREATE TABLE agent (                -- agents at work; those that are dead are swept out
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,        -- host/boot/pid/ticks
    serves TEXT NOT NULL,           -- id of a sweep, path of a folder; '' is the whole home
    slots INTEGER NOT NULL,
    gpus TEXT NOT NULL DEFAULT '[]',        -- JSON array
    argv TEXT NOT NULL DEFAULT '[]',        -- its command line, JSON array
    cwd TEXT NOT NULL DEFAULT '',
    log TEXT NOT NULL DEFAULT '',           -- of a detached one: file with what it says
    waits_for TEXT NOT NULL DEFAULT '',
    asked_to TEXT NOT NULL DEFAULT '',      -- stop: take no more runs; leave: go at once
    started_at REAL NOT NULL
);
UPDATE run SET queued = 1 WHERE sweep IS NOT NULL AND state != 'pending';
"""

_THIRD = """
CREATE TABLE artifact (             -- what has versions: a data set, a model
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    next_version INTEGER NOT NULL DEFAULT 0,    -- no number is given twice
    created_at REAL NOT NULL,
    UNIQUE (project, name)
);
CREATE TABLE artifact_version (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    artifact INTEGER NOT NULL REFERENCES artifact(number) ON DELETE CASCADE,
    version INTEGER NOT NULL,       -- 3 is v3
    digest TEXT NOT NULL,           -- sha256 of its manifest, which lies below artifacts/objects
    size INTEGER NOT NULL,          -- bytes of all its files
    files INTEGER NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    metadata TEXT NOT NULL DEFAULT '{}',
    tags TEXT NOT NULL DEFAULT '[]',        -- JSON array
    ttl_s REAL,                     -- as its author wished; nothing goes by itself
    step INTEGER,                   -- that the run had reached
    link_of INTEGER REFERENCES artifact_version(number) ON DELETE SET NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    UNIQUE (artifact, version),
    UNIQUE (artifact, digest)
);
CREATE INDEX artifact_version_link ON artifact_version(link_of) WHERE link_of IS NOT NULL;
CREATE TABLE artifact_alias (
    artifact INTEGER NOT NULL REFERENCES artifact(number) ON DELETE CASCADE,
    alias TEXT NOT NULL,
    version INTEGER NOT NULL REFERENCES artifact_version(number) ON DELETE CASCADE,
    PRIMARY KEY (artifact, alias)
) WITHOUT ROWID;
CREATE INDEX artifact_alias_version ON artifact_alias(version);
CREATE TABLE artifact_file (
    version INTEGER NOT NULL REFERENCES artifact_version(number) ON DELETE CASCADE,
    path TEXT NOT NULL,
    digest TEXT NOT NULL,           -- sha256 of the content, where it was read; else of the address
    size INTEGER,                   -- bytes
    reference TEXT NOT NULL DEFAULT '',     -- address of a file that is not kept; '': it is
    PRIMARY KEY (version, path)
) WITHOUT ROWID;
CREATE INDEX artifact_file_digest ON artifact_file(digest) WHERE reference = '';
CREATE TABLE artifact_use (         -- what runs made and used
    id TEXT PRIMARY KEY,            -- of the record in the journal, which counts once
    run INTEGER NOT NULL REFERENCES run(number) ON DELETE CASCADE,
    version INTEGER REFERENCES artifact_version(number) ON DELETE SET NULL,
    direction TEXT NOT NULL,        -- input output link
    time REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX artifact_use_run ON artifact_use(run);
CREATE INDEX artifact_use_version ON artifact_use(version);
"""

# What searches and stopping rules leave behind, and what was learned.
_FOURTH = """
ALTER TABLE run ADD COLUMN suggestion TEXT NOT NULL DEFAULT '';  -- JSON: why a model proposed it
ALTER TABLE run ADD COLUMN censored INTEGER NOT NULL DEFAULT 0;  -- 1: ended early by a rule
ALTER TABLE run ADD COLUMN promoted_from TEXT NOT NULL DEFAULT '';  -- id of the run it repeats
ALTER TABLE sweep ADD COLUMN outlook TEXT NOT NULL DEFAULT '';  -- what the search expects to gain
CREATE TABLE finding (              -- what was learned of a parameter
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    created_at REAL NOT NULL,
    project TEXT NOT NULL,
    sweep TEXT,                     -- id; what it taught outlives it; NULL: none
    parameter TEXT NOT NULL,
    statement TEXT NOT NULL,        -- for people
    verdict TEXT NOT NULL,          -- fix drop extend open
    value TEXT NOT NULL,            -- JSON
    effect REAL,                    -- what the next best value costs; of drop: this one
    low REAL,                       -- of its 95 % interval
    high REAL,
    runs INTEGER,                   -- NULL: nobody knows
    scope TEXT NOT NULL DEFAULT '{}',       -- JSON: data set, model family and the like
    evidence TEXT NOT NULL DEFAULT '{}',    -- JSON: the cost of every value, by data set
    source TEXT NOT NULL,           -- settled hand
    withdrawn_at REAL,
    withdrawn_why TEXT NOT NULL DEFAULT ''
);
CREATE INDEX finding_parameter ON finding(parameter);
"""

# Number n leads from version n to version n + 1; never edit a released one.
MIGRATIONS = (_FIRST, _SECOND, _THIRD, _FOURTH)


def migrate(db: sqlite3.Connection, path: str) -> None:
    """Bring the database to the newest version; safe when many processes start at once.

    Raises StoreError for a database of another program or of a newer homerun.
    """
    if version_of(db, path) == len(MIGRATIONS):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        version = version_of(db, path)  # another process may have been faster
        for script in MIGRATIONS[version:]:
            for statement in _statements(script):
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def version_of(db: sqlite3.Connection, path: str) -> int:
    """Return the version of a database; raise StoreError if it is none of ours, or a newer one."""
    # One statement sees one moment: another process may be making the tables right now.
    version, application, has_tables = db.execute(
        "SELECT user_version, application_id, EXISTS (SELECT 1 FROM sqlite_master)"
        " FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    if application not in {0, APPLICATION_ID} or (application == 0 and has_tables):
        raise StoreError(f"{path} is an SQLite database of another program; move it away")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer homerun (its version {version}, ours "
            f"{len(MIGRATIONS)}); upgrade with: pip install -U homerun"
        )
    return int(version)


def _statements(script: str) -> list[str]:
    """Split a script without triggers; executescript would commit our transaction."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements
