"""Function agents: the function runs once for each run, in a process of its own or in this one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import homerun
from homerun.agent.functions import refuse_gpu_in_use
from homerun.core import RunState, SpecError, UsageError
from homerun.store import Store, agents
from tests.agent_home import gone, until
from tests.cli_call import attempt

PROGRAM = """
import os, signal, sys, time
import homerun as wandb

BOTH = [1, 2]

def sweep(values, **more):
    parameters = {"n": {"values": values}}
    return wandb.sweep({"method": "grid", "parameters": parameters, **more}, project="digits")

"""


def make(values=(1, 2), **more):
    parameters = {"n": {"values": list(values)}}
    return homerun.sweep({"method": "grid", "parameters": parameters, **more}, project="digits")


def runs_of(sweep_id):
    with Store() as store:
        return store.runs(sweep=sweep_id)


def program(tmp_path, text, *, wait=True, **env):
    """Start a program that makes a sweep and is its agent."""
    path = tmp_path / "notebook.py"
    path.write_text(PROGRAM + text)
    process = subprocess.Popen(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    if not wait:
        return process
    out, errors = process.communicate(timeout=60)
    return process.returncode, out, errors


@pytest.mark.parametrize("in_process", [False, True])
def test_each_run_finds_its_configuration(home, tmp_path, in_process):
    code, out, errors = program(
        tmp_path,
        f"""
seen = []

def train():
    run = wandb.init(config={{"n": 99, "batch": 8}})
    run.config.update({{"n": 7}}, allow_val_change=True)  # it belongs to the sweep
    wandb.log({{"loss": 1 / run.config.n}})
    seen.append(run.config.n)
    print("n is", run.config.n, "in", os.getpid())

wandb.agent("me/digits/" + sweep(BOTH), train, in_process={in_process})
print("seen", seen, "in", os.getpid())
""",
    )
    assert code == 0, errors
    ends = [line for line in out.splitlines() if line.startswith(("n is", "seen"))]
    pids = [line.split()[-1] for line in ends]
    assert [line.split()[2] for line in ends[:2]] == ["1", "2"]
    assert (len(set(pids)), "[1, 2]" in ends[2]) == ((1, True) if in_process else (3, False))
    with Store(home) as store:
        runs = store.runs()
        assert [run.state for run in runs] == ["finished", "finished"]
        assert [run.config for run in runs] == [{"n": 1, "batch": 8}, {"n": 2, "batch": 8}]
        assert [run.summary["loss"] for run in runs] == [1.0, 0.5]
        assert store.sweep(runs[0].sweep).state == "finished"
        logs = [store.folder(run.id).output.read_text() for run in runs]
    assert ["n is 1 in" in logs[0], "n is 2 in" in logs[1], "n is 2" in logs[0]] == [1, 1, 0]
    gone(home)


@pytest.mark.parametrize("in_process", [False, True])
def test_an_exception_fails_the_run_and_not_the_agent(home, tmp_path, in_process):
    code, _, errors = program(
        tmp_path,
        f"""
def train():
    run = wandb.init()
    if run.config.n == 1:
        raise ValueError("no such layer")
    if run.config.n == 2:
        sys.exit(3)

wandb.agent(sweep([1, 2, 3]), train, in_process={in_process})
""",
    )
    assert code == 0, errors
    runs = runs_of(None)
    assert [(run.state, run.exit_code) for run in runs] == [
        ("failed", 1),
        ("failed", 3),
        ("finished", 0),
    ]
    assert "no such layer" in runs[0].reason
    with Store(home) as store:
        log = store.folder(runs[0].id).output.read_text()
        detail = store.row("SELECT detail FROM run WHERE id = ?", (runs[0].id,))[0]
    assert "in train" in log
    assert "functions.py" not in log
    assert "no such layer" in detail
    gone(home)


def test_a_function_that_tracks_nothing_is_a_run_all_the_same(home):
    sweep_id = make()
    homerun.agent(sweep_id, lambda: None)
    assert [run.state for run in runs_of(sweep_id)] == ["finished", "finished"]
    homerun.agent(sweep_id, lambda: None)  # nothing left: ends at once
    assert len(runs_of(sweep_id)) == 2


def test_closures_environment_and_folder_come_along(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_SETTING", "kept")
    sweep_id = make([1])

    def train():
        Path("here").write_text(os.environ["MY_SETTING"] + sweep_id)

    homerun.agent(sweep_id, train)
    assert (tmp_path / "here").read_text() == "kept" + sweep_id
    assert "HOMERUN_RUN_ID" not in os.environ
    assert runs_of(sweep_id)[0].argv[0].endswith("train()")


def test_count_bounds_the_runs(home):
    sweep_id = make(range(5))
    homerun.agent(sweep_id, lambda: None, count=2)
    assert sum(run.state == "finished" for run in runs_of(sweep_id)) == 2
    with pytest.raises(UsageError, match="1 or more"):
        homerun.agent(sweep_id, lambda: None, count=0)


def test_five_failures_in_a_row_pause_the_sweep(home):
    sweep_id = make(range(9))

    def train():
        raise RuntimeError("never works")

    homerun.agent(sweep_id, train)
    with Store() as store:
        record = store.sweep(sweep_id)
        assert record.state == "paused"
        assert "never works" in record.reason
        assert store.counts(sweep_id)[RunState.FAILED] == 5


def test_the_agent_is_known_and_a_run_can_be_killed(home, tmp_path):
    process = program(
        tmp_path,
        """
def train():
    wandb.init()
    time.sleep(60 if wandb.config.n == 1 else 0)

wandb.agent(sweep(BOTH), train)
print("went on")
""",
        wait=False,
    )
    try:
        with Store(home) as store:
            run = until(lambda: next((run for run in store.runs() if run.state == "running"), None))
            assert [record.serves for record in agents(store)] == [run.sweep]
            until((store.folder(run.id).path / "journal").exists)
        assert attempt("kill", run.id).returncode == 0
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert "went on" in out, errors
    assert [run.state for run in runs_of(None)] == ["killed", "finished"]
    gone(home)


def test_ctrl_c_in_this_process_kills_the_run_and_ends_the_agent(home, tmp_path):
    code, out, errors = program(
        tmp_path,
        """
def train():
    wandb.init()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

wandb.agent(sweep(BOTH), train, in_process=True)
print("went on")
""",
    )
    assert (code, out) == (0, "went on\n"), errors
    assert [run.state for run in runs_of(None)] == ["killed", "pending"]


def test_ctrl_c_lets_the_process_of_a_run_finish(home, tmp_path):
    process = program(
        tmp_path,
        """
def train():
    wandb.init()
    while not os.path.exists("go"):
        time.sleep(0.01)

wandb.agent(sweep(BOTH), train)
print("went on")
""",
        wait=False,
    )
    try:
        with Store(home) as store:
            run = until(lambda: next((run for run in store.runs() if run.state == "running"), None))
            until((store.folder(run.id).path / "journal").exists)
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.1)
        (tmp_path / "go").touch()
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, "went on\n"), errors
    assert [run.state for run in runs_of(None)] == ["finished", "pending"]


def test_a_run_outlives_the_process_it_was_started_from(home, tmp_path):
    process = program(
        tmp_path,
        """
def train():
    wandb.init()
    while not os.path.exists("go"):
        time.sleep(0.01)
    wandb.log({"end": 1})

wandb.agent(sweep([1]), train)
""",
        wait=False,
    )
    with Store(home) as store:
        run = until(lambda: next((run for run in store.runs() if run.state == "running"), None))
        until((store.folder(run.id).path / "journal").exists)
        process.kill()
        process.communicate()
        (tmp_path / "go").touch()
        until(lambda: store.run(run.id).state == "finished")
        assert store.run(run.id).summary["end"] == 1
    gone(home)


def test_a_process_that_uses_a_gpu_is_not_forked(tmp_path):
    descriptors = tmp_path / "fd"
    descriptors.mkdir()
    (descriptors / "0").symlink_to("/dev/nvidiactl")  # as NVML has it
    refuse_gpu_in_use(descriptors)
    (descriptors / "1").symlink_to("/dev/nvidia-uvm")
    with pytest.raises(UsageError, match="in_process=True"):
        refuse_gpu_in_use(descriptors)


def test_the_environment_can_ask_for_this_process(home, monkeypatch):
    monkeypatch.setenv("HOMERUN_AGENT_INPROCESS", "true")
    pids = []
    homerun.agent(make(), lambda: pids.append(os.getpid()))
    assert pids == [os.getpid()] * 2


def test_what_cannot_be_is_said(home, capfd):
    sweep_id = make([1])
    with pytest.raises(homerun.NotFoundError, match="'digits', not in 'other'"):
        homerun.agent(f"me/other/{sweep_id}", lambda: None)
    with pytest.raises(homerun.NotFoundError):
        homerun.agent("nowhere", lambda: None)
    with pytest.raises(UsageError, match="function"):
        homerun.agent(sweep_id, "train")
    with pytest.raises(UsageError, match="dictionary"):
        homerun.sweep(7)
    with pytest.raises(SpecError):
        homerun.sweep({"method": "grid"})
    with pytest.raises(UsageError, match="has no program"):
        homerun.agent(sweep_id)
    with homerun.init(project="digits"), pytest.raises(UsageError, match="finish"):
        homerun.agent(sweep_id, lambda: None, in_process=True)
    assert not {run.state for run in runs_of(sweep_id)} - {RunState.PENDING}
    done = attempt("agent", sweep_id)
    assert (done.returncode, "homerun.agent(" in done.stderr) == (2, True)
    done = attempt("agent")  # the whole queue: what it cannot do is no reason to fail
    assert (done.returncode, sweep_id in done.stderr) == (0, True)


def test_a_sweep_with_a_program_needs_no_function(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("import homerun as wandb\nwandb.init().summary['m'] = 1\n")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    sweep_id = homerun.sweep(
        lambda: {"method": "grid", "program": "train.py", "parameters": {}} | values(),
        entity="me",
    )
    homerun.agent(sweep_id, forward_signals=True)
    assert [run.summary["m"] for run in runs_of(sweep_id)] == [1, 1]


def values():
    return {
        "parameters": {"n": {"values": [1, 2]}},
        "command": ["${interpreter}", "${program}"],
    }


def test_the_controller_is_accepted(home, capfd):
    controller = homerun.controller({"method": "grid", "parameters": {"n": {"value": 1}}})
    controller.run()
    assert not controller.done()
    homerun.agent(controller.create(), lambda: None)
    assert controller.done()
    assert "no controller is needed" in capfd.readouterr().err
    with pytest.raises(UsageError, match="no sweep"):
        homerun.controller()


def test_two_trivial_runs_are_soon_done(home):
    sweep_id = make()
    started = time.monotonic()
    homerun.agent(sweep_id, lambda: None)
    assert time.monotonic() - started < 20  # 0.3 s on an idle machine; this one may be busy
