"""Lines for the person at the terminal, on stderr and in W&B's manner: `homerun: WARNING ...`."""

import contextlib
import os
import sys

from homerun.core import kernel

_SILENT = ("HOMERUN_SILENT", "WANDB_SILENT")
_said: set[str] = set()
_is_silent = False


def silence(is_silent: bool) -> None:
    """Keep lines that are no warning quiet, or not."""
    global _is_silent  # noqa: PLW0603
    _is_silent = is_silent


def termlog(string: str = "", newline: bool = True, repeat: bool = True) -> None:
    """Print a line; with repeat=False only the first time. HOMERUN_SILENT=true keeps it quiet."""
    if not (_is_silent or any(is_true(os.environ.get(name)) for name in _SILENT)):
        _say(string, "", newline, repeat)


def termwarn(string: str, newline: bool = True, repeat: bool = True) -> None:
    """Print a warning, which is never kept quiet; with repeat=False only the first time."""
    _say(string, "WARNING ", newline, repeat)


def termerror(string: str, newline: bool = True, repeat: bool = True) -> None:
    """Print an error, which is never kept quiet; with repeat=False only the first time."""
    _say(string, "ERROR ", newline, repeat)


def is_true(text: str | None) -> bool:
    """Read a switch in the environment as W&B does: true, 1, t, yes, y or on."""
    return (text or "").strip().lower() in {"true", "1", "t", "yes", "y", "on"}


def _say(string: str, level: str, newline: bool, repeat: bool) -> None:
    lines = "\n".join(f"homerun: {level}{line}" for line in string.split("\n"))
    if not repeat:
        if lines in _said:
            return
        _said.add(lines)
    # A program may have closed its stderr, or have none (pythonw); a line less is no reason to die.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        # Notebooks show all of stderr as if it were a warning.
        stream = sys.stdout if not level and kernel() is not None else sys.stderr
        stream.write(lines + ("\n" if newline else ""))
        stream.flush()
