"""Sweeps that learn, from file to result: agents, changes, priors, defaults, and trouble."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

import homerun
from homerun.agent import (
    Ended,
    Outcome,
    Started,
    Trouble,
    Wishes,
    change_sweep,
    clone_sweep,
    create_sweep,
    recommended,
    work_home,
)
from homerun.agent import observations as observe
from homerun.agent.guide import Guide
from homerun.agent.queue import Queue
from homerun.core import End, RunState, SpecError, SweepState, config_hash
from homerun.spec import from_dict, parse_edit
from homerun.store import Store, edit_summary, identity, retry
from tests.agent_home import gone, python, start_agent, until, work
from tests.cli_call import attempt, call

SPACE = {"x": {"min": 0.0, "max": 1.0}, "k": {"values": ["a", "b", "c"]}}
PROGRAM = """
import homerun, sys, time
with homerun.init() as run:
    c = run.config
    time.sleep(float(sys.argv[1]))
    run.log({"loss": (c["x"] - 0.3) ** 2 + 0.5 * (c["k"] != "a")})
"""
BLOCKED = """
import sys
sys.modules["sklearn"] = None
from homerun.cli import main
main()
"""


@pytest.fixture
def store(home):
    with Store(home) as store:
        yield store


def spec_of(parameters=SPACE, *, homerun=None, **more):
    return {
        "method": "bayes",
        "program": "train.py",
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": parameters,
        "homerun": homerun or {},
        **more,
    }


def make(store, parameters=SPACE, *, cwd="/", **more):
    return create_sweep(
        store, from_dict(spec_of(parameters, **more)), cwd=Path(cwd), project="tests"
    )


def loss(config):
    return (config["x"] - 0.3) ** 2 + 0.5 * (config["k"] != "a")


class Agent:
    """Takes runs from the queue of a sweep as an agent does, and has their outcome at once."""

    def __init__(self, store, record, *, outcome=loss):
        self.store, self.id, self.outcome = store, record.id, outcome
        self.queue = Queue(store, record, from_dict(record.spec))

    def take(self, free=1):
        self.queue.refresh()
        self.queue.fill(free)
        heads = self.queue.heads()
        return self.queue.claim(heads[0], str(identity())) if heads else None

    def end(self, run):
        value = self.outcome(run.config)
        state = RunState.FAILED if value is None else RunState.FINISHED
        if value is not None:
            edit_summary(self.store, run.id, {"loss": value})
        self.store.end({run.id: End(state=state, ended_at=time.time(), runtime_s=1.0)})

    def work(self, runs=1000):
        taken = []
        while len(taken) < runs and (run := self.take()) is not None:
            taken.append(run)
            self.end(run)
        return taken


def suggestions(store, sweep_id):
    rows = store.rows("SELECT suggestion FROM run WHERE sweep = ? ORDER BY number", (sweep_id,))
    return [json.loads(text) for (text,) in rows]


# Real agents


def test_a_sweep_gets_better_than_its_start_and_slots_stay_full(store):
    command = [*python(PROGRAM)[:-1], "0", "${args}"]
    record = make(store, command=command, run_cap=20, homerun={"slots": 2})
    done, events = work(store, record)
    assert done.outcome == Outcome.COMPLETE
    assert not [event for event in events if isinstance(event, Trouble) and "search" in event.text]
    runs = store.runs(sweep=record.id)
    assert [run.state for run in runs] == ["finished"] * 20
    assert len({config_hash(run.config) for run in runs}) == 20
    by = [one["by"] for one in suggestions(store, record.id)]
    start = [run.summary["loss"] for run, name in zip(runs, by, strict=True) if name == "start"]
    rest = [run.summary["loss"] for run, name in zip(runs, by, strict=True) if name != "start"]
    assert len(start) < 10
    assert min(rest) < min(start)
    assert min(rest) < 0.01
    going, most = 0, []
    for event in events:
        going += isinstance(event, Started) - isinstance(event, Ended)
        most += [going] if isinstance(event, Started) else []
    assert Counter(most)[2] >= 16  # a slot that is free gets a run before the other one is


def test_agents_share_a_sweep_and_one_may_be_killed(store):
    command = [*python(PROGRAM)[:-1], "0.1", "${args}"]
    record = make(store, command=command, run_cap=10)
    first, second = start_agent(record), start_agent(record)
    until(lambda: store.counts(record.id).get(RunState.FINISHED, 0) >= 4)
    first.kill()
    first.communicate()
    said, _ = second.communicate(timeout=60)
    assert "COMPLETE" in said
    runs = store.runs(sweep=record.id)
    assert len({config_hash(run.config) for run in runs}) == len(runs) == 10
    assert {run.state for run in runs} == {"finished"}
    gone(store.home)


def test_a_sweep_without_agent_goes_on_where_it_was(store):
    record = make(store, run_cap=8)
    before = Agent(store, record).work(runs=5)
    after = Agent(store, store.sweep(record.id)).work()
    configs = {config_hash(run.config) for run in before + after}
    assert (len(before), len(after), len(configs)) == (5, 3, 8)


# The queue


def test_no_more_wait_than_there_are_free_slots(store):
    agent = Agent(store, make(store))
    agent.queue.fill(3)
    assert store.counts(agent.id) == {RunState.PENDING: 3}
    agent.queue.fill(3)
    assert store.counts(agent.id) == {RunState.PENDING: 3}
    agent.take(free=3)
    agent.queue.fill(2)
    assert store.counts(agent.id) == {RunState.PENDING: 2, RunState.RUNNING: 1}


def test_each_suggestion_runs_as_often_as_repeats_say(store):
    agent = Agent(store, make(store, homerun={"repeats": 3}, run_cap=8))
    runs = agent.work()
    times = Counter(config_hash(run.config) for run in runs)
    assert sorted(times.values()) == [2, 3, 3]
    assert [run.repeat for run in runs] == [0, 1, 2, 0, 1, 2, 0, 1]


def test_a_finite_space_comes_to_its_end(store):
    space = {"k": {"values": ["a", "b", "c"]}, "x": {"values": [0.1, 0.4]}}
    record = make(store, space, homerun={"constraints": ["k != 'c' or x < 0.2"]})
    agent = Agent(store, record)
    assert len({config_hash(run.config) for run in agent.work()}) == 5
    assert agent.queue.is_exhausted
    assert record.planned == 5


def test_the_time_that_all_runs_may_take_is_kept(store):
    agent = Agent(store, make(store, homerun={"budget": 6}))  # each takes a second
    assert len(agent.work()) in (5, 6)  # maybe not what may take too long
    assert agent.queue.is_exhausted


def test_failures_are_learned_from(store):
    agent = Agent(store, make(store), outcome=lambda c: None if c["k"] == "a" else loss(c))
    runs = agent.work(runs=24)
    late = Counter(run.config["k"] for run in runs[12:])
    assert late["a"] <= 3


def test_of_several_attempts_the_last_counts(store):
    record = make(store)
    agent = Agent(store, record, outcome=lambda _: None)
    (failed,) = agent.work(runs=1)
    retry(store, [store.run(failed.id)])
    sweep = from_dict(record.spec)
    assert [one.state for one in observe(store, record, sweep)] == [RunState.PENDING]


# Changes


def test_a_change_leaves_what_fits_and_the_search_goes_on(store):
    record = make(store, homerun={"defaults": {"k": "b"}})
    agent = Agent(store, record)
    agent.work(runs=9)
    agent.queue.fill(2)
    waiting = [run.config["k"] for run in store.runs(sweep=record.id, states=[RunState.PENDING])]
    changed = change_sweep(store, record.id, [parse_edit("drop", "k=b")])
    assert changed.left == waiting.count("b")
    assert "defaults" not in store.sweep(record.id).spec["homerun"]
    assert "b" not in {run.config["k"] for run in agent.work(runs=6)}
    assert suggestions(store, record.id)[-1]["runs"] > 5  # it has not begun anew


def test_a_clone_learns_from_the_runs_it_reuses(store):
    record = make(store, homerun={"defaults": "program"})
    Agent(store, record, outcome=lambda c: loss({"x": 0.5, "k": "c", **c})).work(runs=10)
    clone = clone_sweep(store, record.id, [parse_edit("set", "run_cap=12")])
    assert clone.kept == 10
    runs = Agent(store, clone.sweep).work()
    assert len(runs) == 2
    assert all(
        one["by"] in ("gaussian", "forest", "random") for one in suggestions(store, runs[0].sweep)
    )


# Defaults and priors


def test_the_first_run_has_the_values_of_its_program(store, tmp_path):
    spec = spec_of(run_cap=3, homerun={"defaults": ["program", {"x": 0.25}]})
    del spec["program"]
    sweep_id = homerun.sweep(spec)

    def train():
        with homerun.init(config={"x": 0.9, "k": "c", "more": 1}) as run:
            run.log({"loss": loss(run.config)})

    homerun.agent(sweep_id, train, in_process=True)
    first, second, _ = store.runs(sweep=sweep_id)
    assert first.config == {"x": 0.9, "k": "c", "more": 1}
    assert second.config["x"] == 0.25
    assert [one["by"] for one in suggestions(store, sweep_id)[:2]] == ["default", "default"]
    record = store.sweep(sweep_id)
    seen = observe(store, record, from_dict(record.spec))
    assert seen[0].config == {"x": 0.9, "k": "c"}
    assert seen[0].values == {"loss": pytest.approx(0.86)}
    given = json.loads((store.folder(first.id).path / "config.json").read_text())
    assert given == {}


def test_a_search_learns_from_sweeps_and_runs_of_before(store, tmp_path, monkeypatch):
    old = make(store)
    runs = Agent(store, old, outcome=lambda c: None if c["k"] == "c" else loss(c)).work(runs=15)
    lone = make(store, {"x": {"value": 0.3}})
    Agent(store, lone, outcome=lambda _: 1.0).work(runs=1)
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("")
    Path("new.json").write_text(json.dumps(spec_of(run_cap=3)))
    done = attempt("sweep", "new.json", "--prior", old.name, "--defaults", old.id)
    finished = sum(run.state == "finished" for run in store.runs(sweep=old.id))
    assert f"prior: {finished} of {finished} finished runs of sweep {old.id} count" in done.stderr
    record = store.sweep(done.stdout.strip())
    assert record.spec["homerun"]["prior"] == [old.id]
    seen = observe(store, record, from_dict(record.spec))
    assert {one.source for one in seen} == {old.id}
    assert len(seen) == finished
    agent = Agent(store, record)
    best = store.run(recommended(store, old).best.id)
    assert agent.take().config == best.config  # what earlier sweeps found best
    assert runs
    done = attempt("sweep", "new.json", "--prior", lone.id)
    assert done.returncode == 2
    assert f"0 of 1 finished run of sweep {lone.id} count; 1 lack k; leave it out" in done.stderr
    done = attempt("sweep", "new.json", "-R", "nowhere")
    assert "no sweep or run answers to 'nowhere'" in done.stderr
    made = homerun.sweep(spec_of(), prior_runs=[runs[-1].id])
    assert store.sweep(made).spec["homerun"]["prior"] == [runs[-1].id]


def test_a_prior_that_was_removed_is_said_and_not_missed(store):
    old = make(store)
    Agent(store, old).work(runs=4)
    record = make(store, homerun={"prior": [old.id]})
    store.delete_sweep(old.id)
    agent = Agent(store, record)
    assert agent.take() is not None
    assert "the search goes on without it" in agent.queue.trouble


@pytest.mark.parametrize(
    ("defaults", "says"),
    [
        ({"y": 1}, "homerun.defaults.y: is no parameter of the sweep; use k, x"),
        ({"k": "A"}, "homerun.defaults.k: 'A' is none of its values: 'a', 'b', 'c'"),
        ([{"x": 2}], "homerun.defaults[0].x: 2 is none of its uniform values from 0 to 1"),
        ("prgram", "or the word program, not 'prgram'"),
        ([], "homerun.defaults: is empty"),
        ({"x": 0.5, "k": "c"}, "homerun.defaults: is excluded by the constraints: not k != 'c'"),
    ],
)
def test_defaults_that_cannot_be_are_refused(defaults, says):
    with pytest.raises(SpecError) as refused:
        from_dict(spec_of(homerun={"defaults": defaults, "constraints": ["k != 'c'"]}))
    assert says in str(refused.value)


def test_what_only_a_search_can_use_is_remarked_elsewhere():
    sweep = from_dict({**spec_of(homerun={"search": "forest", "budget": "4h"}), "method": "random"})
    assert [note.partition(":")[0] for note in sweep.notes] == ["homerun.search", "homerun.budget"]


# What is in the way


def test_the_users_own_function_searches(store, tmp_path):
    (tmp_path / "mine.py").write_text(
        "def climb(spec, runs, *, rng, n):\n"
        "    tried = len(runs)\n"
        "    return [{'x': (tried + i + 1) / 10, 'k': 'a'} for i in range(n)]\n"
    )
    record = make(store, method="custom", homerun={"search": "mine:climb"}, cwd=tmp_path, run_cap=3)
    runs = Agent(store, record).work()
    assert [run.config["x"] for run in runs] == [0.1, 0.2, 0.3]
    assert suggestions(store, record.id)[0]["by"] == "mine:climb"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def search(spec, runs, *, rng, n):\n    return [][0]\n", "IndexError"),
        ("def search(spec, runs, *, rng, n):\n    return [{'x': 7, 'k': 'a'}]\n", "x"),
        ("search = 3\n", "search is no function"),
    ],
)
def test_a_function_that_fails_pauses_the_sweep(store, tmp_path, code, says):
    (tmp_path / "bad.py").write_text(code)
    record = make(store, method="custom", homerun={"search": "bad:search"}, cwd=tmp_path)
    done, _ = work(store, record)
    assert done.outcome == Outcome.PAUSED
    assert "bad:search" in done.reason
    assert says in done.reason
    now = store.sweep(record.id)
    assert (now.state, now.reason) == (SweepState.PAUSED, done.reason)
    assert store.runs(sweep=record.id) == []


def test_where_our_search_fails_runs_are_drawn(store):
    record = make(store, homerun={"repeats": 2})
    sweep = from_dict(record.spec)
    broken = replace(sweep, settings=replace(sweep.settings, search="nowhere"))
    guide = Guide(store, broken)
    seen = []
    for _ in range(3):
        filled = guide.next(store.sweep(record.id), 2)
        store.propose(
            store.sweep(record.id), filled.proposals, cursor=filled.cursor, reasons=filled.reasons
        )
        seen += filled.proposals
    assert len({(config_hash(config), repeat) for config, repeat in seen}) == 6
    assert "configurations are drawn at random: KeyError: 'nowhere'" in guide.trouble
    assert {one["by"] for one in suggestions(store, record.id)} == {"random"}


def test_without_the_libraries_there_is_one_clear_line(store, tmp_path):
    record = make(store, command=["true"])
    (tmp_path / "train.py").write_text("")
    (tmp_path / "sweep.json").write_text(json.dumps(spec_of()))
    for arguments in (["sweep", "sweep.json"], ["agent", record.id]):
        done = subprocess.run(
            [sys.executable, "-c", BLOCKED, *arguments],
            cwd=tmp_path,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == (
            "homerun: method: bayes needs: pip install 'homerun[search]'"
        )
    assert store.sweep(record.id).state == SweepState.RUNNING
    assert len(store.sweeps()) == 1


def test_a_dry_run_tells_of_the_first_run(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("")
    Path("sweep.json").write_text(
        json.dumps(spec_of(run_cap=9, homerun={"defaults": {"x": 0.5, "k": "b"}}))
    )
    said = call("sweep", "sweep.json", "--dry-run").output
    assert "9 runs (bayes: endless, run_cap 9)" in said
    assert "train.py --k=b --x=0.5" in said
    assert not home.exists()


def test_the_agent_of_the_whole_home_serves_it_too(store):
    record = make(store, command=["true"], run_cap=3)
    done = work_home(store, wishes=Wishes(slots=2))
    assert done.outcome == Outcome.COMPLETE
    assert [run.state for run in store.runs(sweep=record.id)] == ["finished"] * 3
    assert store.sweep(record.id).state == SweepState.FINISHED
