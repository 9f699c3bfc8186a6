"""What an agent asks a supervisor to do."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from homerun.store import RunFolder, run_folder

PROCESS_FILE = "process.json"  # who the program and the supervisor of a run are
KILL_FILE = "kill.json"  # {reason, grace_s, signal, censored}: somebody wants the run to end
STRAY_GRACE_S = 2.0  # between SIGTERM and SIGKILL of what a program left behind
UNKILLABLE_S = 10.0  # a process that waits for broken hardware does not even die of SIGKILL


@dataclass(frozen=True, kw_only=True)
class Order:
    """One run for a supervisor; it travels as one line of JSON."""

    home: str
    run_id: str
    setup: list[str] = field(default_factory=list)  # runs before, in the same place
    argv: list[str] = field(default_factory=list)
    cwd: str = "/"
    env: dict[str, str] = field(default_factory=dict)  # beside what the supervisor has itself
    stdout: str = ""  # files that get stdout and stderr too, apart; both or none
    stderr: str = ""
    devices: str = ""  # the GPUs the program may see, for an agent that adopts the run
    alone: str = ""  # what the run has for itself: gpu, host, both
    timeout_s: float | None = None
    grace_s: float = 10.0  # between SIGTERM and SIGKILL
    adopt: bool = False  # the program runs already and its supervisor is dead

    @property
    def folder(self) -> RunFolder:
        """The folder of the run."""
        return run_folder(Path(self.home), self.run_id)

    def line(self) -> bytes:
        """Return the order as `read_order` takes it."""
        return json.dumps(vars(self)).encode() + b"\n"


def read_order(line: bytes) -> Order:
    """Return the order that a line holds."""
    return Order(**json.loads(line))
