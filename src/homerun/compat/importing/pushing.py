"""The way back: runs of this home go to W&B through its own client, each thing once."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homerun.compat.importing.source import digest_of_texts
from homerun.compat.importing.uploader import MISSING
from homerun.core import HomerunError, MissingExtraError, Run, RunState
from homerun.store import Store, history_rows, note

# They would speak of another run than the one that is pushed.
_LEFT_OUT = (
    "WANDB_RUN_ID WANDB_RUN_GROUP WANDB_NAME WANDB_NOTES WANDB_TAGS WANDB_JOB_TYPE WANDB_RESUME "
    "WANDB_PROJECT WANDB_SWEEP_ID WANDB_SWEEP_PARAM_PATH HOMERUN_RUN_ID"
).split()
_QUIET = {
    "HOMERUN_WANDB": "off",
    "WANDB_CONSOLE": "off",
    "WANDB_SILENT": "true",
    "WANDB_DISABLE_GIT": "true",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_X_DISABLE_STATS": "true",
}


class PushError(HomerunError, RuntimeError):
    """W&B's client did not take a run."""


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What became of a run that was to be pushed."""

    run: str  # id
    rows: int  # that were uploaded
    is_news: bool  # False: W&B has all of it already
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where runs are pushed to, and by which Python."""

    python: str = sys.executable
    entity: str = ""
    project: str = ""  # instead of that of the run
    with_files: bool = False

    def where(self, environ: Mapping[str, str] = os.environ) -> str:
        """Return what tells one destination from another, the mode included."""
        settings = [environ.get(name, "") for name in ("WANDB_BASE_URL", "WANDB_MODE")]
        entity = self.entity or environ.get("WANDB_ENTITY", "")
        return " ".join([*settings, entity, self.project])


def push(store: Store, run: Run, to: Destination, *, again: bool = False) -> Pushed:
    """Upload a run, or what came since it was uploaded last; nothing where there is nothing new.

    Raises MissingExtraError where that Python has no wandb, PushError where wandb fails.
    """
    header, rows, rest = _content(store, run, to)
    digest = digest_of_texts(
        [to.where(), json.dumps(header), *map(json.dumps, rows), *map(json.dumps, rest)]
    )
    before = {} if again else run.metadata.get("pushed", {}).get("wandb", {})
    if before.get("digest") == digest:
        return Pushed(run=run.id, rows=0, is_news=False, url=before.get("url") or "")
    if before.get("to") == to.where():
        rows = [row for row in rows if row[1] > before["step"]]
    answer = _upload([["run", header], *rows, *rest], to)
    last_step = rows[-1][1] if rows else before.get("step", -1)
    mark = {"digest": digest, "step": last_step, "to": to.where(), "at": time.time(), **answer}
    note(store, run.id, {"pushed": {"wandb": mark}})
    return Pushed(run=run.id, rows=len(rows), is_news=True, url=answer.get("url") or "")


def _content(
    store: Store, run: Run, to: Destination
) -> tuple[dict[str, Any], list[list[Any]], list[list[Any]]]:
    """Return the arguments of wandb.init, the rows, and what follows them."""
    header: dict[str, Any] = {
        "id": run.id,
        "project": to.project or run.project,
        "name": run.name,
        "notes": run.notes or None,
        "tags": list(run.tags) or None,
        "group": run.group or run.sweep,
        "job_type": run.job_type or None,
        "config": run.config,
        "entity": to.entity or None,
    }
    rows = [["row", step, at, values] for step, at, values in history_rows(store, run.id)]
    summary = {key: value for key, value in run.summary.items() if _is_for_summary(key, value)}
    rest: list[list[Any]] = [["summary", summary]] if summary else []
    if to.with_files:
        rest += _files(store.folder(run.id).files)
    is_bad = run.is_ended and run.state != RunState.FINISHED
    rest.append(["end", run.exit_code or int(is_bad)])
    return header, rows, rest


def _is_for_summary(key: str, value: Any) -> bool:
    """Tell what to set: W&B has its own `_` keys, and would make null of NaN that it knows."""
    is_odd = isinstance(value, float) and not math.isfinite(value)
    return not key.startswith("_") and not is_odd


def _files(folder: Path) -> Iterator[list[Any]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield ["file", str(path), str(folder)]


def _upload(lines: list[list[Any]], to: Destination) -> dict[str, Any]:
    """Have the real client take the lines; return what it answered."""
    program = Path(__file__).with_name("uploader.py")
    with tempfile.TemporaryFile("w+", encoding="utf-8") as text:
        for line in lines:
            text.write(json.dumps(line, default=str) + "\n")
        text.seek(0)
        done = subprocess.run(
            [to.python, str(program)],
            stdin=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            env=_environment(),
        )
    if done.returncode == MISSING:
        raise MissingExtraError(
            f"{to.python} has no wandb; install it there (pip install wandb) or name a Python that "
            "has it: --python PATH"
        )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise PushError(
            f"wandb did not take run {lines[0][1]['id']}: "
            f"{said[-1] if said else f'exit code {done.returncode}'}; log in with: wandb login"
        )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _environment() -> dict[str, str]:
    """Return the environment of the real client: nothing of another run, and no wandb of ours."""
    kept = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    path = [part for part in kept.pop("PYTHONPATH", "").split(os.pathsep) if part]
    real = [part for part in path if not any(Path(part).glob("wandb-*+homerun.dist-info"))]
    return {**kept, **_QUIET, **({"PYTHONPATH": os.pathsep.join(real)} if real else {})}
