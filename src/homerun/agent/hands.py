"""The agent's end of the lines to its supervisors."""

import contextlib
import os
import socket
import sys
from collections.abc import Mapping

from homerun.agent.order import Order
from homerun.agent.processes import Watch, reap, send
from homerun.agent.supervisor import CAUGHT
from homerun.core import HomerunError

_PATIENCE_S = 60.0  # for a supervisor to take an order
_LOCK_PATIENCE_S = 0.1  # readers test the lock by taking it for an instant


class LaunchError(HomerunError, RuntimeError):
    """No supervisor could be started."""


class Hand:
    """A supervisor process of ours: it takes an order and tells when that run is over."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._line, theirs = socket.socketpair()
        self.is_dead = False
        self._is_over = True  # nothing is under way
        with theirs, contextlib.ExitStack() as on_failure:
            on_failure.callback(self._line.close)
            self._pid = os.posix_spawn(
                sys.executable,
                # -P: the folder the agent was started in must not hide modules.
                [sys.executable, "-P", "-m", "homerun.agent.supervisor"],
                env,
                file_actions=(
                    (os.POSIX_SPAWN_DUP2, theirs.fileno(), 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ),
                setsid=True,  # out of the reach of the terminal's Ctrl-C
                setsigmask=CAUGHT,  # they wait until it has its handlers
                setsigdef=CAUGHT,
            )
            on_failure.pop_all()

    @property
    def fd(self) -> int | None:
        """A descriptor that is readable when the run is over; None: closed."""
        return None if self._line.fileno() < 0 else self._line.fileno()

    def give(self, order: Order) -> None:
        """Have it carry out an order.

        The lock of the run goes along, so that it is held without a gap: were we killed now, nobody
        would take the run for one that nobody is going to start.
        """
        self._line.settimeout(_PATIENCE_S)
        line = order.line()
        lock = None if order.adopt else order.folder.hold(patience_s=_LOCK_PATIENCE_S)
        try:
            socket.send_fds(self._line, [line[:1]], [] if lock is None else [lock])
        finally:
            if lock is not None:
                os.close(lock)  # the one under way holds it
        self._line.sendall(line[1:])
        self._line.setblocking(False)
        self._is_over = False

    def is_over(self) -> bool:
        """Tell whether the order is done with, or the supervisor is dead."""
        if not self._is_over:
            with contextlib.suppress(BlockingIOError):
                try:
                    self.is_dead = not self._line.recv(1)
                except ConnectionError:
                    self.is_dead = True
                self._is_over = True
        return self._is_over

    def signal(self, number: int) -> None:
        """Send it a signal."""
        if not self.is_dead:
            send(self._pid, number)

    def close(self) -> None:
        """Let go of it: it finishes what it does, tells the database of it, and ends."""
        self._line.close()
        if self._is_over:
            reap(self._pid)


class Hands:
    """Our supervisors; one that has nothing to do is used again, for it is warm."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env)
        self._idle: list[Hand] = []

    def prepare(self, count: int) -> None:
        """Start supervisors that are sure to be needed, so that they are warm by then."""
        with contextlib.suppress(OSError):  # `launch` will tell
            for _ in range(count):
                self._idle.append(Hand(self._env))

    def launch(self, order: Order) -> Hand:
        """Have a supervisor carry out an order; raise LaunchError when there can be none."""
        while self._idle:
            hand = self._idle.pop()
            try:
                hand.give(order)
            except OSError:  # it was killed while it waited
                hand.close()
            else:
                return hand
        try:
            hand = Hand(self._env)
            try:
                hand.give(order)
            except OSError:
                hand.close()
                raise
        except OSError as error:
            raise LaunchError(f"no supervisor can be started: {error}") from error
        return hand

    def take_back(self, watch: Hand | Watch) -> bool:
        """Take back what told that a run is over; tell whether it was a supervisor that lives."""
        if isinstance(watch, Hand) and not watch.is_dead:
            self._idle.append(watch)
            return True
        watch.close()
        return False

    def close(self) -> None:
        """End the supervisors that have nothing to do."""
        while self._idle:
            self._idle.pop().close()
