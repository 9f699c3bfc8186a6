"""Calling the command line: in this process for its results, as a process for exit codes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner, Result

from homerun.cli import app, execute

HOMERUN = str(Path(sys.executable).with_name("homerun"))


def call(*arguments, **options) -> Result:
    """Run a command in this process; what it raises is raised here."""
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False, **options)


class Done(NamedTuple):
    """How a command ended in this process."""

    returncode: int
    stdout: str
    stderr: str


def attempt(*arguments) -> Done:
    """Run a command in this process as `homerun` does, errors and exit code included."""
    with CliRunner().isolation() as (output, errors, _):
        code = execute([str(argument) for argument in arguments])
        sys.stdout.flush()
        return Done(code, output.getvalue().decode(), errors.getvalue().decode())


def start(*arguments, **options) -> subprocess.CompletedProcess[Any]:
    """Run a command as a process of its own to its end."""
    options = {"text": True, "stdin": subprocess.DEVNULL, **options}
    return subprocess.run(
        [HOMERUN, *map(str, arguments)], capture_output=True, check=False, timeout=60, **options
    )


@contextmanager
def running(*arguments, **options) -> Iterator[subprocess.Popen[Any]]:
    """Give a command as a running process, which does not outlive the test."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    with subprocess.Popen([HOMERUN, *map(str, arguments)], **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def environment(**changes) -> dict[str, str]:
    """Return an environment in which this python is the first on the PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, **changes}


def until(condition, timeout_s: float = 60.0):
    """Wait until a function returns something true, and return that."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")
