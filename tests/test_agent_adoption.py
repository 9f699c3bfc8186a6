"""Agents, supervisors and the machine may die: nothing is lost, nothing runs twice at once."""

import os
import signal
import subprocess
import sys

import pytest

from homerun.agent import Ended, Outcome, Started, Wishes, work_sweep
from homerun.agent.hands import Hands
from homerun.agent.order import Order
from homerun.agent.orders import home_env, run_env
from homerun.core import ALIVE, RunState
from homerun.store import (
    Store,
    identity,
    living_program,
    parse_identity,
    read_json,
    settle,
    write_json,
)
from homerun.store.process import BOOT_ID_FILE
from tests.agent_home import gone, left_over, make_sweep, python, start_agent, until, work

GATED = "import os, sys, time\nprint('on', flush=True)\n"
GATED += "while os.path.exists('go'): time.sleep(0.02)\n"


@pytest.fixture
def store(home):
    with Store(home) as store:
        yield store
    gone(home)


@pytest.fixture
def gate(tmp_path):
    """Return a folder in which gated programs wait as long as `go` is there."""
    (tmp_path / "go").mkdir()
    return tmp_path


def started(store, sweep, count=1):
    """Wait until so many runs write output, and return them."""

    def ready():
        runs = store.runs(sweep=sweep.id, states=ALIVE)
        logs = [store.folder(run.id).output for run in runs]
        return [
            run for run, log in zip(runs, logs, strict=True) if log.exists() and log.stat().st_size
        ]

    return until(lambda: (runs := ready()) and len(runs) == count and runs)


def pid(store, run, role):
    return parse_identity(read_json(store.folder(run.id).path / "process.json")[role]).pid


def kill_9(*processes):
    for process in processes:
        if isinstance(process, subprocess.Popen):
            process.kill()
            process.communicate()
        else:
            os.kill(process, signal.SIGKILL)


def test_exit_code_is_kept_when_the_agent_is_killed(store, gate):
    sweep = make_sweep(store, python(GATED + "sys.exit(7)"), values=3, cwd=gate)
    agent = start_agent(sweep, slots=2)
    runs = started(store, sweep, 2)
    kill_9(agent)
    (gate / "go").rmdir()
    until(lambda: all(store.run(run.id).is_ended for run in runs))  # their supervisors did it
    assert [store.run(run.id).exit_code for run in runs] == [7, 7]
    done, _ = work(store, sweep, max_failures=0)
    assert done.outcome == Outcome.COMPLETE
    assert store.counts(sweep.id) == {RunState.FAILED: 3}


def test_new_agent_watches_what_the_old_one_left_and_gives_it_a_slot(store, gate):
    sweep = make_sweep(
        store, python(GATED + "sys.exit(7 if '=0' in sys.argv[1] else 0)"), values=2, cwd=gate
    )
    agent = start_agent(sweep, slots=1)
    (run,) = started(store, sweep)
    kill_9(agent)
    events = []

    def on_event(event):
        events.append(event)
        if isinstance(event, Started) and event.is_adopted:
            (gate / "go").rmdir()

    done = work_sweep(store, sweep, wishes=Wishes(slots=1), on_event=on_event)
    assert done.outcome == Outcome.COMPLETE
    kinds = [(type(e), e.run.id == run.id) for e in events if isinstance(e, Started | Ended)]
    assert kinds == [(Started, True), (Ended, True), (Started, False), (Ended, False)]
    assert store.run(run.id).exit_code == 7
    assert store.counts(sweep.id) == {RunState.FAILED: 1, RunState.FINISHED: 1}


def test_program_that_outlives_its_supervisor_is_adopted(store, gate):
    code = GATED + "print('more ' * 40_000, flush=True)\nprint('end')"
    sweep = make_sweep(store, python(code), cwd=gate)
    agent = start_agent(sweep)
    (run,) = started(store, sweep)
    before = store.folder(run.id).path / "process.json"
    program = read_json(before)["program"]
    kill_9(pid(store, run, "supervisor"))
    until(lambda: pid(store, run, "supervisor") and store.folder(run.id).is_held())
    assert read_json(before)["program"] == program
    (gate / "go").rmdir()
    assert "Outcome.COMPLETE" in agent.communicate(timeout=60)[0]
    run = store.run(run.id)
    assert run.state == RunState.CRASHED
    assert run.reason == "its supervisor was killed, so its exit code is lost"
    assert store.folder(run.id).output.read_text() == "on\n" + "more " * 40_000 + "\nend\n"


def test_adopted_program_that_tells_its_end_is_believed(store, gate):
    code = "import os, time, homerun as hr\nrun = hr.init()\nprint('on', flush=True)\n"
    code += "while os.path.exists('go'): time.sleep(0.02)\nrun.log({'loss': 1})\nrun.finish()"
    sweep = make_sweep(store, python(code), cwd=gate)
    agent = start_agent(sweep)
    (run,) = started(store, sweep)
    kill_9(agent, pid(store, run, "supervisor"))
    orphans = until(lambda: settle(store).orphans)
    assert orphans == (run.id,)
    (gate / "go").rmdir()
    done, _ = work(store, sweep)
    assert done.outcome == Outcome.COMPLETE
    run = store.run(run.id)
    assert (run.state, run.exit_code) == (RunState.FINISHED, 0)
    assert run.summary["loss"] == 1


def test_timeout_holds_for_an_adopted_program(store, tmp_path):
    code = "import time\nprint('on', flush=True)\ntime.sleep(60)"
    sweep = make_sweep(store, python(code), cwd=tmp_path, homerun={"timeout": 1.5})
    agent = start_agent(sweep)
    (run,) = started(store, sweep)
    kill_9(pid(store, run, "supervisor"))
    agent.communicate(timeout=60)
    run = store.run(run.id)
    assert (run.state, run.reason) == (RunState.FAILED, "timeout after 1.5s")


def test_any_agent_adopts_the_programs_of_other_sweeps(store, gate):
    other = make_sweep(store, python(GATED), cwd=gate)
    agent = start_agent(other)
    (run,) = started(store, other)
    kill_9(agent, pid(store, run, "supervisor"))
    until(lambda: settle(store).orphans)
    sweep = make_sweep(store, ["/bin/true"])
    work(store, sweep)
    until(store.folder(run.id).is_held)
    (gate / "go").rmdir()
    until(lambda: store.run(run.id).is_ended)
    assert store.run(run.id).reason == "its supervisor was killed, so its exit code is lost"


def test_program_is_found_when_its_supervisor_died_before_it_wrote_of_it(store, gate):
    sweep = make_sweep(store, python(GATED), cwd=gate)
    agent = start_agent(sweep)
    (run,) = started(store, sweep)
    program = pid(store, run, "program")
    kill_9(agent, pid(store, run, "supervisor"))
    folder = store.folder(run.id)
    (folder.path / "process.json").unlink()
    found = until(lambda: not folder.is_held() and living_program(folder))
    assert found == identity(program)
    assert settle(store).requeued == ()
    done, _ = work(store, sweep)  # ends it: it might be a daemon that the program left behind
    assert done.outcome == Outcome.COMPLETE
    run = store.run(run.id)
    assert run.state == RunState.CRASHED
    assert run.reason == "its supervisor was killed while it started the program"


def test_what_is_left_of_a_killed_program_and_supervisor_is_ended(store, gate):
    child = f"subprocess.Popen([sys.executable, '-c', {GATED!r}], start_new_session=True)"
    sweep = make_sweep(store, python(f"import subprocess, sys\n{child}\n{GATED}"), cwd=gate)
    agent = start_agent(sweep)
    (run,) = started(store, sweep)
    until(lambda: store.folder(run.id).output.read_text() == "on\non\n")
    kill_9(agent, pid(store, run, "supervisor"), pid(store, run, "program"))
    done, _ = work(store, sweep)
    assert done.outcome == Outcome.COMPLETE
    run = store.run(run.id)
    assert run.state == RunState.CRASHED
    assert run.reason == "vanished without an exit code: its process was killed from outside"
    assert (gate / "go").exists()  # the child did not end by itself; the fixture sees it gone


def test_an_order_under_way_is_not_taken_for_a_run_that_never_started(store):
    """The agent dies before its supervisor has read the order: the run goes on, once."""
    sweep = make_sweep(store, ["/bin/true"])
    store.propose(sweep, [({"n": 0}, 0)], cursor=1)
    with subprocess.Popen(["/bin/true"]) as agent:
        run = store.claim(sweep.id, agent=str(identity(agent.pid)))
    folder = store.folder(run.id).make()
    hands = Hands(home_env(store))
    hands.prepare(1)
    (supervisor,) = left_over(store.home)
    os.kill(supervisor, signal.SIGSTOP)
    env = run_env(store.home, run)
    hand = hands.launch(Order(home=str(store.home), run_id=run.id, argv=["/bin/true"], env=env))
    assert folder.is_held()
    settle(store)
    assert store.run(run.id).state == RunState.RUNNING
    hand.close()
    os.kill(supervisor, signal.SIGCONT)
    until(lambda: store.run(run.id).state == RunState.FINISHED)
    assert not folder.is_held()


def test_claimed_run_that_never_started_goes_back_to_the_queue(store):
    sweep = make_sweep(store, ["/bin/true"])
    dead = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=-1)
    agent = str(identity(dead.pid))
    work(store, sweep, count=0)
    store.propose(store.sweep(sweep.id), [({"n": 5}, 0)], cursor=9)
    claimed = store.claim(sweep.id, agent=agent)
    kill_9(dead)
    done, _ = work(store, store.sweep(sweep.id))
    assert done.outcome == Outcome.COMPLETE
    assert store.run(claimed.id).state == RunState.FINISHED


def test_restart_of_the_machine_ends_what_ran(store, tmp_path, monkeypatch):
    sweep = make_sweep(store, ["/bin/true"], values=2)
    work(store, sweep, count=0)
    store.propose(store.sweep(sweep.id), [({"n": 5}, 0), ({"n": 6}, 0)], cursor=9)
    (tmp_path / "boot").write_text("another-boot")
    monkeypatch.setenv(BOOT_ID_FILE, str(tmp_path / "boot"))
    run = store.claim(sweep.id, agent=str(identity()))
    facts = {"program": str(identity()), "supervisor": str(identity())}
    write_json(store.folder(run.id).make().path / "process.json", facts)
    monkeypatch.delenv(BOOT_ID_FILE)
    done, _ = work(store, store.sweep(sweep.id))
    assert done.outcome == Outcome.COMPLETE
    run = store.run(run.id)
    assert (run.state, run.reason) == (
        RunState.CRASHED,
        "the machine was restarted while it ran",
    )
