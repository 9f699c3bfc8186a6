"""A program of the suite: its text, and what its head says of it.

# area: what it shows
# calls: run.log, run.step
# accepted: watch: gradients are not recorded        (a call that does nothing here)
# refused: init(fork_from=): runs are not rewound    (a call that is an error here)
# differs: runs.0.summary.x: 1 -> absent | why       (the real one -> ours, as JSON; * is any)
"""

import json
import re
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "programs"
_DIFFERS = re.compile(r"# differs: (.+?): (.+?) -> (.+?) \| (.+)")
ABSENT = "absent"


class Difference(NamedTuple):
    """A difference that is meant: where, what the real one and ours have there, and why."""

    path: str
    there: object
    here: object
    why: str


class Program:
    """One file of programs/."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem
        self.text = path.read_text()
        self.head = list(takewhile(lambda line: line.startswith("#"), self.text.splitlines()))
        self.area, _, self.title = self.head[0].removeprefix("# ").partition(": ")

    @cached_property
    def calls(self) -> list[str]:
        """The names whose behaviour it shows."""
        return [call for line in self._lines("calls") for call in line.split(", ")]

    @cached_property
    def accepted(self) -> dict[str, str]:
        """Calls that are accepted and do nothing here, and why."""
        return dict(line.split(": ", 1) for line in self._lines("accepted"))

    @cached_property
    def refused(self) -> dict[str, str]:
        """Calls that fail here with a line that says why."""
        return dict(line.split(": ", 1) for line in self._lines("refused"))

    @cached_property
    def differences(self) -> list[Difference]:
        """The differences that are meant."""
        found = []
        for line in self.head:
            if match := _DIFFERS.fullmatch(line):
                path, there, here, why = match.groups()
                found.append(Difference(path, _value(there), _value(here), why))
            else:
                assert not line.startswith("# differs"), f"{self.name}: {line}"
        return found

    def _lines(self, what: str) -> list[str]:
        start = f"# {what}: "
        return [line.removeprefix(start) for line in self.head if line.startswith(start)]


def programs() -> list[Program]:
    """Return all programs, by name."""
    return [Program(path) for path in sorted(FOLDER.glob("*.py"))]


def _value(text: str) -> object:
    return text if text in {ABSENT, "*"} else json.loads(text)
