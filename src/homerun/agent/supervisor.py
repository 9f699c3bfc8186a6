"""The supervisor: starts the program of a run, carries its output, records how it ended.

It is a process of its own, in a session of its own, and needs no agent to live. It has one run at a
time, holds the lock of that run's folder, and leaves result.json there before anybody else hears of
the end. Then it takes the next order, for as long as its agent lives: to be warm already is what
makes short runs cheap. Orders come in on its stdin, a socket; a byte goes back when a run is over.
"""

import contextlib
import math
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from homerun.agent import processes
from homerun.agent.order import (
    KILL_FILE,
    PROCESS_FILE,
    STRAY_GRACE_S,
    UNKILLABLE_S,
    Order,
    read_order,
)
from homerun.agent.output import Outputs
from homerun.agent.pauses import Pauses, forget_pause, freeze, is_pause_wanted, thaw
from homerun.agent.program import Start, StartError, start
from homerun.agent.samples import Samples, Use
from homerun.agent.signals import Signals
from homerun.agent.verdict import Verdict, duration, oom_kills
from homerun.agent.watched import AdoptedProgram, OwnProgram
from homerun.core import End, HomerunError, RunState
from homerun.store import (
    Identity,
    RunFolder,
    identity,
    living_program,
    never_started,
    read_json,
    write_json,
    write_private,
)

CAUGHT = (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD)  # blocked until there are handlers
OVER = b"."  # what goes back to the agent
_LOCK_PATIENCE_S = 1.0  # readers test the lock by taking it for an instant
_DRAIN_S = 1.0  # for output that is left when the program ends; a stray may write for ever
_TICK_S = 0.5


def serve(line: socket.socket, *, start: Start = start) -> None:
    """Carry out orders one after the other until the agent is gone and nothing is left to do.

    `start`: what starts a program, as `program.start` does.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signals = Signals(CAUGHT)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    processes.become_subreaper()
    os.chdir("/")  # keeps no folder from being removed
    while given := _next_order(line, signals):
        order, lock = given
        end = _carry_out(order, lock, signals, start)
        try:
            line.send(OVER)
        except OSError:  # the agent is gone
            if end is not None:
                _tell_database(order, end)
            return
        if processes.has_children():  # not even SIGKILL ended them; they must not meet the next run
            return


def _next_order(line: socket.socket, signals: Signals) -> tuple[Order, int | None] | None:
    """Wait for an order, and the lock of its run if that came along.

    None: the agent is gone, or we are to end.
    """
    poll = select.poll()
    poll.register(line, select.POLLIN)
    poll.register(signals.fd, select.POLLIN)
    text = b""
    locks: list[int] = []
    while not text.endswith(b"\n"):
        poll.poll()
        if signal.SIGTERM in signals.take():
            return None
        with contextlib.suppress(BlockingIOError):
            piece, fds, _, _ = socket.recv_fds(line, 1 << 16, 1, socket.MSG_DONTWAIT)
            for fd in fds:
                os.set_inheritable(fd, False)  # the program must not hold it
            locks += fds
            if not piece:
                return None
            text += piece
    return read_order(text), locks[0] if locks else None


def _carry_out(order: Order, lock: int | None, signals: Signals, start: Start) -> End | None:
    """Do what the order says, unless the run is in other hands or has ended already."""
    folder = order.folder
    lock = folder.hold(patience_s=_LOCK_PATIENCE_S) if lock is None else lock
    if lock is None:
        return None
    try:
        if folder.read_result() is None and (order.adopt or _is_ours_to_start(folder)):
            return Supervisor(order, folder, signals, start=start).run()
    except BaseException as error:
        import traceback  # noqa: PLC0415  rarely needed

        with contextlib.suppress(OSError):
            write_private(
                folder.path / "supervisor.log",
                traceback.format_exc().encode(errors="backslashreplace"),
            )
        if not isinstance(error, OSError):  # a full disk, say: the agent finds no result
            raise
    finally:
        os.close(lock)
    return None


def _is_ours_to_start(folder: RunFolder) -> bool:
    """Tell whether no supervisor has started the program before us.

    While we waited for the lock one may have died, and its program may live: the agent will see.
    """
    return not folder.pipe.exists() or (living_program(folder) is None and never_started(folder))


def _tell_database(order: Order, end: End) -> None:
    from homerun.agent.recording import record_ends  # noqa: PLC0415  only without an agent
    from homerun.store import Store  # noqa: PLC0415

    try:
        with Store(Path(order.home)) as store:
            record_ends(store, {order.run_id: end})
    except HomerunError:  # then the next command that looks at the run records it
        with contextlib.suppress(OSError):
            order.folder.write_result(end)


class Supervisor:
    """Keeps one run going until all its processes are gone."""

    def __init__(
        self,
        order: Order,
        folder: RunFolder,
        signals: Signals,
        *,
        start: Start = start,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._order = order
        self._start_program = start
        self._wall = wall  # for records alone: it may jump, and nothing is decided by it
        self._folder = folder
        self._signals = signals
        self._output = Outputs(folder, stdout=order.stdout, stderr=order.stderr)
        self._started = time.monotonic()
        self._stopped: Verdict | None = None  # why the program was asked to end
        self._kill_at = math.inf  # when its grace is over
        self._facts: dict[str, object] = {}  # for process.json, not written yet
        self._pauses = Pauses()
        self._use = Use()

    def run(self) -> End:
        """Return how the run ended, which by then is in result.json."""
        try:
            if self._order.adopt:
                return self._supervise(self._adopt())
            if self._kill_request() is not None:
                return self._finish(self._killed())
            return self._set_up() or self._supervise(self._start(self._order.argv))
        except StartError as error:
            failed = Verdict(RunState.FAILED, str(error), error.exit_code)
            return self._finish(failed, start_error=str(error.__cause__))
        finally:
            self._output.close(time.monotonic())

    def _set_up(self) -> End | None:
        """Run what is to be run before the program; return the end when that fails."""
        if not self._order.setup:
            return None
        try:
            setup = self._start(self._order.setup)
        except StartError as error:
            raise StartError(f"setup failed: {error}", error.exit_code) from error
        state, reason, exit_code, memory = self._outcome(setup)
        if self._stopped is not None:
            reason = f"{reason}, during its setup"
        elif state == RunState.FINISHED:
            # From now on the pipe shows what is the program of the run.
            (self._folder.path / PROCESS_FILE).unlink(missing_ok=True)
            self._output.forget()
            return None
        else:
            state, reason = RunState.FAILED, f"setup failed: {reason}"
        end = self._finish(Verdict(state, reason, exit_code, memory), setup)
        self._clear(setup)
        return end

    def _start(self, argv: list[str]) -> OwnProgram:
        """Start a program.

        Should we be killed before process.json is written, the pipe for the output tells others
        that there may be a program, and its environment which one it is.
        """
        killed_before = oom_kills()
        env = {"PYTHONUNBUFFERED": "1", **os.environ, **self._order.env}
        ends = self._output.open_for_program()
        try:
            pid = self._start_program(
                argv, cwd=self._order.cwd, env=env, stdout=ends[0], stderr=ends[-1]
            )
        finally:
            for fd in ends:
                os.close(fd)
        self._announce(pid, identity(pid))
        return OwnProgram(pid, killed_before, hints=[*argv, env.get("MASTER_PORT", "")])

    def _adopt(self) -> AdoptedProgram:
        process = read_json(self._folder.path / PROCESS_FILE)
        who = living_program(self._folder)
        program = AdoptedProgram(self._folder, who)
        if process is None:
            # It may be what the program has left behind: nobody knows how to tell.
            reason = "its supervisor was killed while it started the program"
            self._stop(program, Verdict(RunState.CRASHED, reason), self._order.grace_s)
        else:
            self._started = float(process["started_monotonic"])
            self._pauses.remember(process)
        if who is not None:
            self._announce(who.pid, who)
        if self._kill_request() is not None:
            os.kill(os.getpid(), signal.SIGUSR1)
        return program

    def _announce(self, pid: int, program: Identity | None) -> None:
        """Write process.json, by which others find the program and us."""
        self._facts = {
            "program": str(program or ""),
            "supervisor": str(identity()),
            "pgid": pid,
            "started_at": self._wall() - (time.monotonic() - self._started),
            "started_monotonic": self._started,  # seconds of this boot, whatever the clock does
            "timeout_s": self._order.timeout_s,
            "grace_s": self._order.grace_s,
            "devices": self._order.devices,
            "alone": self._order.alone,
            "stdout": self._order.stdout,
            "stderr": self._order.stderr,
            **self._pauses.facts(),
        }
        self._write_facts()

    def _write_facts(self) -> None:
        """Write process.json, or try again later when the disk is full."""
        with contextlib.suppress(OSError):
            write_json(self._folder.path / PROCESS_FILE, self._facts, durable=False)
            self._facts = {}

    def _supervise(self, program: OwnProgram | AdoptedProgram) -> End:
        end = self._finish(self._outcome(program), program)
        self._clear(program)
        return end

    def _outcome(self, program: OwnProgram | AdoptedProgram) -> Verdict:
        """Wait for a program to end and return how it did."""
        self._watch(program)
        drained_by = time.monotonic() + _DRAIN_S
        while self._output.pump(time.monotonic()) and time.monotonic() < drained_by:
            pass
        verdict = program.verdict(self._output.last_lines())
        if self._stopped is not None:
            return self._stopped._replace(exit_code=verdict.exit_code)
        return verdict

    def _watch(self, program: OwnProgram | AdoptedProgram) -> None:
        """Do all that is to be done while the program runs."""
        samples = Samples(
            self._folder,
            pid=program.pid,
            started=self._started,
            devices=self._order.devices,
            is_whole=not self._order.adopt,
        )
        poll = select.poll()
        for fd in (self._signals.fd, *self._output.fds, program.fd):
            if fd is not None:
                poll.register(fd, select.POLLIN)
        limit = self._started + (self._order.timeout_s or math.inf)
        is_more = False
        self._heed_pause(program)
        while not program.is_over():
            self._note_pause(program)
            deadline = self._pauses.deadline(limit)
            now = time.monotonic()
            due_s = min(deadline, self._kill_at, samples.due_at) - now
            if self._output.is_waiting or self._facts or not program.tells:
                due_s = min(due_s, _TICK_S)
            poll.poll(0 if is_more else max(0.0, due_s) * 1000 + 1)
            now = time.monotonic()
            self._heed_signals(program)
            fds = self._output.fds
            is_more = self._output.pump(now)
            for fd in fds - self._output.fds:  # that have ended
                poll.unregister(fd)
            samples.take(now)
            if self._facts:
                self._write_facts()
            if now >= deadline and self._stopped is None:
                reason = f"timeout after {duration(self._order.timeout_s or 0)}"
                self._stop(program, Verdict(RunState.FAILED, reason), self._order.grace_s)
            if now >= self._kill_at:
                self._kill_at = now + _TICK_S
                for pid in program.processes():
                    processes.send(pid, signal.SIGKILL)
        self._use = samples.close()

    def _heed_signals(self, program: OwnProgram | AdoptedProgram) -> None:
        """End the program if somebody asks for it: by kill.json and SIGUSR1, or SIGTERM alone.

        A SIGUSR1 without kill.json is about a pause, or was meant for the run before. Asked to end
        again: without any grace.
        """
        numbers = self._signals.take()
        if not numbers:
            return
        request = self._kill_request()
        if signal.SIGTERM not in numbers and (signal.SIGUSR1 not in numbers or request is None):
            if signal.SIGUSR1 in numbers:
                self._heed_pause(program)
            return
        asked = request or {}
        if asked.get("censored") and program.is_over():
            return  # it came to its end by itself before the rule could stop it
        grace_s = float(str(asked.get("grace_s", self._order.grace_s)))
        number = int(str(asked.get("signal", signal.SIGTERM.value)))
        self._stop(program, self._killed(), 0.0 if self._stopped else grace_s, number)

    def _heed_pause(self, program: OwnProgram | AdoptedProgram) -> None:
        """Stop all processes of the run, or let them go on, as pause.json says."""
        if self._stopped is not None:
            return
        if is_pause_wanted(self._folder):
            freeze(program.processes)
        elif not program.is_over() and program.is_stopped():
            thaw(program.processes)

    def _note_pause(self, program: OwnProgram | AdoptedProgram) -> None:
        """Note since when the program stands still, whoever stopped it."""
        if self._pauses.note(is_stopped=program.is_stopped()):
            if self._pauses.since is None:
                forget_pause(self._folder)  # whoever let it go on
            known = self._facts or read_json(self._folder.path / PROCESS_FILE) or {}
            self._facts = {**known, **self._pauses.facts()}
            self._write_facts()

    def _kill_request(self) -> dict[str, object] | None:
        return read_json(self._folder.path / KILL_FILE)

    def _killed(self) -> Verdict:
        request = self._kill_request() or {"reason": "SIGTERM was sent to its supervisor"}
        return Verdict(RunState.KILLED, str(request.get("reason")))

    def _is_censored(self, verdict: Verdict) -> bool:
        request = self._kill_request() if verdict.state == RunState.KILLED else None
        return bool(request and request.get("censored"))

    def _stop(
        self,
        program: OwnProgram | AdoptedProgram,
        why: Verdict,
        grace_s: float,
        number: int = signal.SIGTERM,
    ) -> None:
        self._stopped = self._stopped or why
        self._kill_at = min(self._kill_at, time.monotonic() + grace_s)
        processes.send_group(program.pid, number)
        if self._pauses.since is not None:
            thaw(program.processes)

    def _finish(
        self,
        verdict: Verdict,
        program: OwnProgram | AdoptedProgram | None = None,
        *,
        start_error: str = "",
    ) -> End:
        """Write result.json, for as long as the disk is full again and again: no end gets lost."""
        used = program.usage if program else None
        now = time.monotonic()
        end = End(
            **verdict._asdict(),
            censored=self._is_censored(verdict),
            needs_alone=self._needs_alone(verdict),
            signal=program.signal if program else None,
            start_error=start_error,
            ended_at=self._wall(),
            runtime_s=now - self._started - self._pauses.total_s(now),
            user_cpu_s=used.ru_utime if used else None,
            system_cpu_s=used.ru_stime if used else None,
            memory_max_mib=used.ru_maxrss / 1024 if used else None,  # KiB, see getrusage(2)
            **vars(self._use),
        )
        while True:
            try:
                self._folder.write_result(end, durable=False)
            except FileNotFoundError:  # the run was removed
                return end
            except OSError:
                time.sleep(2)
            else:
                return end

    def _needs_alone(self, verdict: Verdict) -> str:
        """Return what a run that is out of memory shared with others: gpu, host or nothing."""
        return "" if verdict.out_of_memory in self._order.alone.split() else verdict.out_of_memory

    def _clear(self, program: OwnProgram | AdoptedProgram) -> None:
        """End what the program left behind: SIGTERM, a short grace, SIGKILL."""
        started = time.monotonic()
        told: set[int] = set()
        while strays := program.processes():
            elapsed_s = time.monotonic() - started
            if elapsed_s > STRAY_GRACE_S + UNKILLABLE_S:
                return
            number = signal.SIGTERM if elapsed_s < STRAY_GRACE_S else signal.SIGKILL
            for pid in strays:
                if number == signal.SIGKILL or pid not in told:
                    processes.send(pid, number)
                    processes.send(pid, signal.SIGCONT)
            told.update(strays)
            self._output.pump(time.monotonic())
            time.sleep(0.02)


if __name__ == "__main__":
    serve(socket.socket(fileno=0))
    os._exit(0)  # nothing to tidy up
