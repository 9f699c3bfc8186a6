"""Sweeps that are changed while they run, and clones: laws of the queue, words, real runs."""

import json
import time
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homerun import search
from homerun.agent import Outcome, change_sweep, clone_sweep, create_sweep
from homerun.agent.queue import Queue
from homerun.core import End, Metric, RunState, SpecError, SweepState, UsageError, config_hash
from homerun.spec import fits, from_dict, parse_edit
from homerun.store import (
    Store,
    best_run,
    identity,
    retry,
    run_configs,
    run_lines,
    runs_frame,
    sweep_counts,
    write_json,
)
from homerun.store.reuse import of_sweep
from tests.agent_home import python, start_agent, until, work
from tests.cli_call import attempt, call
from tests.sweep_strategies import ANY, parameters

SPACE = {"a": ["crop", "squish", "pad"], "b": [1, 2, 3], "c": [0.5, True]}
FRESH = {"a": ["reflect", "zeros"], "b": [4, 5], "c": [1.0, 1]}


@pytest.fixture
def store(home):
    with Store(home) as store:
        yield store


def make(store, space=None, *, method="grid", run_cap=None, homerun=None, **more):
    """Record a sweep over lists of values and return its record."""
    spec = {
        "method": method,
        "program": "train.py",
        "name": "methods",
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {key: {"values": list(v)} for key, v in (space or SPACE).items()},
        "homerun": homerun or {},
        **({"run_cap": run_cap} if run_cap else {}),
        **more,
    }
    return create_sweep(store, from_dict(spec), cwd=Path("/"), project="tests")


def edits(*texts):
    return [parse_edit(*text.split(" ", 1)) for text in texts]


def end(store, run, state=RunState.FINISHED):
    reason = "" if state == RunState.FINISHED else f"it {state}"
    store.end({run.id: End(state=state, reason=reason, ended_at=time.time(), runtime_s=1.0)})


class Agent:
    """Takes runs from the queue of a sweep as an agent does, and starts none."""

    def __init__(self, store, record):
        self.store, self.id = store, record.id
        self.queue = Queue(store, record, from_dict(record.spec))

    def take(self):
        self.queue.refresh()
        self.queue.fill()
        heads = self.queue.heads()
        return self.queue.claim(heads[0], str(identity())) if heads else None

    def drain(self):
        """Run all that is left and return it."""
        taken = []
        with self.store.write():  # one commit instead of hundreds
            while (run := self.take()) is not None:
                taken.append(run)
                end(self.store, run)
        assert self.queue.is_exhausted
        return taken


def pairs(store, sweep_id):
    """Return configuration and repeat of the own runs of a sweep, first attempts only."""
    runs = store.runs(sweep=sweep_id)
    return [(config_hash(run.config), run.repeat) for run in runs if run.attempt == 1]


def all_points(record):
    """Return configuration and repeat of all that a finite sweep would propose."""
    sweep = from_dict(record.spec)
    axes = [[(p.path[0], value) for value in p.values] for p in sweep.parameters]
    points = [config for config in map(dict, product(*axes)) if fits(sweep, config)]
    return {(config_hash(c), r) for c in points for r in range(sweep.settings.repeats)}


# Laws of the queue

CHANGES = st.one_of(
    *(
        st.tuples(st.just(verb), st.sampled_from(sorted(SPACE)), st.integers(0, 4))
        for verb in ("drop", "add", "fix")
    ),
    st.tuples(st.just("set"), st.just("homerun.order"), st.sampled_from(["shuffle", "balanced"])),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 6)),
        st.tuples(st.sampled_from(["finish", "fail", "unclaim"]), st.integers(0, 5)),
        CHANGES,
    ),
    min_size=3,
    max_size=14,
)


def edit_of(store, sweep_id, verb, key, value):
    """Return the change that a random step means for the sweep as it is, None for none."""
    if verb != "set":
        space = store.sweep(sweep_id).spec["parameters"][key]
        have = space.get("values") or [space["value"]]
        known = {json.dumps(one) for one in have}
        new = [one for one in SPACE[key] + FRESH[key] if json.dumps(one) not in known]
        if (verb == "drop" and len(have) == 1) or (verb == "add" and not new):
            return None
        value = new[value % len(new)] if verb == "add" else have[value % len(have)]
    return parse_edit(verb, f"{key}={json.dumps(value)}")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, repeats=st.integers(1, 2), method=st.sampled_from(["grid", "random"]))
def test_a_changed_sweep_runs_each_point_of_its_last_space_once(store, steps, repeats, method):
    record = make(store, method=method, homerun={"repeats": repeats, "retries": 1})
    agent, running, finished = Agent(store, record), [], set()
    for step in steps:
        what, which = step[0], step[-1]
        if what == "take":
            with store.write():
                taken = [agent.take() for _ in range(which)]
            running += [run for run in taken if run is not None]
            now = from_dict(store.sweep(record.id).spec)
            assert all(fits(now, run.config) for run in taken if run is not None)
        elif what in ("finish", "fail", "unclaim"):
            if running:
                run = running.pop(which % len(running))
                if what == "unclaim":
                    store.unclaim(run.id)
                else:
                    state = RunState.FINISHED if what == "finish" else RunState.FAILED
                    end(store, run, state)
                    finished |= {run.id} if what == "finish" else set()
        elif (edit := edit_of(store, record.id, *step)) is not None:
            changed = change_sweep(store, record.id, [edit], is_dry=True)
            before = store.sweep(record.id)
            assert before == changed.sweep
            again = change_sweep(store, record.id, [edit])
            assert (again.left, again.unfit, again.planned, again.to_come) == (
                *(changed.left, changed.unfit, changed.planned, changed.to_come),
            )
    with store.write():
        for run in running:
            end(store, run)
    last = store.sweep(record.id)
    for run in agent.drain():
        assert fits(from_dict(last.spec), run.config)
    had = pairs(store, record.id)
    assert len(had) == len(set(had))
    assert set(had) >= all_points(last)
    assert finished <= {run.id for run in store.runs(states=[RunState.FINISHED])}
    assert last.planned == len(had)
    counts = store.counts(record.id)
    assert sum(counts.values()) - store.repeated(record.id) == len(had)
    assert RunState.PENDING not in counts


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    taken=st.integers(0, 12),
    caps=st.lists(st.integers(1, 20), min_size=1, max_size=3),
    method=st.sampled_from(["grid", "random"]),
)
def test_a_cap_holds_whenever_it_comes(store, taken, caps, method):
    record = make(store, method=method, run_cap=10)
    agent = Agent(store, record)
    started = 0
    with store.write():
        for _ in range(taken):
            if (run := agent.take()) is not None:
                started += 1
                end(store, run)
    for cap in caps:
        changed = change_sweep(store, record.id, edits(f"set run_cap={cap}"))
        assert changed.planned == max(started, min(cap, 18))
    assert started + len(agent.drain()) == max(started, min(caps[-1], 18))
    change_sweep(store, record.id, edits("set run_cap="))
    agent.drain()
    assert len(set(pairs(store, record.id))) == 18


@given(parameters(ANY), st.integers(0, 50))
def test_what_a_sweep_proposes_fits_it(space, place):
    sweep = from_dict({"method": "random", "parameters": space})
    for proposal in search.fill(sweep, cursor=place, n=5).proposals:
        assert fits(sweep, {**proposal.config, "epochs": 5})
        assert fits(sweep, json.loads(json.dumps(proposal.config)))


def test_fits_tells_what_is_outside():
    space = {
        "n": {"min": 1, "max": 5},
        "lr": {"min": 0.0, "max": 0.5},
        "q": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25},
        "opt": {"parameters": {"name": {"values": ["adam", "sgd"]}, "wd": {"value": 0}}},
        "z": {"distribution": "log_normal"},
    }
    limits = ["not (opt.name == 'sgd' and n == 1)"]
    sweep = from_dict({"method": "random", "parameters": space, "homerun": {"constraints": limits}})
    good = {"n": 2, "lr": 0.25, "q": 0.5, "opt": {"name": "sgd", "wd": 0}, "z": 0.1, "more": 1}
    assert fits(sweep, good)
    for key, value in [
        *(("n", 6), ("n", 2.0), ("n", True), ("lr", 0.6), ("lr", "0.1"), ("lr", float("nan"))),
        *(("q", 0.3), ("q", 1.25), ("z", 0.0), ("z", 10**400), ("opt", {"name": "sgd"})),
        *(("opt", {"name": "lion", "wd": 0}), ("opt", {"name": "adam", "wd": False}), ("n", 1)),
    ]:
        assert not fits(sweep, {**good, key: value})
    assert not fits(sweep, {key: value for key, value in good.items() if key != "z"})


# Changes in place


def test_a_dropped_value_leaves_the_queue_and_what_runs_goes_on(store):
    record = make(store, {"a": ["crop", "squish"], "b": [1, 2, 3]}, homerun={"retries": 2})
    agent = Agent(store, record)
    runs = [agent.take() for _ in range(5)]
    end(store, runs[0])
    end(store, runs[3])
    changed = change_sweep(store, record.id, edits("drop a=squish"))
    assert (changed.left, changed.unfit, changed.kept) == (1, (runs[4].id,), 3)
    assert (changed.planned, changed.to_come, changed.text) == (5, 0, "a=squish dropped")
    # Runs that are not wanted any more are not tried again, whatever happens to them.
    assert store.run(runs[4].id).reason == "not in its sweep any more: a=squish dropped"
    assert not store.unclaim(runs[4].id)
    ended = store.run(runs[4].id)
    assert (ended.state, ended.reason) == (
        RunState.KILLED,
        "not in its sweep any more: a=squish dropped",
    )
    end(store, runs[1], RunState.FAILED)
    again = agent.take()
    assert (again.attempt, again.config) == (2, {"a": "crop", "b": 2})
    end(store, again)
    end(store, runs[2])
    assert agent.drain() == []
    # What comes back is what never ran; the rest is known.
    assert change_sweep(store, record.id, edits("add a=squish")).to_come == 1
    assert [run.config for run in agent.drain()] == [{"a": "squish", "b": 3}]
    assert store.sweep(record.id).planned == 6


def test_a_finished_sweep_that_is_extended_goes_on(store):
    record = make(store, {"a": ["crop"], "b": [1, 2]})
    agent = Agent(store, record)
    agent.drain()
    assert store.finish_sweep(store.sweep(record.id))
    changed = change_sweep(store, record.id, edits("add b=7", "add b=9", "drop b=1"))
    assert (changed.sweep.state, changed.planned, changed.to_come) == (SweepState.RUNNING, 4, 2)
    assert [run.config["b"] for run in agent.drain()] == [7, 9]
    store.set_sweep(record.id, SweepState.CANCELED, "by the user")
    assert change_sweep(store, record.id, edits("add b=8")).sweep.state == SweepState.CANCELED


def test_a_sweep_that_was_changed_at_the_last_moment_does_not_end(store):
    record = make(store, {"a": ["crop"], "b": [1, 2]})
    Agent(store, record).drain()
    before = store.sweep(record.id)
    change_sweep(store, record.id, edits("add b=3"))
    assert not store.finish_sweep(before)
    assert not store.propose(before, [({"a": "crop", "b": 1}, 0)], cursor=before.cursor + 1)


def test_an_order_changes_what_is_left_and_leaves_what_was_moved(store):
    record = make(store, {"a": list(range(30))})
    agent = Agent(store, record)
    first = [agent.take().config["a"] for _ in range(3)]
    (head,) = agent.queue.heads()
    last = store.runs(sweep=record.id)[-1]
    with store.write() as db:
        db.execute("UPDATE run SET priority = 1 WHERE id = ?", (last.id,))
    change_sweep(store, record.id, edits("set homerun.order=shuffle"))
    order = [run.config["a"] for run in agent.drain()]
    assert (first, order[0], head.config["a"]) == ([0, 1, 2], 29, 3)
    assert sorted(order) == list(range(3, 30))
    assert order[1:] != sorted(order[1:])


def test_runs_that_others_wait_for_are_killed_and_not_forgotten(store):
    record = make(store, {"a": ["crop", "squish"]})
    agent = Agent(store, record)
    agent.take()
    squish = agent.queue.heads()[0]
    with store.write() as db:
        other = store.add_run("other123", project="tests", state=RunState.PENDING)
        db.execute("INSERT INTO run_after VALUES (?, ?)", (other.id, squish.id))
    change_sweep(store, record.id, edits("fix a=crop"))
    assert store.run(squish.id).state == RunState.KILLED


def test_new_runs_have_the_priority_of_their_sweep(store):
    record = make(store, {"a": list(range(150))})
    agent = Agent(store, record)
    agent.take()
    change_sweep(store, record.id, [], priority=5)
    agent.drain()
    assert {run.priority for run in store.runs(sweep=record.id)} == {0, 5}
    assert [run.priority for run in store.runs(sweep=record.id)].count(0) == 1


def test_draws_go_on_after_a_change(store):
    parameters = {"lr": {"min": 0.0, "max": 1.0}, "a": {"values": ["crop", "squish"]}}
    record = make(store, method="random", run_cap=40, parameters=parameters)
    agent = Agent(store, record)
    with store.write():
        for _ in range(20):
            end(store, agent.take())
    changed = change_sweep(store, record.id, edits("fix a=crop"))
    assert changed.planned == 40
    assert {run.config["a"] for run in agent.drain()} == {"crop"}
    had = pairs(store, record.id)
    assert len(had) == len(set(had)) == 40


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["drop a=sqish"], "--drop a='sqish': a is 'crop', 'squish'; did you mean 'squish'?"),
        (["drop a=crop", "drop a=squish"], "it is the only value"),
        (["add a=crop"], "--add a='crop': a has this value already"),
        (["fix resize=crop"], "--fix resize: is no parameter of the sweep; use a, b, lr"),
        (["set rn_cap=3"], "did you mean 'run_cap'"),
        (["set homerun.oder=grid"], "homerun.oder: is unknown"),
        (["set run_cap=many"], "run_cap: must be a whole number"),
        (["drop lr=0.1"], "lr is a range of endless values"),
        (["add b=7"], "b has probabilities"),
        (["drop b=2"], "the other values have the probability 0"),
        (["fix a=squish"], "the constraints would exclude every configuration"),
        (["set command=[]", "set program="], "program"),
        (["set homerun.search=forrest"], "did you mean 'forest'"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(store, texts, says):
    parameters = {
        "a": {"values": ["crop", "squish"]},
        "b": {"values": [1, 2], "probabilities": [0, 1]},
        "lr": {"min": 0.0, "max": 1.0},
    }
    if texts == ["fix a=squish"]:
        parameters = {"a": parameters["a"]}
    record = make(
        store, method="random", parameters=parameters, homerun={"constraints": ["a != 'squish'"]}
    )
    with pytest.raises(SpecError) as refused:
        change_sweep(store, record.id, edits(*texts))
    assert says in str(refused.value)
    assert store.sweep(record.id) == record


def test_values_are_found_as_people_write_them(store):
    parameters = {
        "x": {"values": [1.0, 2.0, "2"]},
        "q": {"distribution": "q_uniform", "min": 0, "max": 0.5, "q": 0.1},
        "n": {"min": 1, "max": 4},
        "p": {"values": ["u", "v", "w"], "probabilities": [0.5, 0.25, 0.25]},
    }
    record = make(store, method="random", parameters=parameters)
    texts = ["drop x=2", "drop q=0.3", "drop n=2.0", "add n=9", "drop p=u"]
    spec = change_sweep(store, record.id, edits(*texts)).sweep.spec["parameters"]
    assert spec["x"] == {"values": [1.0, "2"]}
    assert spec["q"] == {"values": [0.0, 0.1, 0.2, 0.4, 0.5]}
    assert spec["n"] == {"values": [1, 3, 4, 9]}
    assert spec["p"] == {"values": ["v", "w"], "probabilities": [0.5, 0.5]}


# Clones


def test_a_clone_counts_what_has_finished_and_fits(store):
    record = make(store, {"a": ["crop", "squish"], "b": [1, 2, 3]})
    agent = Agent(store, record)
    runs = [agent.take() for _ in range(5)]
    for run in (runs[0], runs[3]):
        end(store, run)
    end(store, runs[1], RunState.FAILED)
    would = clone_sweep(store, record.id, edits("set a=crop"), is_dry=True)
    assert [known.id for known in store.sweeps()] == [record.id]
    made = clone_sweep(store, record.id, edits("set a=crop"))
    assert (would.kept, would.left, would.planned) == (made.kept, made.left, made.planned)
    assert (made.kept, made.left, made.planned, made.to_come) == (1, 1, 3, 2)
    assert made.unfit == (runs[2].id, runs[4].id)
    assert made.sweep.name == "methods, a=crop"
    old = store.sweep(record.id)
    assert (old.state, old.reason) == (
        SweepState.FINISHED,
        f"superseded by {made.sweep.id}: a fixed to crop",
    )
    with pytest.raises(UsageError, match=f"superseded by {made.sweep.id}; change that one"):
        change_sweep(store, record.id, edits("add b=4"))
    taken = Agent(store, made.sweep).drain()
    assert [run.config for run in taken] == [{"a": "crop", "b": 2}, {"a": "crop", "b": 3}]
    assert store.counts(made.sweep.id) == {RunState.FINISHED: 3}
    # A clone of the clone reuses what that reused.
    more = clone_sweep(store, made.sweep.id, edits("set homerun.repeats=2", "add b=4"))
    assert (more.kept, more.planned) == (3, 8)
    assert {(run.config["b"], run.repeat) for run in Agent(store, more.sweep).drain()} == {
        *((4, 0), (1, 1), (2, 1), (3, 1), (4, 1))
    }
    # The old one, taken up again, runs what it had not.
    store.set_sweep(record.id, SweepState.RUNNING)
    assert change_sweep(store, record.id, edits("set run_cap=50")).sweep.state == "running"
    assert [run.config for run in Agent(store, record).drain()] == [{"a": "squish", "b": 3}]


def test_what_a_clone_has_taken_over_is_not_tried_again(store):
    record = make(store, {"a": ["crop", "squish"]}, homerun={"retries": 1})
    agent = Agent(store, record)
    runs = [agent.take(), agent.take()]
    end(store, runs[0])
    made = clone_sweep(store, record.id, edits("set homerun.retries=0")).sweep
    end(store, runs[1], RunState.FAILED)
    assert len(store.runs(sweep=record.id)) == 2
    failed = store.run(runs[1].id)
    with pytest.raises(UsageError, match=f"sweep {made.id} has taken the place of the sweep of"):
        retry(store, [failed])
    told = call("rm", record.id, "-y").stderr
    assert f"1 run of these count in sweep {made.id}, too" in told
    # Taken up again, it may try again what it did not want any more.
    record = make(store, {"a": ["crop", "squish"]}, homerun={"retries": 1})
    run = Agent(store, record).take()
    change_sweep(store, record.id, edits("fix a=squish"))
    end(store, run, RunState.FAILED)
    assert len(store.runs(sweep=record.id)) == 2
    (again,) = retry(store, [store.run(run.id)])
    assert (store.run(again).state, store.run(again).retries) == (RunState.PENDING, 0)


def test_another_program_reuses_nothing_and_says_so(store):
    record = make(store, {"a": ["crop", "squish"]})
    end(store, Agent(store, record).take())
    made = clone_sweep(store, record.id, edits("set program=other.py"), name="other")
    assert (made.kept, made.to_come, made.sweep.name) == (0, 2, "other")
    assert made.notes == ("nothing is reused: the program or command is another one",)
    made = clone_sweep(store, made.sweep.id, edits("set a=corp"))
    assert made.notes == ("a has not been 'corp' so far; did you mean 'crop'?",)


def test_a_run_is_reused_by_what_it_was_given(store):
    record = make(store, {"a": ["crop", "squish"]})
    run = Agent(store, record).take()
    write_json(store.folder(run.id).make().path / "config.json", run.config)
    with store.write() as db:
        changed = json.dumps({**run.config, "a": "something else", "epochs": 3})
        db.execute("UPDATE run SET config = ? WHERE id = ?", (changed, run.id))
    end(store, run)
    assert clone_sweep(store, record.id, edits("set a=crop")).kept == 1


def test_reused_runs_are_in_every_view_of_the_clone(store):
    record = make(store, {"a": ["crop", "squish"], "b": [1, 2]})
    agent = Agent(store, record)
    for loss in (0.5, 0.25, 0.125):
        run = agent.take()
        end(store, run)
        with store.write() as db:
            summary = json.dumps({"loss": loss})
            db.execute("UPDATE run SET summary = ? WHERE id = ?", (summary, run.id))
    made = clone_sweep(store, record.id, edits("set a=crop"), priority=3).sweep
    own, reused = store.runs(sweep=made.id), store.runs(sweep=record.id)[:2]
    assert own == []
    assert store.counts(made.id) == sweep_counts(store)[made.id] == {RunState.FINISHED: 2}
    assert store.runtimes(made.id) == (2, 1.0)
    assert best_run(store, made.id, Metric(name="loss")) == (reused[1].number, 0.25)
    assert {line.id for line in run_lines(store, sweep=made.id)} == {run.id for run in reused}
    assert len(run_configs(store, sweep=made.id, states=[RunState.FINISHED])) == 2
    assert list(runs_frame(store, sweep=made.id, project="tests").id) == [r.id for r in reused]
    assert len(runs_frame(store)) == 3
    store.delete_sweep(made.id)
    assert len(store.runs(sweep=record.id)) == 3


@pytest.mark.parametrize("is_reusing", [False, True])
def test_the_runs_of_a_sweep_are_found_by_index(store, is_reusing):
    record = make(store, {"a": ["crop", "squish"]})
    end(store, Agent(store, record).take())
    if is_reusing:
        record = clone_sweep(store, record.id, edits("set a=crop")).sweep
    condition, values = of_sweep(store, record.id)
    plan = store.rows(f"EXPLAIN QUERY PLAN SELECT * FROM run WHERE {condition}", values)
    assert not [row[3] for row in plan if row[3].startswith("SCAN")]


# The command line


def test_the_command_changes_and_clones(store):
    record = make(store, {"resize_method": ["crop", "squish"], "size": [1, 2, 3]})
    agent = Agent(store, record)
    for _ in range(4):
        end(store, agent.take())
    running = agent.take()
    told = call("sweep", record.id, "--drop", "resize_method=squish", "--dry-run").stdout
    assert told.splitlines() == [
        "would be changed: resize_method=squish dropped",
        f"1 queued run of {record.id} left out",
        f"1 run of {record.id} going on all the same: {running.number}; --kill stops it",
        "5 runs planned, 0 still to start",
    ]
    assert store.sweep(record.id).planned == 6
    document = json.loads(call("sweep", record.id, "--add", "size=4", "--json").stdout)
    assert (document["planned"], document["to_come"], document["kept"]) == (8, 3, 5)
    done = call("sweep", record.id, "--run-cap", "7", "--order", "balanced", "--priority", "2")
    assert "changed: homerun.order set to balanced; run_cap set to 7; priority 2" in done.stderr
    assert done.stdout == ""
    end(store, running)
    made = call("sweep", record.id, "--set", "resize_method=crop", "--kill", "--name", "only crop")
    new = store.sweep(made.stdout.strip())
    assert (new.name, new.project, new.planned) == ("only crop", "tests", 4)
    assert f"3 finished runs of {record.id} reused" in made.stderr
    assert f"next: homerun agent {new.id}" in made.stderr
    assert f"superseded by {new.id}" in call("show", record.id).stdout
    assert "superseded" in call("--color", "always", "ls").stdout
    assert attempt("sweep", record.id, "--add", "size=9").returncode != 0


def test_the_command_refuses_in_one_line(store, tmp_path):
    record = make(store, {"a": ["crop", "squish"]})
    file = tmp_path / "sweep.yaml"
    file.write_text("method: grid\n")
    for arguments, says in [
        ((record.id, "--drop", "a"), "give KEY=VALUE"),
        ((file, "--set", "a=1"), "is a file"),
        ((record.id, "--add", "a=1", "--name", "x"), "keeps its --name"),
        ((record.id, "--add", "a=1", "--pause"), "without --pause"),
        ((record.id, "--kill"), "--kill goes with a change"),
        ((record.id, "--set", "a=[1"), "not valid YAML"),
        (("nothing", "--set", "a=1"), "no sweep answers to 'nothing'"),
    ]:
        done = attempt("sweep", *arguments)
        assert done.returncode != 0
        assert says in done.stderr
        assert len(done.stderr.splitlines()) == 1


# A real agent


def test_a_sweep_over_nan_is_not_changed_all_the_time(store):
    record = make(store, {"a": [float("nan"), 1]}, command=["true"])
    done, _ = work(store, record, slots=1)
    assert done.outcome == Outcome.COMPLETE
    assert change_sweep(store, record.id, edits("drop a=.nan")).planned == 2


def test_an_agent_at_work_goes_on_with_the_changed_sweep(store, tmp_path):
    gate = tmp_path / "gate"
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)"
    record = make(store, {"n": range(5)}, command=python(wait))
    agent = start_agent(record, slots=2)
    try:
        until(lambda: len(store.runs(sweep=record.id, states=[RunState.RUNNING])) == 2)
        change_sweep(store, record.id, edits("drop n=0", "drop n=2"))
        done = call("sweep", record.id, "--drop", "n=1", "--add", "n=7", "--kill")
        assert "2 runs killed\nthe agents at work go on with it\n" in done.stderr
        gate.touch()
        assert agent.wait(timeout=60) == 0
    finally:
        agent.kill()
        agent.communicate()
    assert [(run.config["n"], run.state, run.reason) for run in store.runs(sweep=record.id)] == [
        (0, "killed", "not in its sweep any more: n=7 added; n=1 dropped"),
        (1, "killed", "not in its sweep any more: n=7 added; n=1 dropped"),
        *((n, "finished", "") for n in (3, 4, 7)),
    ]
    ended = store.sweep(record.id)
    assert (ended.state, ended.planned) == (SweepState.FINISHED, 5)
    change_sweep(store, record.id, edits("add n=8"))
    work(store, store.sweep(record.id), slots=1)
    assert store.sweep(record.id).state == SweepState.FINISHED
    assert store.runs(sweep=record.id)[-1].config == {"n": 8}
