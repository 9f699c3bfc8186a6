"""Going on with a run: what `resume` allows, and which run `resume="auto"` means."""

import contextlib
from pathlib import Path

from homerun.core import UsageError
from homerun.store import write_private
from homerun.track.settings import Request


def check_resume(request: Request, run_id: str, *, is_known: bool) -> None:
    """Raise UsageError when a run is there that must not be, or is not there that must be."""
    if request.resume == "must" and not request.id:
        raise UsageError("init(resume='must') needs the id= of the run to go on with")
    if request.resume == "must" and not is_known:
        raise UsageError(
            f"init(resume='must', id={run_id!r}): there is no such run to go on with; "
            "homerun ls shows those that are there, resume='allow' begins a new one"
        )
    if request.resume == "never" and is_known and not request.is_assigned:
        raise UsageError(
            f"init(resume='never', id={run_id!r}): there is such a run already; "
            "use another id, or resume='allow' to go on with it"
        )


def note_of(home: Path, project: str, cwd: Path) -> Path:
    """Return the file that names the unfinished run of a project in a folder."""
    import hashlib  # noqa: PLC0415 - for resume='auto' alone

    key = hashlib.sha256(f"{project}\0{cwd}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return home / "resume" / key


def resumable(note: Path | None) -> str | None:
    """Return the id of the run that has not finished."""
    if note is None:
        return None
    try:
        return note.read_text().strip() or None
    except OSError:
        return None


def remember(note: Path, run_id: str) -> None:
    """Note that a run begins that resume="auto" may go on with."""
    with contextlib.suppress(OSError):  # then it is not resumed by itself
        note.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(note, run_id.encode())
