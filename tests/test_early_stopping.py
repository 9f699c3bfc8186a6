"""Runs that a rule stops early: real agents, real programs, what becomes of the runs and when."""

import json
import os
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

import homerun as hr
from homerun.agent import Outcome, Trouble, kill
from homerun.agent.early import EarlyStopping
from homerun.agent.functions import work_function
from homerun.agent.stopping import request_end
from homerun.core import ALIVE, End, RunState, SweepState
from homerun.store import Store, fold, parse_identity, read_json, runs_frame
from homerun.store import journal as jr
from tests.agent_home import Runner, gone, make_sweep, python, start_agent, until, work
from tests.cli_call import call
from tests.cli_home import write_journal

LOSS = {"name": "loss", "goal": "minimize"}
THIRD = {"type": "hyperband", "min_iter": 3, "eta": 2}
# The first runs are good and quick; the last one is bad and has all the time of the world.
PROGRAM = """
import sys, time, homerun as hr
n, bad = int(sys.argv[1][4:]), {bad}
run = hr.init()
for i in range(3):
    run.log({{'loss': {sign} * (1.0 if n == bad else n / 10), 'time': time.time()}})
if n == bad:
    time.sleep(60)
"""


@pytest.fixture
def store(home):
    with Store(home) as store:
        yield store
    gone(home)


def trained(bad=2, sign=1):
    return python(PROGRAM.format(bad=bad, sign=sign))


def by_n(store, sweep):
    """Return the runs of a sweep by their value of n."""
    return {run.config["n"]: run for run in store.runs(sweep=sweep.id)}


def test_bad_run_is_stopped_at_its_log_call(store):
    sweep = make_sweep(
        store, trained(), values=4, metric=LOSS, early_terminate=THIRD, homerun={"retries": 2}
    )
    done, _ = work(store, sweep, slots=1, max_failures=1)
    assert done.outcome == Outcome.COMPLETE
    runs = by_n(store, sweep)
    assert len(runs) == len(store.runs(sweep=sweep.id))  # none was tried again
    stopped = runs.pop(2)
    assert (stopped.state, stopped.censored, stopped.retries) == (RunState.KILLED, True, 2)
    assert stopped.reason == (
        "hyperband: 1 at its 3rd value, not among the best 2 of 3 runs there "
        "(0.1 or better goes on)"
    )
    assert stopped.ended_at - stopped.summary["time"] < 30  # not at its own end
    assert stopped.summary["loss"] == 1.0  # what it logged is kept
    assert {run.state for run in runs.values()} == {RunState.FINISHED}
    assert not any(run.censored for run in runs.values())


def test_maximised_metric_and_the_frame_the_page_and_the_columns(store):
    sweep = make_sweep(
        store,
        trained(sign=-1),
        values=4,
        metric={"name": "loss", "goal": "maximize"},
        early_terminate={**THIRD, "strict": False},
    )
    work(store, sweep, slots=1)
    pytest.importorskip("pandas")
    frame = runs_frame(store, sweep=sweep.id)
    assert frame.censored.dtype == "bool"
    assert frame.censored.tolist() == [False, False, True, False]
    assert store.rows("SELECT censored FROM run ORDER BY number") == [(0,), (0,), (1,), (0,)]
    number = by_n(store, sweep)[2].number
    assert hr.Api().run(by_n(store, sweep)[2].id).reason.startswith("hyperband: -1 is its best")
    page = call("show", str(number))
    assert page.stdout.splitlines()[1].startswith("killed, stopped early: hyperband: -1 is its ")
    assert json.loads(call("show", str(number), "--json").stdout)["censored"] is True
    assert (
        "early stop  hyperband (min_iter 3, eta 2, strict False)" in call("show", sweep.id).stdout
    )


def test_program_has_time_to_save_on_sigterm(store, tmp_path):
    code = "import signal, sys, time, homerun as hr\n"
    code += "n = int(sys.argv[1][4:])\n"
    code += "run = hr.init()\n"
    code += "def save(*_):\n"
    code += "    time.sleep(0.3); open('saved', 'w').write('weights'); run.summary['saved'] = 1\n"
    code += "    sys.exit(0)\n"
    code += "signal.signal(signal.SIGTERM, save)\n"
    code += "for i in range(3): run.log({'loss': n})\n"
    code += "if n == 2: time.sleep(60)"
    sweep = make_sweep(
        store, python(code), values=3, cwd=tmp_path, metric=LOSS, early_terminate=THIRD
    )
    work(store, sweep, slots=1)
    run = by_n(store, sweep)[2]
    assert (tmp_path / "saved").read_text() == "weights"
    assert (run.state, run.censored, run.exit_code) == (RunState.KILLED, True, 0)
    assert run.summary["saved"] == 1


def test_rule_of_our_own_learns_the_length_from_finished_runs(store):
    code = "import sys, time, homerun as hr\n"
    code += "n = int(sys.argv[1][4:])\n"
    code += "run = hr.init()\n"
    code += "for i in range(6):\n"
    code += "    run.log({'loss': (9 if n == 4 else n) - i / 10})\n"
    code += "    if n == 4 and i == 2: time.sleep(60)\n"
    sweep = make_sweep(
        store, python(code), values=5, metric=LOSS, homerun={"early_terminate": {"type": "asha"}}
    )
    work(store, sweep, slots=1)
    runs = by_n(store, sweep)
    assert [run.state for run in runs.values()] == [RunState.FINISHED] * 4 + [RunState.KILLED]
    assert runs[4].reason.startswith("asha: its best is 8.8 after 3 of about 6 values, ")
    assert runs[4].censored


def test_two_agents_judge_against_the_runs_of_both(store):
    sweep = make_sweep(
        store, trained(bad=3), values=4, metric=LOSS, early_terminate=THIRD, homerun={}
    )
    agents = [start_agent(sweep, slots=2) for _ in range(2)]
    told = [agent.communicate(timeout=40)[0] for agent in agents]
    assert [agent.returncode for agent in agents] == [0, 0], told
    runs = by_n(store, sweep)
    assert [run.state for run in runs.values()] == [RunState.FINISHED] * 3 + [RunState.KILLED]
    assert runs[3].censored


def test_agent_of_the_home_stops_runs_of_its_sweeps_only(store):
    plain = make_sweep(store, python("import time; time.sleep(0.1)"), values=1)
    ruled = make_sweep(store, trained(), values=3, metric=LOSS, early_terminate=THIRD)
    told, errors = start_agent(None, slots=2).communicate(timeout=40)
    assert not errors
    runs = by_n(store, ruled)
    assert [run.censored for run in runs.values()] == [False, False, True], told
    assert by_n(store, plain)[0].state == RunState.FINISHED


def test_function_is_stopped_as_a_program_is(store, home):
    def train():
        run = hr.init()
        for _ in range(3):
            run.log({"loss": run.config["n"]})
        if run.config["n"] == 2:
            time.sleep(60)

    spec = {"values": 3, "metric": LOSS, "early_terminate": THIRD}
    sweep = make_sweep(store, [sys.executable, "unused"], **spec)
    work_function(home, sweep.id, train)
    runs = by_n(store, sweep)
    assert [run.censored for run in runs.values()] == [False, False, True]
    assert runs[2].summary["loss"] == 2


def test_function_in_this_process_is_not_stopped_and_that_is_said(store, home):
    def train():
        hr.init().log({"loss": 1})

    spec = {"values": 1, "metric": LOSS, "early_terminate": THIRD}
    sweep = make_sweep(store, [sys.executable, "unused"], **spec)
    events = []
    work_function(home, sweep.id, train, in_process=True, on_event=events.append)
    told = [event.text for event in events if isinstance(event, Trouble)]
    assert [text.partition(":")[0] for text in told] == [
        "early_terminate has no effect on a function in this process"
    ]
    assert by_n(store, sweep)[0].state == RunState.FINISHED


def test_killed_agent_leaves_the_decision_to_the_next(store):
    sweep = make_sweep(store, trained(bad=0), values=4, metric=LOSS, early_terminate=THIRD)
    agent = start_agent(sweep, slots=1)
    bad = until(lambda: store.runs(sweep=sweep.id, states=ALIVE))[0]
    until(lambda: list(store.folder(bad.id).path.glob("journal*")))
    agent.send_signal(signal.SIGKILL)
    agent.communicate()
    work(store, sweep, slots=2)
    runs = by_n(store, sweep)
    assert (runs[0].state, runs[0].censored) == (RunState.KILLED, True)
    assert [runs[n].state for n in (1, 2, 3)] == [RunState.FINISHED] * 3


def test_agent_that_dies_after_asking_does_not_lose_the_mark(store):
    code = "import signal, sys, time, homerun as hr\n"
    code += "n = int(sys.argv[1][4:])\n"
    code += "signal.signal(signal.SIGTERM, lambda *_: time.sleep(1) or sys.exit(0))\n"
    code += "run = hr.init()\n"
    code += "for i in range(3): run.log({'loss': -n})\n"
    code += "if n == 0: time.sleep(60)"
    sweep = make_sweep(store, python(code), values=3, metric=LOSS, early_terminate=THIRD)
    agent = start_agent(sweep, slots=2)
    first = until(lambda: store.runs(sweep=sweep.id, states=ALIVE))[0]
    request = store.folder(first.id).path / "kill.json"
    until(request.exists)
    agent.send_signal(signal.SIGKILL)
    agent.communicate()
    work(store, sweep, slots=1)
    run = store.run(first.id)
    assert (run.state, run.censored, run.exit_code) == (RunState.KILLED, True, 0)
    assert run.reason == read_json(request)["reason"]


def test_run_that_has_told_its_end_stays_finished(store):
    code = "import sys, time, homerun as hr\n"
    code += "n = int(sys.argv[1][4:])\n"
    code += "with hr.init() as run:\n"
    code += "    for i in range(3): run.log({'loss': n})\n"
    code += "time.sleep(1.6 * (n == 2))"  # long enough to be judged
    sweep = make_sweep(store, python(code), values=3, metric=LOSS, early_terminate=THIRD)
    work(store, sweep, slots=1)
    runs = by_n(store, sweep)
    assert [run.state for run in runs.values()] == [RunState.FINISHED] * 3
    assert not runs[2].censored


def test_program_that_is_over_when_the_signal_comes_has_finished(store, tmp_path):
    script = "until test -e go; do sleep 0.01; done"
    with closing(Runner(store)) as runner:
        folder, hand = runner.start(["/bin/sh", "-c", script], cwd=str(tmp_path))
        process = until(lambda: read_json(folder.path / "process.json"))
        supervisor, program = (parse_identity(process[key]) for key in ("supervisor", "program"))
        os.kill(supervisor.pid, signal.SIGSTOP)
        (tmp_path / "go").touch()
        stat = Path(f"/proc/{program.pid}/stat")
        until(lambda: ") Z " in stat.read_text())
        request_end(folder, reason="hyperband: 1", grace_s=1, is_censored=True)
        hand.signal(signal.SIGUSR1)
        os.kill(supervisor.pid, signal.SIGCONT)
        end = runner.wait(folder, hand)
    assert (end.state, end.censored, end.exit_code) == (RunState.FINISHED, False, 0)


def test_resumed_run_is_censored_no_more(store):
    sweep = make_sweep(store, trained(), values=3, metric=LOSS, early_terminate=THIRD)
    work(store, sweep, slots=1)
    stopped = by_n(store, sweep)[2]
    assert stopped.censored
    with hr.init(id=stopped.id, resume="must") as run:
        run.log({"loss": 0.1})
    again = store.run(stopped.id)
    assert (again.state, again.censored) == (RunState.FINISHED, False)


def test_kill_by_the_user_is_not_censored(store):
    sweep = make_sweep(store, trained(bad=0), values=1, metric=LOSS, early_terminate=THIRD)
    agent = start_agent(sweep, slots=1)
    (run,) = until(lambda: store.runs(sweep=sweep.id, states=ALIVE))
    until(lambda: list(store.folder(run.id).path.glob("journal*")))
    kill(store, run, grace_s=1)
    agent.communicate(timeout=30)
    run = store.run(run.id)
    assert (run.state, run.censored, run.reason) == (RunState.KILLED, False, "killed by the user")


def test_rule_of_a_changed_file_counts_at_once(store, tmp_path):
    sweep = make_sweep(store, trained(), values=3, metric=LOSS)
    agent = start_agent(sweep, slots=1)
    until(lambda: len(store.runs(sweep=sweep.id, states=[RunState.FINISHED])) == 2)
    with store.write() as db:
        spec = json.dumps({**sweep.spec, "early_terminate": THIRD})
        db.execute("UPDATE sweep SET spec = ? WHERE id = ?", (spec, sweep.id))
    agent.communicate(timeout=30)
    assert by_n(store, sweep)[2].censored
    assert store.sweep(sweep.id).state == SweepState.FINISHED


def test_judging_reads_only_what_is_new(store):
    sweep = make_sweep(store, ["/bin/true"], values=60, metric=LOSS, early_terminate=THIRD)
    store.propose(sweep, [({"n": n}, 0) for n in range(60)], cursor=60)
    for n in range(59):
        run = store.claim(sweep.id, agent="")
        rows = [[jr.ROW, i, float(i), {"loss": n + i / 100}] for i in range(100)]
        write_journal(store, run.id, rows)
        fold(store, run.id)
        store.end({run.id: End(state=RunState.FINISHED, ended_at=1.0)})
    going = store.claim(sweep.id, agent="")
    early = EarlyStopping(store)
    assert early.verdicts([going]) == {}
    read = []
    store.db.set_trace_callback(read.append)
    assert early.verdicts([going]) == {}
    assert not [sql for sql in read if "chunk" in sql]  # nothing has happened
    write_journal(store, going.id, [[jr.ROW, i, float(i), {"loss": 900}] for i in range(5)])
    started = time.process_time()
    assert early.verdicts([going]).keys() == {going.id}
    assert time.process_time() - started < 1
