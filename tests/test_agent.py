"""Agents: slots, the queue, retries, rules, several at once, and being asked to stop."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from homerun.agent import (
    Done,
    Ended,
    Outcome,
    Progress,
    Started,
    Trouble,
    Waiting,
    Wishes,
    create_sweep,
    kill,
    run_command,
    single,
    work_sweep,
)
from homerun.core import ALIVE, RunState, SpecError, StoreError, SweepState, UsageError
from homerun.spec import from_dict
from homerun.store import Store, read_json, settle
from tests.agent_home import AGENT, gone, make_sweep, python, start_agent, until, work


@pytest.fixture
def store(home):
    with Store(home) as store:
        yield store
    gone(home)


def states(store, sweep):
    return store.counts(sweep.id)


def running(store, sweep):
    """Return the runs whose programs have been started."""
    runs = store.runs(sweep=sweep.id, states=ALIVE)
    return [run for run in runs if read_json(store.folder(run.id).path / "process.json")]


# A sweep from its start to its end


def test_sweep_runs_every_configuration_once(store, tmp_path):
    sweep = make_sweep(
        store, ["/bin/sh", "-c", "echo $0 >> seen", "${args}"], values=7, cwd=tmp_path
    )
    assert (sweep.planned, sweep.project) == (7, "tests")
    done, events = work(store, sweep, slots=2)
    assert done == Done(outcome=Outcome.COMPLETE, reason="")
    assert sorted((tmp_path / "seen").read_text().split()) == [f"--n={i}" for i in range(7)]
    assert states(store, sweep) == {RunState.FINISHED: 7}
    assert store.sweep(sweep.id).state == SweepState.FINISHED
    assert events[-1] == done
    assert {event.slot.index for event in events if isinstance(event, Started)} == {0, 1}
    ended = [event for event in events if isinstance(event, Ended)]
    assert sorted(event.run.config["n"] for event in ended) == list(range(7))
    assert all(event.run.state == RunState.FINISHED for event in ended)
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert (last.done, last.planned, last.running, last.failed) == (7, 7, 0, 0)
    for run in store.runs(sweep=sweep.id):
        assert run.argv == ("/bin/sh", "-c", "echo $0 >> seen", f"--n={run.config['n']}")
        assert run.exit_code == 0
        assert 0 < run.runtime_s < 20
    again, _ = work(store, store.sweep(sweep.id))
    assert again.outcome == Outcome.COMPLETE


def test_program_is_told_what_wandb_tells(store, tmp_path):
    names = "HOMERUN_HOME HOMERUN_PROJECT WANDB_PROJECT WANDB_SWEEP_ID WANDB_RUN_ID WANDB_ENTITY"
    code = "import os, json, sys, pathlib\n"
    code += f"told = {{name: os.environ[name] for name in {names.split()}}}\n"
    code += "told['yaml'] = pathlib.Path(os.environ['WANDB_SWEEP_PARAM_PATH']).read_text()\n"
    code += "told['json'] = json.load(open(sys.argv[1]))\n"
    code += "told['config'] = json.load(open(os.environ['WANDB_DIR'] + '/config.json'))\n"
    code += "told['same'] = os.environ['HOMERUN_RUN_ID'] == os.environ['WANDB_RUN_ID']\n"
    code += "print(json.dumps(told))"
    command = [sys.executable, "-c", code, "${args_json_file}"]
    sweep = make_sweep(store, command, entity="me", cwd=tmp_path)
    work(store, sweep)
    (run,) = store.runs(sweep=sweep.id)
    told = json.loads(store.folder(run.id).output.read_text())
    assert told == {
        "HOMERUN_HOME": str(store.home),
        "HOMERUN_PROJECT": "tests",
        "WANDB_PROJECT": "tests",
        "WANDB_SWEEP_ID": sweep.id,
        "WANDB_RUN_ID": run.id,
        "WANDB_ENTITY": "me",
        "yaml": "wandb_version: 1\n\nn:\n  value: 0\n",
        "json": {"n": 0},
        "config": {"n": 0},
        "same": True,
    }


def test_sweep_that_cannot_run_is_refused_at_once(store, tmp_path):
    spec = {"method": "grid", "parameters": {"n": {"values": [1]}}}
    with pytest.raises(SpecError, match="program"):
        create_sweep(store, from_dict(spec), cwd=tmp_path)
    assert store.sweeps() == []


def test_count_limits_what_an_agent_starts(store):
    sweep = make_sweep(store, ["/bin/true"], values=9)
    done, events = work(store, sweep, slots=2, count=3)
    assert done.outcome == Outcome.COUNT
    assert sum(isinstance(event, Started) for event in events) == 3
    assert states(store, sweep)[RunState.FINISHED] == 3
    assert store.sweep(sweep.id).state == SweepState.RUNNING


def test_failures_are_tried_again_as_runs_of_their_own(store, tmp_path):
    code = "import sys, pathlib; mark = pathlib.Path('mark' + sys.argv[1])\n"
    code += "old = mark.exists(); mark.touch(); sys.exit(0 if old else 4)"
    sweep = make_sweep(store, python(code), values=3, cwd=tmp_path, homerun={"retries": 2})
    done, events = work(store, sweep, slots=2, max_failures=0)
    assert done.outcome == Outcome.COMPLETE
    assert states(store, sweep) == {RunState.FINISHED: 3, RunState.FAILED: 3}
    assert sorted(run.attempt for run in store.runs(sweep=sweep.id)) == [1, 1, 1, 2, 2, 2]
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert (last.done, last.planned, last.failed) == (3, 3, 0)


def test_failure_of_one_run_never_stops_the_sweep(store):
    sweep = make_sweep(store, python("import sys; sys.exit('1' in sys.argv[1])"), values=12)
    done, _ = work(store, sweep, slots=2)
    assert done.outcome == Outcome.COMPLETE
    assert states(store, sweep) == {RunState.FINISHED: 9, RunState.FAILED: 3}


def test_nothing_but_failures_pause_the_sweep_and_say_why(store):
    sweep = make_sweep(store, python("raise ImportError('no module named touch')"), values=30)
    done, _ = work(store, sweep, slots=1, max_failures=3)
    assert done.outcome == Outcome.PAUSED
    reason = "3 runs in a row failed and none succeeded; the last one: "
    assert done.reason == reason + "exit code 1: ImportError: no module named touch"
    record = store.sweep(sweep.id)
    assert (record.state, record.reason) == (SweepState.PAUSED, done.reason)
    assert states(store, sweep)[RunState.FAILED] == 3
    store.set_sweep(sweep.id, SweepState.RUNNING)  # the user has mended it, or so it seems
    done, _ = work(store, store.sweep(sweep.id), slots=1, max_failures=2)
    assert done.outcome == Outcome.PAUSED
    assert states(store, sweep)[RunState.FAILED] == 5


def test_number_of_failures_comes_from_option_file_or_wandb(store, monkeypatch):
    plain = make_sweep(store, ["/bin/false"], values=30)
    filed = make_sweep(store, ["/bin/false"], values=30, homerun={"max_failures": 2})
    monkeypatch.setenv("WANDB_AGENT_MAX_INITIAL_FAILURES", "3")
    for sweep, options, failed in [(plain, {}, 3), (filed, {}, 2), (plain, {"max_failures": 4}, 7)]:
        store.set_sweep(sweep.id, SweepState.RUNNING)
        work(store, store.sweep(sweep.id), slots=1, **options)
        assert states(store, sweep)[RunState.FAILED] == failed


def test_target_that_is_reached_ends_the_sweep(store):
    code = "import sys, os, json, time, homerun as hr\n"
    code += "n = int(sys.argv[1][4:])\n"
    code += "with hr.init() as run: run.log({'acc': n / 10})"
    metric = {"name": "acc", "goal": "maximize", "target": 0.3}
    sweep = make_sweep(store, python(code), values=9, metric=metric)
    done, _ = work(store, sweep, slots=1)
    assert done.outcome == Outcome.TARGET
    assert done.reason == "run 4 reached the target: acc = 0.3"
    assert states(store, sweep) == {RunState.FINISHED: 4, RunState.PENDING: 5}
    done, events = work(store, store.sweep(sweep.id))
    assert (done.outcome, done.reason) == (Outcome.COMPLETE, "run 4 reached the target: acc = 0.3")
    assert not any(isinstance(event, Started) for event in events)


def test_program_that_calls_finish_with_an_error_has_failed(store):
    code = "import homerun as hr; run = hr.init(); run.finish(exit_code=3)"
    sweep = make_sweep(store, python(code), homerun={"retries": 1})
    done, _ = work(store, sweep)
    assert done.outcome == Outcome.COMPLETE
    runs = store.runs(sweep=sweep.id)
    assert [(run.state, run.exit_code) for run in runs] == [(RunState.FAILED, 3)] * 2


def test_ended_runs_are_folded(store):
    code = "import homerun as hr\nwith hr.init() as run:\n    run.log({'loss': 0.5})"
    sweep = make_sweep(store, python(code))
    _, events = work(store, sweep)
    (ended,) = [event for event in events if isinstance(event, Ended)]
    assert ended.run.summary["loss"] == 0.5
    assert not list(store.folder(ended.run.id).path.glob("journal*"))


def test_timeout_of_the_sweep_file_holds(store):
    sweep = make_sweep(store, ["/bin/sleep", "60"], homerun={"timeout": 0.3})
    work(store, sweep)
    (run,) = store.runs(sweep=sweep.id)
    assert (run.state, run.reason) == (RunState.FAILED, "timeout after 0.3s")


# Slots


def test_run_sees_the_gpu_of_its_slot(store, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-3,GPU-5")
    code = "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES']); time.sleep(0.3)"
    sweep = make_sweep(store, python(code), values=2)
    _, events = work(store, sweep)
    assert [e.slot.devices for e in events if isinstance(e, Started)] == [("GPU-3",), ("GPU-5",)]
    seen = [store.folder(run.id).output.read_text() for run in store.runs(sweep=sweep.id)]
    assert seen == ["GPU-3\n", "GPU-5\n"]


# Several agents, and what they say


def test_two_agents_and_two_submitters_run_each_configuration_once(store, tmp_path):
    command = ["/bin/sh", "-c", "echo $0 >> seen", "${args}"]
    first = make_sweep(store, command, values=60, cwd=tmp_path)
    made = []
    submitter = threading.Thread(target=lambda: made.append(_submit(store.home, command, tmp_path)))
    submitter.start()
    agents = [start_agent(first, slots=2) for _ in range(2)]
    submitter.join()
    agents += [start_agent(made[0], slots=2) for _ in range(2)]
    for agent in agents:
        out, err = agent.communicate(timeout=60)
        assert agent.returncode == 0, err
        assert "Outcome.COMPLETE" in out
    seen = Counter((tmp_path / "seen").read_text().split())
    assert seen == Counter({f"--n={i}": 2 for i in range(60)})
    for sweep in (first, made[0]):
        assert states(store, sweep) == {RunState.FINISHED: 60}
        assert store.sweep(sweep.id).state == SweepState.FINISHED


def _submit(home, command, cwd):
    with Store(home) as store:
        return make_sweep(store, command, values=60, cwd=cwd)


def test_agent_says_what_it_waits_for(store, tmp_path):
    (tmp_path / "go").mkdir()
    code = "import os, time\nwhile os.path.exists('go'): time.sleep(0.02)"
    sweep = make_sweep(store, python(code), cwd=tmp_path)
    first = start_agent(sweep)
    until(lambda: running(store, sweep))
    second = start_agent(sweep)
    line = until(second.stdout.readline)
    while line.split()[0] != "Waiting":
        line = until(second.stdout.readline)
    assert line == "Waiting - the last 1 run in the hands of other agents\n"
    (tmp_path / "go").rmdir()
    assert "Outcome.COMPLETE" in second.communicate(timeout=60)[0]
    assert "Outcome.COMPLETE" in first.communicate(timeout=60)[0]


def test_agent_waits_while_the_sweep_is_paused_and_ends_when_it_is_canceled(store):
    sweep = make_sweep(store, ["/bin/sleep", "60"], values=2)
    store.set_sweep(sweep.id, SweepState.PAUSED, "lunch")
    events = []

    def on_event(event):
        events.append(event)
        if isinstance(event, Waiting):
            store.set_sweep(sweep.id, SweepState.RUNNING)
        if isinstance(event, Started):
            store.set_sweep(sweep.id, SweepState.CANCELED, "enough")

    done = work_sweep(store, sweep, on_event=on_event)
    (waiting,) = [event for event in events if isinstance(event, Waiting)]
    assert (
        waiting.reason == f"sweep {sweep.id} is paused: lunch; to go on: homerun resume {sweep.id}"
    )
    assert (done.outcome, done.reason) == (Outcome.CANCELED, "enough")
    assert states(store, sweep) == {RunState.KILLED: 1, RunState.PENDING: 1}


def test_progress_tells_the_time_that_is_left(store):
    sweep = make_sweep(store, ["/bin/sleep", "0.2"], values=4)
    _, events = work(store, sweep, slots=2)
    estimates = [event.eta_s for event in events if isinstance(event, Progress)]
    assert estimates[0] is None
    known = [estimate for estimate in estimates if estimate is not None]
    assert known
    assert all(0 <= estimate < 5 for estimate in known)


def test_locked_database_is_waited_for(home):
    with Store(home, timeout_s=0.2) as store:
        sweep = make_sweep(store, ["/bin/sleep", "0.3"], values=3)
        blocker = sqlite3.connect(store.path, isolation_level=None)
        timers = []
        events = []

        def on_event(event):
            events.append(event)
            if isinstance(event, Started) and not timers:
                blocker.execute("BEGIN IMMEDIATE")
                timers.append(event)
            elif isinstance(event, Trouble):
                blocker.execute("ROLLBACK")

        done = work_sweep(store, sweep, wishes=Wishes(slots=1), on_event=on_event)
        blocker.close()
        assert done.outcome == Outcome.COMPLETE
        assert states(store, sweep) == {RunState.FINISHED: 3}
        (trouble,) = [event for event in events if isinstance(event, Trouble)]
        assert "database is locked" in trouble.text
        assert "trying again" in trouble.text


FULL = """
import os, pathlib, threading
from homerun.agent import Started, Trouble, Wishes, work_sweep
from homerun.store import Store
from tests.agent_home import make_sweep
home = pathlib.Path(os.environ["HOMERUN_HOME"])
ballast = home / "ballast"
troubles = []

def on_event(event):
    if isinstance(event, Started) and not troubles and not ballast.exists():
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
    if isinstance(event, Trouble):
        troubles.append(event.text)
        threading.Timer(0.5, ballast.unlink, kwargs={"missing_ok": True}).start()

with Store(home) as store:
    sweep = make_sweep(store, ["/bin/sh", "-c", "sleep 0.2; yes | head -c 50000"], values=6)
    done = work_sweep(store, sweep, wishes=Wishes(slots=2), on_event=on_event)
    print(done.outcome, *sorted(store.counts(sweep.id).items()), troubles)
    print(store.rows("PRAGMA integrity_check"))
"""


def test_disk_that_is_full_is_waited_for(home, tmp_path):
    """On a file system of 3 MiB, in a mount namespace of its own."""
    home.mkdir()
    new = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    mounted = 'mount -t tmpfs -o size=3m tmpfs "$0" && exec "$@"'
    command = [*new, "/bin/sh", "-c", mounted, home, sys.executable, "-c", FULL]
    here = Path(__file__).parent.parent
    result = subprocess.run(
        command, cwd=here, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    said, integrity, *_ = result.stdout.splitlines()
    assert said.startswith("complete (<RunState.FINISHED: 'finished'>, 6) ['")
    assert "full" in said
    assert "trying again" in said
    assert integrity == "[('ok',)]"


# Being asked to stop


def test_ctrl_c_once_finishes_what_runs(store, tmp_path):
    (tmp_path / "go").mkdir()
    code = "import os, time\nwhile os.path.exists('go'): time.sleep(0.02)"
    sweep = make_sweep(store, python(code), values=9, cwd=tmp_path)
    agent = start_agent(sweep, slots=2)
    until(lambda: len(running(store, sweep)) == 2)
    agent.send_signal(signal.SIGINT)
    until(lambda: agent.stdout.readline().startswith("Stopping"))
    (tmp_path / "go").rmdir()
    assert "Outcome.INTERRUPTED" in agent.communicate(timeout=60)[0]
    assert states(store, sweep) == {RunState.FINISHED: 2, RunState.PENDING: 7}


def test_ctrl_c_twice_stops_what_runs(store):
    sweep = make_sweep(store, ["/bin/sleep", "60"], values=9)
    agent = start_agent(sweep, slots=2)
    until(lambda: len(running(store, sweep)) == 2)
    for _ in range(2):
        agent.send_signal(signal.SIGINT)
        until(lambda: agent.stdout.readline().startswith("Stopping"))
    assert "Outcome.INTERRUPTED" in agent.communicate(timeout=60)[0]
    assert states(store, sweep) == {RunState.KILLED: 2, RunState.PENDING: 7}
    reasons = {run.reason for run in store.runs(sweep=sweep.id, states=[RunState.KILLED])}
    assert reasons == {"stopped by Ctrl-C"}


def test_sigterm_leaves_the_runs_to_themselves(store, tmp_path):
    (tmp_path / "go").mkdir()
    code = "import os, sys, time\nwhile os.path.exists('go'): time.sleep(0.02)\nsys.exit(6)"
    sweep = make_sweep(store, python(code), values=2, cwd=tmp_path)
    agent = start_agent(sweep, slots=1)
    until(lambda: running(store, sweep))
    agent.terminate()
    out, _ = agent.communicate(timeout=60)
    assert "Outcome.LEFT" in out
    assert "1 run left to go on without an agent" in out
    (run,) = running(store, sweep)
    (tmp_path / "go").rmdir()
    until(lambda: store.run(run.id).is_ended)  # its supervisor told the database
    assert (store.run(run.id).state, store.run(run.id).exit_code) == (RunState.FAILED, 6)


def test_signals_that_were_ignored_stay_so(store):
    """`nohup homerun agent &` in a script: neither SIGHUP nor the terminal's Ctrl-C is for it."""
    sweep = make_sweep(store, ["/bin/sleep", "0.5"])
    ignore = "import signal\nsignal.signal(1, signal.SIG_IGN); signal.signal(2, signal.SIG_IGN)\n"
    agent = subprocess.Popen(
        [sys.executable, "-c", ignore + AGENT, sweep.id, "{}", "{}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    until(lambda: running(store, sweep))
    agent.send_signal(signal.SIGHUP)
    agent.send_signal(signal.SIGINT)
    assert "Outcome.COMPLETE" in agent.communicate(timeout=60)[0]


def test_kill_ends_pending_and_running_runs(store):
    sweep = make_sweep(store, ["/bin/sleep", "60"], values=3)
    agent = start_agent(sweep, slots=1)
    (first,) = until(lambda: running(store, sweep))
    pending = store.runs(sweep=sweep.id, states=[RunState.PENDING])
    ends = kill(store, first, *pending, reason="a mistake")
    assert set(ends) == {run.id for run in (first, *pending)}
    assert states(store, sweep) == {RunState.KILLED: 3}
    assert {run.reason for run in store.runs(sweep=sweep.id)} == {"a mistake"}
    assert "Outcome.COMPLETE" in agent.communicate(timeout=60)[0]
    assert kill(store, store.run(first.id)) == {}


def test_kill_reaches_a_program_whose_supervisor_is_dead(store):
    sweep = make_sweep(store, ["/bin/sleep", "60"])
    agent = start_agent(sweep)
    (run,) = until(lambda: running(store, sweep))
    agent.kill()
    agent.communicate()
    process = read_json(store.folder(run.id).path / "process.json")
    os.kill(int(process["supervisor"].split("/")[2]), signal.SIGKILL)
    until(lambda: not store.folder(run.id).is_held())
    (end,) = kill(store, run).values()
    assert (end.state, end.reason) == (RunState.KILLED, "killed by the user")
    assert store.run(run.id).state == RunState.KILLED


def test_kill_reaches_a_program_that_was_started_by_hand(store):
    code = "import homerun as hr, time\nrun = hr.init()\nrun.log({'a': 1})\ntime.sleep(60)"
    program = subprocess.Popen([sys.executable, "-c", code], stdout=-3, stderr=-3)
    runs = until(lambda: settle(store) and [run for run in store.runs() if run.summary])
    ends = kill(store, *runs)
    assert program.wait(timeout=60) == -signal.SIGTERM
    assert [end.state for end in ends.values()] == [RunState.KILLED]
    (run,) = store.runs()
    assert (run.state, run.reason, run.summary["a"]) == (RunState.KILLED, "killed by the user", 1)


# One command


def test_command_is_one_tracked_run(store, tmp_path):
    with (tmp_path / "shown").open("wb") as shown:
        ended = run_command(
            store,
            ["/bin/sh", "-c", "echo out; pwd; exit 3", "--api_key=sk-" + "a1" * 20],
            project="tests",
            name="mine",
            cwd=tmp_path,
            output=shown,
        )
    assert (ended.end.state, ended.end.exit_code) == (RunState.FAILED, 3)
    run = store.run(ended.run.id)
    assert run == ended.run
    assert (run.name, run.project, run.cwd) == ("mine", "tests", str(tmp_path))
    assert "a1a1" not in str(run.argv)
    assert (tmp_path / "shown").read_text() == f"out\n{tmp_path}\n"
    assert store.folder(run.id).output.read_text() == f"out\n{tmp_path}\n"


def test_command_that_logs_is_folded_into_its_run(store, tmp_path):
    code = "import homerun as hr\nwith hr.init(config={'lr': 0.1}) as run: run.log({'loss': 1.5})"
    ended = run_command(store, [sys.executable, "-c", code], project="tests", cwd=tmp_path)
    assert ended.end.state == RunState.FINISHED
    assert (ended.run.config, ended.run.summary["loss"]) == ({"lr": 0.1}, 1.5)
    assert len(store.runs()) == 1


def test_an_end_that_cannot_be_recorded_is_said_and_kept(store, monkeypatch):
    def full(*_):
        raise StoreError("the disk is full")

    monkeypatch.setattr(single, "record_ends", full)
    monkeypatch.setattr(single, "_PATIENCE_S", 0)
    with pytest.raises(StoreError, match="the disk is full"):
        run_command(store, ["/bin/true"], project="tests")
    settle(store)
    assert [run.state for run in store.runs()] == [RunState.FINISHED]


def test_command_needs_a_program(store):
    with pytest.raises(UsageError, match="homerun run -- python"):
        run_command(store, [], project="tests")
    ended = run_command(store, ["no-such-program"], project="tests")
    assert (ended.run.state, ended.run.exit_code) == (RunState.FAILED, 127)


def test_ctrl_c_is_passed_on_to_the_command(store):
    code = "import time\ntry:\n    print('on', flush=True); time.sleep(60)\n"
    code += "except KeyboardInterrupt:\n    print('saved')"
    told = []

    def interrupt(run):
        log = store.folder(run.id).output
        until(lambda: log.exists() and "on" in log.read_text())
        os.kill(os.getpid(), signal.SIGINT)
        told.append(run)

    ended = run_command(store, [sys.executable, "-c", code], project="tests", on_start=interrupt)
    assert (ended.run.state, ended.run.reason) == (RunState.KILLED, "stopped by Ctrl-C")
    assert store.folder(told[0].id).output.read_text() == "on\nsaved\n"
