"""Pausing, resuming and ending runs: real programs with children, whoever stops or dies."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from homerun.agent import kill, pause, resume
from homerun.agent.order import Order
from homerun.core import RunState
from homerun.store import (
    Store,
    identity,
    is_alive,
    is_at_rest,
    parse_identity,
    pids,
    read_json,
    settle,
)
from tests.agent_home import gone, make_sweep, python, start_agent, until

# A program with a child in a session of its own and a grandchild, all of them busy.
FAMILY = """
import os, subprocess, sys, time
work = "import time\\nwhile True: sum(range(1000))\\n"
child = f"import subprocess, sys\\nsubprocess.Popen([sys.executable, '-c', {work!r}])\\n{work}"
one = subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
print("on", flush=True)
while not os.path.exists("end"): sum(range(1000))
one.kill()
sys.exit(7)
"""
SLEEP = "import time; print('on', flush=True); time.sleep(60)"
GATED = "import os, sys, time\nprint('on', flush=True)\n"
GATED += "while not os.path.exists('end'): time.sleep(0.02)\nsys.exit(7)"


def begin(runner, code, **options):
    """Start a program, wait until it is at work, and return its folder, hand and run."""
    folder, hand = runner.start([sys.executable, "-c", code], **options)
    until(lambda: folder.output.exists() and folder.output.read_text().startswith("on"))
    until((folder.path / "process.json").exists)
    return folder, hand, runner.store.run(folder.path.name)


def who(folder, role="program"):
    return parse_identity(read_json(folder.path / "process.json")[role])


def family(folder):
    """Return the pids of the processes whose environment names the run."""
    tag = f"HOMERUN_RUN_ID={folder.path.name}".encode()
    found = []
    for pid in pids():
        with contextlib.suppress(OSError):  # it has ended
            if tag in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found


def whole_family(folder):
    """Return the pids of FAMILY once all three are at work, else nothing.

    A grandchild that has not come to its own program yet still shows the child's command line; to
    stop it there holds its parent within the call that starts it, which looks like a disk access.
    """
    found = family(folder)
    with contextlib.suppress(OSError):
        lines = {Path(f"/proc/{pid}/cmdline").read_bytes() for pid in found}
        return found if len(lines) == 3 else []
    return []


def used_cpu(processes):
    """Return the clock ticks that processes have used; fields 14 and 15 of proc(5)."""
    ticks = 0
    for pid in processes:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks


def state_of(store, run):
    settle(store)
    return store.run(run.id).state


def test_pause_stops_every_process_and_resume_lets_them_go_on(runner, tmp_path):
    store = runner.store
    folder, hand, run = begin(runner, FAMILY, cwd=str(tmp_path))
    known = until(lambda: whole_family(folder))
    (paused,) = pause(store, run)
    assert (paused.state, paused.reason) == (RunState.PAUSED, "paused by the user")
    until(lambda: all(map(is_at_rest, known)))  # a signal takes its moment on a busy machine
    before = used_cpu(known)
    time.sleep(0.2)
    assert used_cpu(known) == before
    assert folder.is_held()
    (resumed,) = resume(store, run)
    assert (resumed.state, resumed.reason) == (RunState.RUNNING, "")
    assert not any(map(is_at_rest, known))
    (tmp_path / "end").touch()
    assert runner.wait(folder, hand).exit_code == 7


def test_time_limit_does_not_count_a_pause(runner):
    started = time.monotonic()
    folder, hand, run = begin(runner, SLEEP, timeout_s=3.0)
    pause(runner.store, run)
    time.sleep(3.5)
    assert not hand.is_over()
    resume(runner.store, run)
    end = runner.wait(folder, hand)
    assert end.reason == "timeout after 3s"
    assert 3.0 <= end.runtime_s <= time.monotonic() - started - 3.5  # the pause is not in it


def test_paused_run_is_killed_with_its_grace(runner, tmp_path):
    code = "import signal, sys\nsignal.signal(15, lambda *_: (print('saved'), sys.exit(3)))\n"
    folder, hand, run = begin(runner, code + SLEEP, grace_s=30)
    pause(runner.store, run)
    ends = kill(runner.store, run, grace_s=30)
    assert (ends[run.id].state, ends[run.id].exit_code) == (RunState.KILLED, 3)
    assert "saved" in folder.output.read_text()
    runner.wait(folder, hand)


def test_whole_paused_family_dies(runner, tmp_path):
    folder, hand, run = begin(runner, FAMILY, cwd=str(tmp_path))
    known = until(lambda: whole_family(folder))
    pause(runner.store, run)
    assert kill(runner.store, run, grace_s=0.1)[run.id].state == RunState.KILLED
    runner.wait(folder, hand)
    until(lambda: all(map(is_at_rest, known)) and not family(folder))


def test_stop_from_outside_shows_as_paused_and_keeps_the_exit_code(runner, tmp_path):
    store = runner.store
    folder, hand, run = begin(runner, GATED, cwd=str(tmp_path), timeout_s=60)
    assert state_of(store, run) == RunState.RUNNING
    os.kill(who(folder).pid, signal.SIGSTOP)
    until(lambda: state_of(store, run) == RunState.PAUSED)
    assert store.run(run.id).reason == "stopped from outside, by Ctrl-Z or SIGSTOP"
    until(lambda: read_json(folder.path / "process.json")["paused_monotonic"])
    (tmp_path / "end").touch()
    os.kill(who(folder).pid, signal.SIGCONT)
    end = runner.wait(folder, hand)
    assert (end.state, end.exit_code) == (RunState.FAILED, 7)


def test_going_on_from_outside_ends_a_pause_for_good(runner, tmp_path):
    folder, hand, run = begin(runner, GATED, cwd=str(tmp_path))
    pause(runner.store, run)
    os.kill(who(folder).pid, signal.SIGCONT)
    until(lambda: not (folder.path / "pause.json").exists())
    assert state_of(runner.store, run) == RunState.RUNNING
    assert [one.state for one in pause(runner.store, run)] == [RunState.PAUSED]
    resume(runner.store, run)
    (tmp_path / "end").touch()
    assert runner.wait(folder, hand).exit_code == 7


def test_resume_wakes_what_was_stopped_from_outside(runner, tmp_path):
    folder, hand, run = begin(runner, GATED, cwd=str(tmp_path))
    os.kill(who(folder).pid, signal.SIGSTOP)
    until(lambda: state_of(runner.store, run) == RunState.PAUSED)
    assert [one.state for one in resume(runner.store, run)] == [RunState.RUNNING]
    (tmp_path / "end").touch()
    assert runner.wait(folder, hand).exit_code == 7


def test_whatever_happens_in_between_the_state_is_true_and_the_exit_code_kept(runner, tmp_path):
    store, chance = runner.store, random.Random(1)
    programs = [begin(runner, GATED, cwd=str(tmp_path)) for _ in range(2)]
    for _ in range(40):
        folder, _, run = chance.choice(programs)
        pid = who(folder).pid
        change, wanted = chance.choice(
            [
                (lambda run=run: pause(store, run), RunState.PAUSED),
                (lambda run=run: resume(store, run), RunState.RUNNING),
                (lambda pid=pid: os.kill(pid, signal.SIGSTOP), RunState.PAUSED),
                (lambda pid=pid: os.kill(pid, signal.SIGCONT), RunState.RUNNING),
            ]
        )
        change()
        until(lambda run=run, wanted=wanted: state_of(store, run) == wanted)
    resume(store, *(run for _, _, run in programs))
    (tmp_path / "end").touch()
    assert [runner.wait(folder, hand).exit_code for folder, hand, _ in programs] == [7, 7]


def test_supervisor_that_dies_leaves_a_paused_run_paused(runner, tmp_path):
    store = runner.store
    folder, hand, run = begin(runner, SLEEP, timeout_s=3.0, cwd=str(tmp_path))
    pause(store, run)
    os.kill(who(folder, "supervisor").pid, signal.SIGKILL)
    until(hand.is_over)
    assert state_of(store, run) == RunState.PAUSED
    order = Order(home=str(store.home), run_id=run.id, timeout_s=3.0, adopt=True)
    hand.close()
    runner.busy[:] = [hand := runner.hands.launch(order)]
    until(folder.is_held)
    time.sleep(3.0)  # past the time limit, had it gone on
    assert state_of(store, run) == RunState.PAUSED
    assert [one.state for one in resume(store, run)] == [RunState.RUNNING]
    assert runner.wait(folder, hand).reason == "timeout after 3s"


def test_without_supervisor_a_run_is_paused_and_resumed_directly(runner, tmp_path):
    store = runner.store
    folder, hand, run = begin(runner, GATED, cwd=str(tmp_path))
    os.kill(who(folder, "supervisor").pid, signal.SIGKILL)
    until(hand.is_over)
    assert [one.state for one in pause(store, run)] == [RunState.PAUSED]
    assert is_at_rest(who(folder).pid)
    assert [one.state for one in resume(store, run)] == [RunState.RUNNING]
    assert kill(store, run)[run.id].state == RunState.KILLED


def test_program_started_by_hand_is_paused_too(home):
    code = "import time, homerun\nrun = homerun.init(id='byhand')\nprint('on', flush=True)\n"
    code += "time.sleep(60)"
    with (
        subprocess.Popen(  # a process group of its own, so that SIGTSTP stops it wherever this runs
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, process_group=0
        ) as program,
        Store(home) as store,
    ):
        assert program.stdout.readline() == "on\n"
        run = store.run("byhand")
        assert [one.state for one in pause(store, run)] == [RunState.PAUSED]
        assert is_at_rest(program.pid)
        assert [one.state for one in resume(store, run)] == [RunState.RUNNING]
        program.send_signal(signal.SIGTSTP)  # as Ctrl-Z does
        until(lambda: state_of(store, run) == RunState.PAUSED)
        assert [one.state for one in resume(store, run)] == [RunState.RUNNING]
        assert kill(store, run)[run.id].state == RunState.KILLED


def test_paused_run_keeps_its_slot_even_when_its_agent_is_killed(home, tmp_path):
    with Store(home) as store:
        sweep = make_sweep(store, python(GATED), values=2, cwd=tmp_path)
        agent = start_agent(sweep, slots=1)
        run = until(lambda: _at_work(store, sweep))
        pause(store, run)
        agent.kill()
        agent.communicate()
        agent = start_agent(sweep, slots=1)
        until(lambda: store.run(run.id).agent.split("/")[2] == str(agent.pid))
        time.sleep(0.3)  # for a run that must not start
        assert store.counts(sweep.id) == {RunState.PAUSED: 1, RunState.PENDING: 1}
        (tmp_path / "end").touch()
        resume(store, run)
        agent.communicate(timeout=60)
        assert [run.exit_code for run in store.runs()] == [7, 7]
    gone(home)


def _at_work(store, sweep):
    """Return the run of a sweep that has begun to write, if there is one."""
    runs = store.runs(sweep=sweep.id, states=[RunState.RUNNING])
    logs = [(run, store.folder(run.id).output) for run in runs]
    return next((run for run, log in logs if log.exists() and log.stat().st_size), None)


def test_run_that_is_paused_before_its_program_starts_stands_still_at_once(runner):
    store = runner.store
    run = store.add_run("early", project="tests", agent=str(identity()), cwd="/")
    folder = store.folder(run.id).make()
    (folder.path / "pause.json").write_text('{"reason": "paused by the user"}')
    argv = [sys.executable, "-c", SLEEP]
    hand = runner.hands.launch(Order(home=str(store.home), run_id=run.id, argv=argv))
    runner.busy.append(hand)
    until(lambda: state_of(store, run) == RunState.PAUSED)
    assert is_alive(who(folder))
    kill(store, run)
    runner.wait(folder, hand)
