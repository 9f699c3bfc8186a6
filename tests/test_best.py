"""`homerun best`, `homerun sweep --explain`, settled sweeps, the Api's best run, in real homes."""

import json
import random
from pathlib import Path

import pytest

import homerun as hr
from homerun.agent import Wishes, create_sweep, work_home, work_sweep
from homerun.core import SpecError, SweepState
from homerun.search import fill
from homerun.spec import from_dict
from homerun.store import Store, edit_summary
from tests.agent_home import make_sweep
from tests.cli_call import attempt, call, start
from tests.finished_sweeps import MIXED, end_runs, finish, truth

GRID = {
    "method": "grid",
    "name": "grid",
    "command": ["true", "${args}"],
    "metric": {"name": "acc", "goal": "maximize"},
    "parameters": {"a": {"values": [1, 2, 3]}, "b": {"values": ["x", "y"]}},
}


@pytest.fixture
def store(home):
    with Store(home) as found:
        yield found


def noisy(noise, seed=0):
    rng = random.Random(seed)
    return lambda config, _: truth(config) + rng.gauss(0, noise)


# homerun best


def test_the_table_and_the_sentences(store, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    record = finish(store, MIXED, noisy(0.02))
    done = call("best", record.id)
    lines = done.stdout.splitlines()
    assert lines[0] == "tests > mixed"
    assert lines[1].split()[:4] == ["RUN", "loss", "EXPECTED", "CHANCE"]
    assert "epochs" not in lines[1]
    assert len(lines[2:7]) == 5
    assert max(map(len, lines[:7])) <= 80
    assert lines[8].startswith("Run ")
    assert " is best: loss 0.1" in lines[8]
    assert f"homerun promote {record.id} --top" in done.stderr


def test_the_document(store):
    record = finish(store, MIXED, noisy(0.02))
    done = json.loads(call("best", record.id, "--json", "-n", "3").stdout)
    assert (done["sweep"], done["finished"], done["candidates"]) == (record.id, 30, 30)
    assert done["top"][0]["number"] == done["best"]["number"]
    assert len(done["top"]) == 3
    assert done["best"]["low"] < done["best"]["mean"] < done["best"]["high"]
    assert done["sentences"][0].startswith(f"run {done['best']['number']} is best")


def test_a_grid_with_another_metric_and_goal(store):
    record = finish(store, GRID, lambda config, _: config["a"] / 10, n=6)
    for run in store.runs(sweep=record.id):
        edit_summary(store, run.id, {"time": 7.0 - run.config["a"] - (run.config["b"] == "y")})
    best = json.loads(call("best", record.id, "--json").stdout)["best"]
    assert best["config"]["a"] == 3
    fastest = json.loads(call("best", record.id, "--metric", "time", "--json").stdout)
    assert (fastest["best"]["config"], fastest["is_maximized"]) == ({"a": 3, "b": "y"}, False)
    slowest = call("best", record.id, "--metric", "time", "--goal", "maximize", "--json").stdout
    assert json.loads(slowest)["best"]["config"] == {"a": 1, "b": "x"}


def begins_with(store, record):
    """Return the configuration that a new sweep begins with by --defaults, constants and all."""
    done = call("sweep", "new.json", "--defaults", record.id)
    (given,) = store.sweep(done.stdout.strip()).spec["homerun"]["defaults"]
    return {**given, "epochs": 3}


def test_a_sweep_begins_with_the_recommended_run(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("new.json").write_text(json.dumps({**MIXED, "method": "bayes"}))
    record = finish(store, MIXED, noisy(0.06))
    facts = json.loads(call("best", record.id, "--json").stdout)
    assert facts["best"]["id"] != facts["observed"]["id"]
    assert begins_with(store, record) == facts["best"]["config"]
    few = finish(store, MIXED, noisy(0.03), n=3)
    assert (
        begins_with(store, few)
        == json.loads(call("best", few.id, "--json").stdout)["best"]["config"]
    )


def test_of_few_runs_it_is_the_best_value(store):
    record = finish(store, GRID, lambda config, _: config["a"] / 10, n=3)
    done = call("best", record.id)
    assert "has the best acc: 0.2" in done.stdout
    assert "too few" in done.stdout
    assert "EXPECTED" not in done.stdout


def test_of_no_run_there_is_none(store):
    record = make_sweep(store, ["true"], metric={"name": "loss"})
    done = call("best", record.id)
    assert "No run has finished with a value of loss." in done.stdout
    assert f"homerun agent {record.id}" in done.stderr


def test_what_cannot_be_asked(store):
    record = make_sweep(store, ["true"])
    done = attempt("best", record.id)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no metric: says what is best" in done.stderr
    assert "--goal goes with --metric" in attempt("best", record.id, "--goal", "maximize").stderr
    assert attempt("best", "nothing").returncode == 1


def test_several_goals(store):
    kept = {key: value for key, value in GRID.items() if key != "metric"}
    spec = {
        **kept,
        "method": "custom",
        "metrics": [{"name": "acc", "goal": "maximize"}, {"name": "time"}],
        "homerun": {"configs": [{"a": a, "b": "x"} for a in (1, 2, 3)]},
    }
    values = {1: (0.5, 1.0), 2: (0.6, 3.0), 3: (0.4, 2.0)}
    record = finish(
        store, spec, lambda config, _: dict(zip(("acc", "time"), values[config["a"]], strict=True))
    )
    done = call("best", record.id)
    assert "are not beaten in both acc and time" in done.stdout
    assert done.stdout.splitlines()[1].split() == ["RUN", "acc", "time", "a"]
    front = json.loads(call("best", record.id, "--json").stdout)["front"]
    assert [one["config"]["a"] for one in front] == [2, 1]


# Api


def test_the_api_recommends(store):
    record = finish(store, MIXED, noisy(0.03))
    sweep = hr.Api().sweep(record.id)
    answer = sweep.recommendation
    assert sweep.best_run().id == answer.best.id
    lowest = min(store.runs(sweep=record.id), key=lambda run: run.summary["loss"])
    assert sweep.best_run(sweep.order).id == lowest.id == answer.observed.id
    assert answer.sentences == json.loads(call("best", record.id, "--json").stdout)["sentences"]


def test_the_api_gives_the_best_value_of_few_runs(store):
    record = finish(store, GRID, lambda config, _: config["a"] / 10, n=3)
    assert hr.Api().sweep(record.id).best_run().config == {"a": 2, "b": "x"}
    empty = make_sweep(store, ["true"], metric={"name": "loss"})
    assert hr.Api().sweep(empty.id).best_run() is None


# Why a run has its configuration


def explained(number):
    return json.loads(call("sweep", "--explain", str(number), "--json").stdout)


def test_why_a_run_of_a_grid(store):
    record = finish(store, GRID, lambda config, _: 0.5, n=1)
    assert "a point of the grid" in call("sweep", "--explain", "1").stdout
    facts = explained(1)
    assert (facts["run"], facts["sweep"], facts["observed"]) == (1, record.id, 0.5)
    assert (facts["suggestion"], facts["promoted_from"]) == (None, None)


def test_why_a_model_suggested_a_run(store):
    record = make_sweep(store, ["true"], metric={"name": "loss"})
    reason = {"by": "gaussian", "mean": 0.3, "low": 0.2, "high": 0.4, "best": 0.35}
    reason |= {"improvement": 0.06, "runs": 12}
    store.propose(record, [({"n": 0}, 0)], cursor=1, reasons=[reason])
    end_runs(store, record.id, lambda *_: 0.45, n=1)
    text = call("sweep", "--explain", "1").stdout
    assert "Gaussian process" in text
    assert "(12 finished runs known)" in text
    assert "loss 0.3 [0.2, 0.4]" in text
    assert "0.35 was the best mean until then; it was expected to improve on that by 0.06" in text
    assert "loss 0.45, above the interval, which leaves out the noise" in text
    assert explained(1)["suggestion"] == reason
    assert "expected 0.3 [0.2, 0.4]" in call("show", "1").stdout
    assert json.loads(call("show", "1", "--json").stdout)["suggestion"] == reason


def test_why_a_run_of_no_sweep(store):
    store.add_run("alone", project="tests")
    assert "whoever started it" in call("sweep", "--explain", "alone").stdout
    assert attempt("sweep", "--explain", "nothing").returncode == 1


# Settled


def nearly_done(store, **more):
    """Return a sweep with nothing to gain any more, of which an agent runs the rest."""
    rng = random.Random(3)
    spec = {**MIXED, "homerun": {"max_failures": 0, "repeats": 2, **more}}
    record = finish(store, spec, lambda *_: rng.gauss(1, 0.1), n=60)
    return store.sweep(record.id)


def test_a_settled_sweep_ends_if_asked_to(store):
    record = nearly_done(store)
    done = start("agent", record.id, "--stop-when-settled")
    found = store.sweep(record.id)
    assert found.state == SweepState.FINISHED
    assert found.reason.startswith("settled: the next 10 runs are expected to gain")
    assert found.outlook == found.reason
    assert found.reason in done.stderr
    assert store.counts(record.id)["finished"] == 61
    assert "outlook     settled" in call("show", record.id).stdout
    assert json.loads(call("ls", "--json").stdout)["sweeps"][0]["outlook"] == found.outlook


def test_the_file_can_ask_for_it(store):
    record = nearly_done(store, stop_when_settled=True)
    done = work_sweep(store, record, wishes=Wishes(slots=1))
    assert (done.outcome, store.sweep(record.id).state) == ("settled", SweepState.FINISHED)


def test_an_agent_of_the_whole_home_says_so(store):
    record = nearly_done(store, stop_when_settled=True)
    said = []
    work_home(store, wishes=Wishes(slots=1), on_event=lambda event: said.append(str(event)))
    assert any(f"sweep {record.id} is settled" in text for text in said)


def test_a_search_without_repeats_runs_the_best_again_to_know_the_noise(store):
    rng = random.Random(3)
    configs = fill(from_dict(MIXED), cursor=0, n=60).proposals
    searched = {**MIXED, "method": "bayes", "homerun": {"stop_when_settled": True}}
    record = create_sweep(store, from_dict(searched), cwd=Path("/"), project="tests")
    store.propose(record, configs, cursor=60)
    end_runs(store, record.id, lambda *_: rng.gauss(1, 0.1), n=60)
    work_sweep(store, store.sweep(record.id), wishes=Wishes(slots=1), count=2)
    best = min(store.runs(sweep=record.id), key=lambda run: run.summary.get("loss", 2))
    again = [run for run in store.runs(sweep=record.id) if run.repeat > 0]
    assert [(run.config, run.repeat) for run in again] == [(best.config, i) for i in (1, 2, 3)]
    assert store.sweep(record.id).outlook.endswith("if it is noise: repeats would tell")
    assert "the best so far once more" in call("sweep", "--explain", again[0].id).stdout
    assert store.sweep(record.id).cursor >= 63


def test_what_has_no_metric_cannot_settle(store):
    record = make_sweep(store, ["true"])
    done = attempt("agent", record.id, "--stop-when-settled")
    assert (done.returncode, store.counts(record.id)) == (2, {})
    assert "has no metric: that could settle" in done.stderr
    spec = {key: value for key, value in GRID.items() if key != "metric"}
    with pytest.raises(SpecError, match="stop_when_settled: needs metric:"):
        from_dict({**spec, "homerun": {"stop_when_settled": True}})


def test_a_sweep_that_does_not_learn_goes_on(store):
    record = nearly_done(store)
    done = work_sweep(store, record, wishes=Wishes(slots=1), count=2)
    assert done.outcome == "count"
    assert store.sweep(record.id).outlook == ""
