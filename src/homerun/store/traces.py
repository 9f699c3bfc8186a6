"""What the folder of a run tells of its program: whether it lives, ever started, said its end."""

import os

from homerun.core import End, RunState
from homerun.store import journal as jr
from homerun.store.home import RunFolder, read_json
from homerun.store.process import Identity, identity, is_alive, parse_identity, pids


def told_end(folder: RunFolder) -> End | None:
    """Return the end that the program announced in its journal, None when it did not."""
    told = None
    for path in jr.journal_paths(folder.path):
        for _, *values in jr.read(path, only=jr.END).records:
            if told is None or values[1]["exit_code"]:
                told = values
    if told is None:
        return None
    ended_at, end = told
    return End(
        state=RunState(end["state"]),
        reason=end.get("reason", ""),
        exit_code=end["exit_code"],
        ended_at=ended_at,
    )


def living_program(folder: RunFolder) -> Identity | None:
    """Return the program of a run that a supervisor started, if it lives.

    A supervisor may have been killed between starting the program and writing process.json; then
    the program is the process whose output goes into the run's pipe.
    """
    process = read_json(folder.path / "process.json")
    if process is not None:
        who = parse_identity(str(process.get("program", "")))
        return who if who is not None and is_alive(who) else None
    if not folder.pipe.exists():
        return None
    return next((identity(pid) for pid in pids() if _is_program(pid, str(folder.pipe))), None)


def _is_program(pid: int, pipe: str) -> bool:
    """Tell whether a process leads its session, as a program does, and writes into the pipe."""
    try:
        outputs = {os.readlink(f"/proc/{pid}/fd/{number}") for number in (1, 2)}  # noqa: PTH115
        return pipe in outputs and os.getsid(pid) == pid
    except OSError:  # it has ended, or is another user's
        return False


def never_started(folder: RunFolder) -> bool:
    """Tell whether nothing speaks for a program of the run: no note of it, output or journal."""
    try:
        is_silent = folder.output.stat().st_size == 0
    except FileNotFoundError:
        is_silent = True
    noted = (folder.path / "process.json").exists() or jr.journal_paths(folder.path)
    return is_silent and not noted
