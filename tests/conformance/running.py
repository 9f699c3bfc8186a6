"""Run a program in a folder of its own, under the real wandb or under ours."""

import fcntl
import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from homerun.store import Store, history_frame, settle
from homerun.store.documents import loads
from tests.conformance.program import Program, programs
from tests.environments import cache_folder, environment

ROOT = Path(__file__).resolve().parents[2]
SHIM = ROOT / "src" / "homerun" / "shim"
OWN_FILES = {"requirements.txt", "diff.patch"}
_DECODER = Path(__file__).parent / "decode_real.py"
_TOLD_TEXT = {".json", ".html", ".txt", ".py", ".md"}  # files whose content is compared


def real_outcomes() -> dict[str, dict[str, Any]]:
    """Return by program what it came to under the real wandb; what is not cached is run now."""
    python = environment("wandb")
    folder = cache_folder() / "conformance"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with ThreadPoolExecutor(2) as pool:
            found = pool.map(lambda program: _real_outcome(program, python, folder), programs())
            return dict(zip([program.name for program in programs()], found, strict=True))


def _real_outcome(program: Program, python: Path, cache: Path) -> dict[str, Any]:
    key = program.text + _DECODER.read_text() + python.parts[-3]
    kept = cache / f"{program.name}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.json"
    if not kept.exists():
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            outcome = _execute(program, python, folder, {"WANDB_MODE": "offline"})
            told = subprocess.run(
                [python, _DECODER, folder / "work"], capture_output=True, text=True, check=True
            )
            outcome["runs"] = [_with_texts(run) for run in json.loads(told.stdout)]
            kept.write_text(json.dumps(outcome))
    found: dict[str, Any] = json.loads(kept.read_text())
    return found


def our_outcome(program: Program, folder: Path) -> dict[str, Any]:
    """Return what a program came to under our `wandb`, the same Python and the same packages."""
    home = folder / "home"
    environ = {**our_environ(), "HOMERUN_HOME": str(home)}
    outcome = _execute(program, environment("wandb"), folder, environ)
    outcome["runs"] = []
    if (home / "homerun.db").exists():
        with Store(home) as store:
            settle(store)
            outcome["runs"] = [_with_texts(_read(store, run.id)) for run in store.runs()]
    plain: dict[str, Any] = json.loads(json.dumps(outcome))
    return plain


def our_environ() -> dict[str, str]:
    """Return what makes that Python find our `wandb` before the real one."""
    return {"PYTHONPATH": os.pathsep.join(map(str, [SHIM, ROOT / "src"]))}


def _execute(
    program: Program, python: Path, folder: Path, environ: dict[str, str]
) -> dict[str, Any]:
    work = folder / "work"
    work.mkdir()
    (work / "program.py").write_text(program.text)
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("WANDB_", "HOMERUN_"))}
    own = {f"WANDB_{what}_DIR": str(folder / what) for what in ("CONFIG", "CACHE", "DATA")}
    done = subprocess.run(
        [python, "program.py"],
        cwd=work,
        env={**outside, **own, "HOME": str(folder), "MPLBACKEND": "agg", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return {
        "exit_code": done.returncode,
        "printed": done.stdout.splitlines(),
        "error": _last_error(done.stderr),
    }


def _last_error(stderr: str) -> str:
    """Return the kind of the exception that ended a program."""
    _, trace, last = stderr.rpartition("Traceback (most recent call last)")
    found = re.search(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception|Interrupt))\b", last, re.MULTILINE)
    return found[1] if trace and found else ""


def _read(store: Store, run_id: str) -> dict[str, Any]:
    """Return what one run has recorded, in the form of decode_real.py."""
    columns = "number name project notes job_type sweep group_name tags config summary exit_code"
    query = f"SELECT {', '.join(columns.split())}, metadata FROM run WHERE id = ?"
    number, *labels, tags, config, summary, exit_code, metadata = store.rows(query, (run_id,))[0]
    name, project, notes, job_type, sweep, group = labels
    folder = store.folder(run_id).files
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())
    alerts = "SELECT title, text, level FROM alert WHERE run = ? ORDER BY time"
    return {
        "id": run_id,
        "name": "" if re.fullmatch(r"[a-z]+-[a-z]+-\d+", name) else name,
        "project": project,
        "notes": notes,
        "tags": json.loads(tags),
        "group": group,
        "job_type": job_type,
        "sweep_id": sweep or "",
        "exit_code": exit_code,
        "artifacts": list(_artifacts(store, number)),
        "alerts": [list(row) for row in store.rows(alerts, (number,))],
        "preempting": bool(json.loads(metadata).get("preempting")),
        "folder": str(folder),
        "files": [name for name in files if name not in OWN_FILES],
        "config": loads(config),
        "summary": loads(summary),
        "rows": list(_rows(store, run_id)),
    }


def _artifacts(store: Store, run: int) -> Iterator[dict[str, Any]]:
    query = """SELECT version.number, name, type, description, metadata FROM artifact_use
        JOIN artifact_version AS version ON version.number = artifact_use.version
        JOIN artifact ON artifact.number = version.artifact
        WHERE run = ? AND direction = 'output' ORDER BY time"""
    for version, name, kind, description, metadata in store.rows(query, (run,)):
        files = store.rows("SELECT path, size FROM artifact_file WHERE version = ?", (version,))
        aliases = store.rows("SELECT alias FROM artifact_alias WHERE version = ?", (version,))
        yield {
            "name": name,
            "type": kind,
            "description": description,
            "metadata": json.loads(metadata),
            "aliases": sorted(alias for (alias,) in aliases),
            "entries": {path: size or 0 for path, size in files},
        }


def _rows(store: Store, run_id: str) -> Iterator[tuple[int, dict[str, Any]]]:
    frame = history_frame(store, [run_id])
    for step, key, value in zip(frame["step"], frame["key"], frame["value"], strict=True):
        yield int(step), {key: value}


def _with_texts(run: dict[str, Any]) -> dict[str, Any]:
    """Return a run with the texts of its files, where those are compared."""
    folder = Path(run.pop("folder"))
    paths = {name: folder / name for name in run["files"]}
    texts = {
        name: path.read_text() if path.suffix in _TOLD_TEXT and path.exists() else ""
        for name, path in paths.items()
    }
    return {**run, "files": texts}
