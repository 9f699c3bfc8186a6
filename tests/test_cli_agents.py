"""Queued commands and agents on the command line: add, agent, agents, attach, detach, stop."""

import json
import os
import signal
import subprocess

import pytest

from homerun.core import RunState
from homerun.store import Store, agents
from tests.agent_home import gone
from tests.cli_call import attempt, environment, running, start, until


@pytest.fixture
def store(home, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    with Store(home) as store:
        yield store
    gone(home)


def add(*arguments):
    """Queue a command and return its number."""
    done = attempt("add", *arguments)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def states(store):
    return [run.state for run in store.runs()]


def test_queued_commands_run_with_the_environment_they_were_queued_in(store, tmp_path, monkeypatch):
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "hello").write_text("#!/bin/sh\necho hello from $PWD with $1, secret: $TOKEN\n")
    (tools / "hello").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    monkeypatch.setenv("TOKEN", "of-this-shell")
    number = add("--name", "greeting", "--tag", "first", "hello", "--loud")
    monkeypatch.setenv("PATH", os.environ["PATH"].removeprefix(f"{tools}{os.pathsep}"))
    monkeypatch.delenv("TOKEN")
    assert attempt("agent").returncode == 0
    run = store.run(str(number))
    assert (run.name, run.tags, run.state) == ("greeting", ("first",), RunState.FINISHED)
    text = f"hello from {tmp_path} with --loud, secret:\n"
    assert store.folder(run.id).output.read_text() == text


def test_exit_code_of_an_agent_tells_whether_all_went_well(store):
    add("false")
    done = start("agent")
    assert (done.returncode, states(store)) == (1, [RunState.FAILED])
    assert "next: homerun ls" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--", "train", "--api-key", "abcdefgh12345678abcdefgh"), "the command holds a secret"),
        (("--timeout", "soon", "true"), "'soon' is no time; use seconds, or text such as 90s"),
        (("--gpu-memory", "much", "true"), "'much' is no size; use text such as 6GiB"),
        (("--after", "99", "true"), "no run answers to '99'"),
        (("--gpus", "-1", "true"), "-1 is not in the range"),
        ((), "missing argument"),
    ],
)
def test_what_cannot_be_queued_is_refused_in_one_line(store, arguments, text):
    done = attempt("add", *arguments)
    assert done.returncode != 0
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert store.runs() == []


def test_waiting_for_what_has_failed_is_refused(store):
    number = add("false")
    attempt("agent")
    done = attempt("add", "--after", number, "true")
    assert done.returncode == 2
    assert f"run {number} has failed, so this would wait for ever" in done.stderr


def test_a_detached_agent_is_listed_watched_and_stopped(store):
    done = start("agent", "--stay", "--detach")
    assert done.returncode == 0, done.stderr
    number = done.stdout.strip()
    number_of_run = add("sh", "-c", "echo here; sleep 0.3")
    assert "homerun logs -f" in attempt("add", "true").stderr
    until(lambda: states(store) == [RunState.FINISHED] * 2)
    until(lambda: agents(store)[0].waits_for)
    (document,) = json.loads(attempt("agents", "--json").stdout)
    assert document["name"] == "the whole queue"
    assert "homerun add fills it" in document["waits_for"]
    assert attempt("agents").stdout.splitlines()[1].split()[0] == number
    with running("attach", number, text=True) as watching:
        line = watching.stdout.readline()
        while f"run {number_of_run} finished" not in line:
            line = watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=60)
        assert f"agent {number} works on" in said
        assert watching.returncode == 0
    assert f"agent {number} takes no more; 0 runs to finish" in attempt("stop", number).stderr
    until(lambda: not agents(store))
    assert attempt("attach").returncode == 1
    assert "no agent is at work" in attempt("agents").stderr


def test_a_detached_agent_that_cannot_start_says_why(store, tmp_path):
    (tmp_path / "sweep.yaml").write_text(
        "method: grid\ncommand: ['true']\nparameters: {a: {value: 1}}\nhomerun: {gpus: 9}\n"
    )
    done = start("agent", attempt("sweep", "sweep.yaml").stdout.strip(), "--detach")
    assert done.returncode == 2
    assert "each run is to have 9 GPUs" in done.stderr


def test_detach_moves_an_agent_out_of_its_terminal(store, tmp_path):
    add("sh", "-c", f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; exit 3")
    with running("agent", "--slots", "2", env=os.environ) as process:
        until(lambda: states(store) == [RunState.RUNNING])
        (before,) = agents(store)
        assert "in a terminal of its own" in attempt("attach", before.number).stderr
        done = attempt("detach")
        assert done.returncode == 0, done.stderr
        assert process.wait(timeout=60) == 130
    (after,) = agents(store)
    assert (after.slots, bool(after.log), after.argv) == (2, True, ("agent", "--slots=2"))
    assert "is detached already" in attempt("detach", after.number).stderr
    (tmp_path / "go").touch()
    until(lambda: states(store) == [RunState.FAILED])
    assert store.runs()[0].exit_code == 3
    until(lambda: not agents(store))


def test_stop_of_a_sweep_drains_it(store, tmp_path):
    (tmp_path / "sweep.yaml").write_text(
        "method: grid\ncommand: [sleep, '0.5']\nparameters: {a: {values: [1, 2, 3]}}\n"
    )
    sweep = attempt("sweep", "sweep.yaml").stdout.strip()
    with running("agent", sweep, env=os.environ) as process:
        until(lambda: RunState.RUNNING in states(store))
        done = attempt("stop", sweep)
        assert f"sweep {sweep} starts no more; 1 run to finish" in done.stderr
        assert process.wait(timeout=60) == 0
    assert states(store).count(RunState.FINISHED) == 1
    assert states(store).count(RunState.PENDING) == 2


def test_stop_now_lets_the_runs_go_on(store, tmp_path):
    add("sh", "-c", f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done")
    with running("agent", env=os.environ) as process:
        until(lambda: states(store) == [RunState.RUNNING])
        assert attempt("stop", "--all", "--now").returncode == 0
        assert process.wait(timeout=60) == 130
    assert states(store) == [RunState.RUNNING]
    (tmp_path / "go").touch()
    until(lambda: attempt("ls").returncode == 0 and states(store) == [RunState.FINISHED])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("stop",), "name a SWEEP or AGENT, or give --all"),
        (("stop", "9"), "no agent answers to '9'"),
        (("attach", "9"), "no agent answers to '9'"),
        (("detach",), "there is no agent in a terminal"),
        (("agent", "x3", "--stay"), "leave SWEEP out"),
        (("agent", "--gpu-memory", "some"), "'some' is no size"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(store, arguments, text):
    done = attempt(*arguments)
    assert done.returncode != 0
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_agent_outlives_its_terminal(store, tmp_path):
    add("sh", "-c", f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done")
    shell = subprocess.Popen(
        ["sh", "-c", "homerun agent --detach; sleep 60"], start_new_session=True
    )
    until(lambda: states(store) == [RunState.RUNNING])
    os.killpg(shell.pid, signal.SIGHUP)
    os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()
    (tmp_path / "go").touch()
    until(lambda: states(store) == [RunState.FINISHED])
    until(lambda: not agents(store))
