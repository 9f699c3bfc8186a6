"""A function in place of a program: each run calls it in a process forked from ours, or right here.

What is defined in a notebook cannot travel to another process. So a supervisor is forked from this
one before anything else happens, and forks a process for each run: what the run takes of a GPU is
given back with its process. A process that uses a GPU cannot be forked; in it the function can be
called right here.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import NoReturn, TextIO

from homerun.agent.events import Done, Ended, Event, Started, Trouble
from homerun.agent.hands import Hand, Hands, LaunchError
from homerun.agent.order import Order
from homerun.agent.processes import Watch
from homerun.agent.program import NOT_RUNNABLE
from homerun.agent.serving import Wishes, work_sweep
from homerun.agent.supervisor import CAUGHT, serve
from homerun.agent.verdict import out_of_memory
from homerun.core import End, RunState, StoreError, UsageError
from homerun.spec import from_dict
from homerun.store import RunFolder, Store, identity, remove_agent, run_folder
from homerun.track import Console, current_run, end_runs

Function = Callable[[], object]

_NOT_STOPPED = (
    "early_terminate has no effect on a function in this process: nobody can end a run but by "
    "ending it; leave out in_process=True"
)
_ECHO_S = 0.05  # how often new output is shown
_GPU_FILES = ("/dev/nvidia-uvm", "/dev/kfd")  # open where CUDA or ROCm is in use; NVML has others
# What a program would start with as the system has it; a supervisor catches some of these.
_DEFAULTS = (*CAUGHT, signal.SIGHUP)


def work_function(
    home: Path,
    sweep_ref: str,
    function: Function,
    *,
    in_process: bool = False,
    count: int | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Done:
    """Call a function for the runs of a sweep, one at a time, until none is left.

    It finds the configuration of its run by `homerun.init()`. `in_process`: call it in this
    process, not in one of its own for each run. `count`: runs to start at most.
    """
    if in_process:
        hands: Hands = _HandsHere(function)
        echo = None
    else:
        refuse_gpu_in_use()
        hands = _ForkedHands(function, home)  # first: a fork must not carry over a database
        echo = _Echo(home)

    def tell(event: Event) -> None:
        if echo is not None:
            echo.heed(event)
        on_event(event)

    wishes = Wishes(slots=1, use_busy=in_process)  # what is on the GPU may be this process
    try:
        with Store(home) as store:
            record = store.sweep(sweep_ref)
            if in_process and from_dict(record.spec).rule is not None:
                tell(Trouble(text=_NOT_STOPPED))
            try:
                return work_sweep(
                    store,
                    record,
                    wishes=wishes,
                    count=count,
                    on_event=tell,
                    function=_name(function),
                    hands=hands,
                )
            finally:
                with contextlib.suppress(StoreError):  # this process lives on without the agent
                    remove_agent(store, str(identity()))
    finally:
        hands.close()
        if echo is not None:
            echo.close()


def refuse_gpu_in_use(descriptors: Path = Path("/proc/self/fd")) -> None:
    """Raise UsageError if this process uses a GPU, which no process forked from it could."""
    try:
        names = os.listdir(descriptors)  # noqa: PTH208
    except OSError:  # no /proc
        return
    for name in names:
        with contextlib.suppress(OSError):  # the descriptor of the listing itself is gone
            if os.readlink(descriptors / name) in _GPU_FILES:  # noqa: PTH115
                raise UsageError(
                    "this process uses a GPU already, so it cannot start a process for each run; "
                    "call agent() before anything that uses the GPU, or have the function run in "
                    "this process: agent(..., in_process=True) or HOMERUN_AGENT_INPROCESS=true"
                )


def _name(function: Function) -> str:
    return f"{getattr(function, '__qualname__', type(function).__name__)}()"


# A process for each run


class _ForkedHands(Hands):
    """One supervisor, forked from this process, that starts processes which call the function."""

    def __init__(self, function: Function, home: Path) -> None:
        super().__init__({**os.environ, "HOMERUN_HOME": str(home)})
        self._idle.append(_ForkedHand(function))

    def prepare(self, count: int) -> None:
        """Do nothing: there is one already."""

    def launch(self, order: Order) -> Hand:
        """Have the supervisor carry out an order; a run it left behind is another's to watch."""
        if order.adopt:
            return Hands(self._env).launch(order)
        try:
            hand = self._idle.pop()
            hand.give(order)
        except (IndexError, OSError) as error:
            raise UsageError(
                "the process from which runs are started was killed; call agent() again"
            ) from error
        return hand

    def take_back(self, watch: Hand | Watch) -> bool:
        """Keep the supervisor that can call the function, and let go of any other."""
        if isinstance(watch, _ForkedHand):
            return super().take_back(watch)
        watch.close()
        return isinstance(watch, Hand) and not watch.is_dead


class _ForkedHand(Hand):
    """A supervisor that is a copy of this process, function and all."""

    def __init__(self, function: Function) -> None:
        known = _descriptors()
        self._line, theirs = socket.socketpair()
        self.is_dead = False
        self._is_over = True
        _flush()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, CAUGHT)
        try:
            with theirs, warnings.catch_warnings():
                # Other threads do not exist in the copy; all it does is to fork again.
                warnings.simplefilter("ignore", DeprecationWarning)
                self._pid = os.fork()
                if self._pid == 0:
                    self._line.close()
                    _be_supervisor(theirs, function, known)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _be_supervisor(line: socket.socket, function: Function, known: Collection[int]) -> NoReturn:
    """Supervise runs until the agent is gone; never return into the copy of its program."""
    code = 1
    try:
        os.setsid()  # out of the reach of the terminal's Ctrl-C
        signal.set_wakeup_fd(-1)
        for number in CAUGHT:
            signal.signal(number, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)

        def start(
            _argv: list[str], *, cwd: str, env: Mapping[str, str], stdout: int, stderr: int
        ) -> int:
            pid = os.fork()
            if pid == 0:
                _be_run(function, cwd, env, (stdout, stderr), known)
            return pid

        serve(line, start=start)
        code = 0
    finally:
        os._exit(code)


def _be_run(
    function: Function,
    cwd: str,
    env: Mapping[str, str],
    outputs: tuple[int, int],
    known: Collection[int],
) -> NoReturn:
    """Call the function as the program of a run, and exit as it ended."""
    code = NOT_RUNNABLE
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in _DEFAULTS:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.dup2(outputs[0], 1)
        os.dup2(outputs[1], 2)
        for fd in _descriptors() - set(known) - {0, 1, 2}:  # above all the lock of the run
            with contextlib.suppress(OSError):
                os.close(fd)
        os.environ.update(env)
        sys.stdout, sys.stderr = _text(1), _text(2)
        os.chdir(cwd)
        code = _call(function).exit_code or 0
        threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as in all programs
        _flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _text(fd: int) -> TextIO:
    return open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _call(function: Function) -> End:
    """Call the function, end the runs that it began, and return how it ended."""
    error: BaseException | None = None
    try:
        function()
    except BaseException as raised:
        error = raised
        inner = raised.__traceback__.tb_next if raised.__traceback__ else None
        if not isinstance(raised, SystemExit):
            traceback.print_exception(type(raised), raised, inner)
        elif isinstance(raised.code, str):
            sys.stderr.write(f"{raised.code}\n")
    state, exit_code, reason, detail = end_runs(error)
    return End(state=state, exit_code=exit_code, reason=reason, detail=detail, ended_at=time.time())


def _descriptors() -> set[int]:
    """Return the open descriptors, without the one that looking for them took."""
    found = set()
    for name in os.listdir("/dev/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):
            os.fstat(int(name))
            found.add(int(name))
    return found


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()


class _Echo:
    """Shows what the process of a run writes, as it would if it were this one."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._folder: RunFolder | None = None
        self._offset = 0
        self._is_closed = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._go, name="homerun-echo", daemon=True)
        self._thread.start()

    def heed(self, event: Event) -> None:
        """Turn to the run that starts; of the one before there is nothing to come."""
        if isinstance(event, Started | Ended):
            self._show()
        if isinstance(event, Started):
            with self._lock:
                self._folder, self._offset = run_folder(self._home, event.run.id), 0

    def close(self) -> None:
        """Show no more."""
        self._is_closed.set()
        self._thread.join()

    def _go(self) -> None:
        while not self._is_closed.wait(_ECHO_S):
            self._show()

    def _show(self) -> None:
        with self._lock:
            if self._folder is None:
                return
            with contextlib.suppress(OSError, ValueError, AttributeError):  # nobody is there to see
                with self._folder.output.open("rb") as log:
                    log.seek(self._offset)
                    data = log.read()
                self._offset += len(data)
                if data:
                    sys.stdout.write(data.decode(errors="replace"))
                    sys.stdout.flush()


# In this process


class _HandsHere(Hands):
    """Calls the function in this process; while it runs, the agent does nothing else."""

    def __init__(self, function: Function) -> None:
        super().__init__(os.environ)
        self._function = function
        if current_run() is not None:
            raise UsageError(
                "a run is active in this process; finish() it before agent(..., in_process=True)"
            )

    def prepare(self, count: int) -> None:
        """Do nothing: there is nothing to start."""

    def launch(self, order: Order) -> Hand | Watch:  # type: ignore[override]
        """Call the function as the program of a run, to its end."""
        if order.adopt:
            return super().launch(order)
        lock = order.folder.hold()
        if lock is None:
            raise LaunchError("another process holds the lock of the run")
        try:
            started = time.monotonic()
            with _as_program(order.env), _kept(order.folder):
                end = _call(self._function)
            why, memory = out_of_memory(end.detail)
            facts = {**vars(end), "out_of_memory": memory, "reason": why or end.reason}
            if end.state == RunState.KILLED:
                facts["reason"] = "stopped by Ctrl-C"
            facts["runtime_s"] = time.monotonic() - started
            order.folder.write_result(End(**facts), durable=False)
        finally:
            os.close(lock)
        return Watch(None)

    def take_back(self, watch: Hand | Watch) -> bool:
        """Let go of what told that a run is over; a run in this process leaves nothing behind."""
        if isinstance(watch, Hand):
            return super().take_back(watch)
        return True


@contextlib.contextmanager
def _kept(folder: RunFolder) -> Iterator[None]:
    """Copy what is printed into output.log."""
    console = Console(folder.output)
    try:
        yield
    finally:
        console.close()


@contextlib.contextmanager
def _as_program(env: Mapping[str, str]) -> Iterator[None]:
    """Have the environment and the signals of a program, and give them back.

    Not what the environment says of GPUs: a process sees those that it saw when it began.
    """
    ours = {name: value for name, value in env.items() if name.startswith(("HOMERUN_", "WANDB_"))}
    before = {name: os.environ.get(name) for name in ours}
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        defaults = {signal.SIGINT: signal.default_int_handler}
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                handlers[number] = signal.signal(number, defaults.get(number, signal.SIG_DFL))
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        for number, handler in handlers.items():
            signal.signal(number, handler)
