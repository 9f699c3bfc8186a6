"""What goes on beside the training: capture of git and packages, system metrics, output."""

import os
import threading
import time
from pathlib import Path

from homerun.store import journal
from homerun.track.capture import Background
from homerun.track.console import Console
from homerun.track.forking import no_fork
from homerun.track.recorder import Recorder

_CAPTURE_PATIENCE_S = 5.0  # what the end of a run waits for git at most
CAPTURED_FILES = ("requirements.txt", "diff.patch")
FIRST_SAMPLE_S = 3.0  # a run that is over before pays nothing for system metrics
SAMPLE_INTERVAL_S = 5.0


class Keeper:
    """Helps a run along in the process that began it; `close` ends all of it."""

    def __init__(
        self, recorder: Recorder, files: Path, *, cwd: Path, with_git: bool, program: str
    ) -> None:
        self._recorder = recorder
        self._stop = threading.Event()
        self._capture = Background(files, cwd=cwd, with_git=with_git, program=program)
        self._console: Console | None = None
        self._interval_s = 0.0
        self._number = 0  # of the next sample
        self._thread = threading.Thread(target=self._go_on, name="homerun-keeper", daemon=True)

    def start(self, *, output: Path | None, interval_s: float, age_s: float) -> None:
        """Begin to copy the output (None: a supervisor does) and to sample (0: never).

        `age_s`: since when the run has been there; samples of a resumed run count on.
        """
        if output is not None:
            self._console = Console(output)
        self._interval_s = interval_s
        self._number = int(max(0.0, age_s) // interval_s) if interval_s else 0
        self._thread.start()

    def close(self) -> None:
        """Bring everything to its end; only in the process that began the run."""
        self._stop.set()
        self._capture.wait(_CAPTURE_PATIENCE_S)
        self._thread.join(_CAPTURE_PATIENCE_S)
        if self._console is not None:
            self._console.close()

    def _go_on(self) -> None:
        self._recorder.write(journal.METADATA, self._capture.wait(_CAPTURE_PATIENCE_S * 10))
        for name in CAPTURED_FILES:
            self._recorder.write_file(name, "captured")
        if self._interval_s and not self._stop.wait(FIRST_SAMPLE_S):
            self._sample()

    def _sample(self) -> None:
        with no_fork:
            from homerun.devices import Sampler  # noqa: PLC0415 - psutil, only for longer runs

            sampler = Sampler(os.getpid())
        while True:
            with no_fork:
                sample = sampler.sample()
            self._recorder.write(journal.SYSTEM, self._number, time.time(), sample)
            self._number += 1
            if self._stop.wait(self._interval_s):
                return
