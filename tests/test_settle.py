"""What became of runs whose end nobody told: found out from locks, files and processes."""

import os
import signal
import subprocess
import sys
import time

import pytest

from homerun.core import End, RunState
from homerun.store import Store, identity, parse_identity, settle, write_json
from homerun.store import journal as jr
from homerun.store.process import BOOT_ID_FILE, is_alive


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "home") as store:
        yield store


def dead_process() -> str:
    """Return the identity of a process that has just ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    who = str(identity(process.pid))
    process.communicate(b"\n")
    return who


def claim(store, agent):
    sweep = store.add_sweep({"method": "grid"}, project="p")
    store.propose(sweep, [({"lr": 1}, 0)], cursor=1)
    return store.claim(sweep.id, agent=agent)


def test_an_identity_is_a_process_and_not_its_pid(tmp_path, monkeypatch):
    me = identity()
    assert is_alive(me)
    assert parse_identity(str(me)) == me
    assert not is_alive(parse_identity(dead_process()))
    other_start = parse_identity(f"{me.host}/{me.boot}/{me.pid}/{me.ticks + 1}")
    assert not is_alive(other_start)
    (tmp_path / "boot").write_text("another-boot")
    monkeypatch.setenv(BOOT_ID_FILE, str(tmp_path / "boot"))
    assert not is_alive(me)


@pytest.mark.parametrize("text", ["", "x", "a/b/c/d", "host/boot/1"])
def test_a_text_that_is_no_identity_is_none(text):
    assert parse_identity(text) is None


def test_a_zombie_is_dead():
    process = subprocess.Popen([sys.executable, "-c", ""])
    who = identity(process.pid)
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        time.sleep(0.01)
    assert who is None or not is_alive(who)
    process.wait()


def test_a_run_that_vanished_is_crashed_with_a_reason(store):
    run = store.add_run("abc", project="p", agent=dead_process())
    store.folder(run.id).make()
    assert settle(store).ended == ("abc",)
    run = store.run("abc")
    assert run.state == RunState.CRASHED
    assert "without an exit code" in run.reason


def test_a_run_of_before_the_restart_says_so(store, tmp_path, monkeypatch):
    store.add_run("abc", project="p", agent=str(identity()))
    store.folder("abc").make()
    (tmp_path / "boot").write_text("another-boot")
    monkeypatch.setenv(BOOT_ID_FILE, str(tmp_path / "boot"))
    settle(store)
    assert store.run("abc").reason == "the machine was restarted while it ran"


def test_a_killed_program_is_crashed_and_what_it_logged_is_there(store):
    program = (
        "import os, sys, time; from pathlib import Path\n"
        "from homerun.store import Store, identity, journal as jr\n"
        "store = Store(Path(sys.argv[1])); folder = store.folder('abc').make()\n"
        "lock = folder.hold(); store.add_run('abc', project='p', agent=str(identity()))\n"
        "writer = jr.open_writer(folder.path)\n"
        "for i in range(100): writer.append(jr.packer().pack([jr.ROW, i, 1.0, {'loss': i}]))\n"
        "print('logged', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(store.home)], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"logged\n"
    assert settle(store).ended == ()
    assert store.run("abc").state == RunState.RUNNING
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert settle(store).ended == ("abc",)
    assert store.run("abc").state == RunState.CRASHED
    assert store.row("SELECT count FROM metric") == (100,)
    assert not list(store.folder("abc").path.glob("journal*"))


def test_a_result_that_never_reached_the_database_is_taken_over(store):
    run = claim(store, dead_process())
    folder = store.folder(run.id).make()
    write_json(folder.path / "process.json", {"program": dead_process()})
    folder.write_result(End(state=RunState.FAILED, reason="exit code 3", exit_code=3, ended_at=9.0))
    settle(store)
    assert (store.run(run.id).state, store.run(run.id).exit_code) == (RunState.FAILED, 3)


def test_a_run_whose_agent_died_before_it_started_is_queued_again(store):
    run = claim(store, dead_process())
    assert settle(store).requeued == (run.id,)
    assert store.run(run.id).state == RunState.PENDING


def test_a_run_that_a_living_agent_is_about_to_start_is_left_alone(store):
    run = claim(store, str(identity()))
    found = settle(store)
    assert (found.ended, found.orphans, found.requeued) == ((), (), ())
    assert store.run(run.id).state == RunState.RUNNING


def test_a_program_that_outlived_its_supervisor_is_an_orphan(store):
    run = claim(store, dead_process())
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    folder = store.folder(run.id).make()
    write_json(folder.path / "process.json", {"program": str(identity(process.pid))})
    assert settle(store).orphans == (run.id,)
    process.communicate(b"\n")
    assert settle(store).ended == (run.id,)


def test_a_program_that_told_its_end_is_believed(store):
    store.add_run("abc", project="p", agent=dead_process())
    writer = jr.open_writer(store.folder("abc").make().path)
    writer.append(jr.packer().pack([jr.END, 5.0, {"state": "finished", "exit_code": 0}]))
    writer.close()
    settle(store)
    assert store.run("abc").state == RunState.FINISHED


def test_a_run_of_another_host_is_left_alone(store):
    store.add_run("abc", project="p", agent="elsewhere/boot/1/1")
    assert settle(store).ended == ()
    assert store.run("abc").state == RunState.RUNNING


def test_a_run_that_could_not_be_registered_is_taken_over_later(store):
    writer = jr.open_writer(store.folder("late").make().path)
    writer.append(jr.packer().pack([jr.BEGIN, {"id": "late", "project": "p", "started_at": 1.0}]))
    writer.append(jr.packer().pack([jr.END, 2.0, {"state": "finished", "exit_code": 0}]))
    writer.close()
    (store.home / "inbox").mkdir()
    (store.home / "inbox" / "late").touch()
    settle(store)
    assert store.run("late").state == RunState.FINISHED
    assert list((store.home / "inbox").iterdir()) == []
