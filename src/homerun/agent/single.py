"""One command as one tracked run."""

import os
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from homerun.agent.events import Ended
from homerun.agent.hands import Hands, LaunchError
from homerun.agent.order import Order
from homerun.agent.orders import NOTHING, home_env, run_env
from homerun.agent.pauses import forget_pause
from homerun.agent.pausing import request_pause
from homerun.agent.processes import POLL_S
from homerun.agent.recording import record_ends
from homerun.agent.room import Place
from homerun.agent.signals import Signals
from homerun.agent.tended import NeverStarted, Tended
from homerun.core import End, Run, RunState, StoreError, UsageError, new_id, redact_argv
from homerun.store import RunFolder, Store, identity

_INTERRUPTED = "stopped by Ctrl-C"
_PATIENCE_S = 300.0  # for a database that cannot be written to


def run_command(
    store: Store,
    argv: Sequence[str],
    *,
    project: str,
    is_project_free: bool = False,
    name: str = "",
    cwd: Path | None = None,
    timeout_s: float | None = None,
    grace_s: float = 10.0,
    output: BinaryIO | None = None,
    on_start: Callable[[Run], None] = lambda _: None,
    python: Mapping[str, str] = NOTHING,
) -> Ended:
    """Run a command as one tracked run and return how it ended.

    is_project_free: a project that the program names in init() is taken instead; python: variables
    with which it finds its Python. What it writes goes to `output`, too. Ctrl-C is passed on to it,
    and the second one kills it; so does SIGTERM. Ctrl-Z stops it, too, until we go on. When the
    terminal is closed it goes on.
    """
    if not argv:
        raise UsageError("there is no command to run; try: homerun run -- python train.py")
    run_id = new_id()
    folder = store.folder(run_id)
    with store.explained():
        folder.make()
    run = store.add_run(
        run_id,
        project=project,
        name=name,
        argv=redact_argv(argv),
        cwd=str((cwd or Path.cwd()).absolute()),
        agent=str(identity()),
    )
    order = Order(
        home=str(store.home),
        run_id=run_id,
        argv=list(argv),
        cwd=run.cwd,
        env={
            **python,
            **run_env(store.home, run, {**os.environ, **python}, is_project_free=is_project_free),
        },
        timeout_s=timeout_s,
        grace_s=grace_s,
    )
    caught = Signals((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP))
    with closing(caught) as signals, closing(Hands(home_env(store))) as hands:
        place = Place()
        try:
            tended = Tended(run=run, place=place, order=order, watch=hands.launch(order))
            on_start(run)
            end = _follow(tended, hands, signals, _Tail(folder, output))
        except LaunchError as error:
            end = End(state=RunState.CRASHED, reason=str(error), ended_at=time.time())
    return Ended(run=_record(store, run_id, end), end=end)


def _follow(tended: Tended, hands: Hands, signals: Signals, tail: "_Tail") -> End:
    """Wait for the end, showing the output and passing signals on."""
    while True:
        tail.show()
        try:
            end = tended.look(hands)
        except NeverStarted:
            reason = "its supervisor died before the program was started"
            end = End(state=RunState.CRASHED, reason=reason, ended_at=time.time())
        if end is not None:
            tail.show()
            return end
        poll = select.poll()
        for fd in (signals.fd, tended.watch.fd):
            if fd is not None:
                poll.register(fd, select.POLLIN)
        poll.poll(POLL_S * 1000)
        for number in signals.take():
            if number == signal.SIGHUP:
                tail.close()
                continue
            if number == signal.SIGTSTP:
                _stand_still(tended)
                continue
            reason = _INTERRUPTED if number == signal.SIGINT else "SIGTERM was sent to homerun run"
            tended.ask_to_end(reason=reason, number=number)


def _stand_still(tended: Tended) -> None:
    """Stop together with the run, until somebody lets us go on: the shell's fg or bg."""
    request_pause(tended.folder)
    tended.watch.signal(signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGSTOP)
    forget_pause(tended.folder)
    tended.watch.signal(signal.SIGUSR1)


def _record(store: Store, run_id: str, end: End) -> Run:
    """Record the end and return the run; a database that is locked for long is waited for.

    In vain at last: result.json holds the end, and the next command that looks records it.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            record_ends(store, {run_id: end})
            return store.run(run_id)
        except StoreError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)


class _Tail:
    """Shows what is new in a log."""

    def __init__(self, folder: RunFolder, output: BinaryIO | None) -> None:
        self._path, self._output, self._offset = folder.output, output, 0

    def show(self) -> None:
        """Write what was added; a terminal that is gone is written to no more."""
        if self._output is None:
            return
        try:
            with self._path.open("rb") as log:
                log.seek(self._offset)
                while data := log.read(1 << 16):
                    self._offset += len(data)
                    self._output.write(data)
                self._output.flush()
        except FileNotFoundError:  # not started yet
            return
        except OSError:
            self.close()

    def close(self) -> None:
        """Show no more."""
        self._output = None
