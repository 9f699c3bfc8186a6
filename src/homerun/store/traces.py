"""What the folder of a run tells of its program: whether it lives, ever started, said its end."""

import os

from homerun.core import End, Run, RunState
from homerun.store import journal as jr
from homerun.store.files import read_json
from homerun.store.home import RunFolder
from homerun.store.process import (
    Identity,
    identity,
    is_alive,
    is_at_rest,
    parse_identity,
    pids,
)

PAUSE_FILE = "pause.json"  # {reason}: somebody wants the run to stand still
PAUSED = "paused by the user"
_STOPPED = "stopped from outside, by Ctrl-Z or SIGSTOP"


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
    ends = {str(folder.pipe), str(folder.error_pipe)}
    return next((identity(pid) for pid in pids() if _is_program(pid, ends)), None)


def program_of(folder: RunFolder, run: Run) -> Identity | None:
    """Return the program of a run, if it lives, also of one that was started by hand.

    Cheaper than `living_program`: a program of which nothing is written yet is not looked for.
    """
    process = read_json(folder.path / "process.json")
    if process is not None:
        who = parse_identity(str(process.get("program", "")))
    else:
        is_by_hand = not run.queued and (folder.path / "journal").exists()
        who = parse_identity(run.agent) if is_by_hand else None
    return who if who is not None and is_alive(who) else None


def why_paused(folder: RunFolder, run: Run) -> str:
    """Return why the program of a run stands still; empty: it does not."""
    program = program_of(folder, run)
    if program is None or not is_at_rest(program.pid):
        return ""
    word = read_json(folder.path / PAUSE_FILE)
    return str(word["reason"]) if word else _STOPPED


def _is_program(pid: int, pipes: set[str]) -> bool:
    """Tell whether a process leads its session, as a program does, and writes into a pipe."""
    try:
        outputs = {os.readlink(f"/proc/{pid}/fd/{number}") for number in (1, 2)}  # noqa: PTH115
        return not pipes.isdisjoint(outputs) and os.getsid(pid) == pid
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
