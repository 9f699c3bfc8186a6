"""Which run is recommended, how sure that is, and when a sweep is settled; truths are known."""

import json
import math
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homerun.core import RunState, UsageError
from homerun.search import Observation, outlook, recommend, runs_needed
from homerun.search.best.judging import Beliefs, chances, repeats_to_tell, ties
from homerun.spec import from_dict
from tests.finished_sweeps import MIXED, observed, truth

SWEEP = from_dict(MIXED)
GRID = from_dict(
    {
        "method": "grid",
        "metric": {"name": "acc", "goal": "maximize"},
        "parameters": {"a": {"values": [1, 2, 3]}, "b": {"values": ["x", "y"]}},
    }
)
SCHEDULED = {
    "method": "custom",
    "metric": {"name": "acc"},
    "scheduler": {"engine": "optuna", "source": "space.py", "search_space": "space"},
}


def noisy(noise):
    return lambda config, rng: truth(config) + rng.gauss(0, noise)


def seen(config, value, **more):
    return Observation(config=config, values={"acc": value}, **more)


def grid_runs(value, **more):
    return [
        seen({"a": a, "b": b}, value(a, b), id=f"{a}{b}", **more) for a in (1, 2, 3) for b in "xy"
    ]


# With a model, on average


@pytest.fixture(scope="module")
def answers():
    """Return recommendations after 30 noisy runs of one function, with the truth."""
    found = []
    for seed in range(16):
        runs = observed(MIXED, 30, noisy(0.03), seed=seed)
        found.append(recommend(SWEEP, runs))
    return found


def test_the_recommended_is_no_worse_than_the_luckiest(answers):
    recommended = np.mean([truth(one.best.config) for one in answers])
    luckiest = np.mean([truth(one.observed.config) for one in answers])
    assert recommended <= luckiest + 0.001
    assert sum(one.best is not one.observed for one in answers) >= 3


def test_intervals_hold_the_truth_as_often_as_they_say(answers):
    held = [one.best.low <= truth(one.best.config) <= one.best.high for one in answers]
    assert np.mean(held) >= 0.75
    everyone = [c.low <= truth(c.config) <= c.high for one in answers for c in one.top]
    assert 0.8 <= np.mean(everyone) <= 0.99


def test_what_is_told_apart_is_worse(answers):
    apart = [
        truth(c.config) < truth(one.best.config)
        for one in answers
        for c in one.top[1:]
        if not c.is_tied
    ]
    assert len(apart) > 200
    assert np.mean(apart) <= 0.05


def test_the_loss_of_luck_is_expected(answers):
    expected = np.mean([one.falls_back for one in answers])
    really = np.mean([truth(one.observed.config) - one.observed.observed for one in answers])
    assert 0 < expected == pytest.approx(really, rel=0.6)
    assert any("winner's curse" in sentence for one in answers for sentence in one.sentences)


def test_the_noise_is_found(answers):
    assert np.median([one.noise for one in answers]) == pytest.approx(0.03, rel=0.5)


def test_without_noise_the_best_is_the_best_observed():
    for seed in range(3):
        answer = recommend(SWEEP, observed(MIXED, 40, lambda config, _: truth(config), seed=seed))
        assert truth(answer.best.config) == pytest.approx(answer.observed.observed, rel=0.03)


def rough(config):
    """Return a loss with structure that is too fine for a smooth model."""
    return truth(config) + 0.02 * math.sin(1e4 * config["decay"])


@pytest.fixture(scope="module")
def rough_runs():
    """Return 20 runs without noise of a rough loss, and repeats of the best five."""
    runs = observed(MIXED, 20, lambda config, _: rough(config), seed=2)
    best = sorted(runs, key=lambda run: run.values["loss"])[:5]
    return runs, [replace(run, id=f"again-{run.id}") for run in best * 2]


def test_repeats_tell_fine_structure_from_noise(rough_runs):
    runs, again = rough_runs
    single, repeated = recommend(SWEEP, runs), recommend(SWEEP, [*runs, *again])
    assert repeated.best is repeated.observed
    assert repeated.best.mean == pytest.approx(repeated.best.observed, abs=0.002)
    assert repeated.noise < single.noise / 3
    shaken = random.Random(0)
    moved = [
        replace(run, values={"loss": run.values["loss"] + shaken.gauss(0.03, 0.02)})
        for run in again
    ]
    answer = recommend(SWEEP, [*runs, *moved])
    assert answer.noise > 3 * repeated.noise


def test_what_comes_again_is_no_noise_to_hide_gains(rough_runs):
    runs, again = rough_runs
    found = outlook(SWEEP, [*runs, *again])
    assert not found.is_settled
    assert found.gain > found.noise


def test_the_same_runs_give_the_same_answer():
    runs = observed(MIXED, 20, noisy(0.05))
    assert recommend(SWEEP, runs) == recommend(SWEEP, runs)


def test_more_is_better_where_it_is_said():
    runs = observed(MIXED, 20, noisy(0.05))
    turned = from_dict({**MIXED, "metric": {"name": "loss", "goal": "maximize"}})
    mirrored = [
        Observation(config=one.config, values={"loss": -one.values["loss"]}, id=one.id)
        for one in runs
    ]
    one, other = recommend(SWEEP, runs), recommend(turned, mirrored)
    assert [c.id for c in one.top] == [c.id for c in other.top]
    assert other.best.mean == pytest.approx(-one.best.mean)
    assert (other.best.low, other.best.high) == pytest.approx((-one.best.high, -one.best.low))
    assert other.falls_back == pytest.approx(one.falls_back)


# What counts


def test_repeats_are_averaged_and_the_best_of_them_is_named():
    runs = grid_runs(lambda a, b: a + (b == "y"))
    runs += [seen({"a": 3, "b": "y"}, 5.0, id="lucky"), seen({"a": 3, "b": "y"}, 3.0, id="bad")]
    answer = recommend(GRID, runs)
    assert (answer.best.id, answer.best.repeats, answer.best.observed) == ("lucky", 3, 4.0)
    assert answer.finished == 8
    assert "(3 repeats)" in answer.sentence


def test_what_has_not_finished_by_itself_is_not_recommended():
    runs = grid_runs(lambda a, b: a)
    runs += [
        seen({"a": 3, "b": "y"}, 99.0, id="failed", state=RunState.FAILED),
        seen({"a": 3, "b": "y"}, 99.0, id="stopped", state=RunState.KILLED, is_censored=True),
        seen({"a": 3, "b": "y"}, 99.0, id="running", state=RunState.RUNNING),
        seen({"a": 3, "b": "y"}, 99.0, id="other", source="another sweep"),
        seen({"a": 3, "b": "y"}, None, id="nothing"),
        seen({"a": 3, "b": "y"}, float("nan"), id="nan"),
        seen({"a": 3}, 99.0, id="lacks b"),
    ]
    answer = recommend(GRID, runs)
    assert answer.finished == 6
    assert answer.best.config["a"] == 3
    assert answer.best.observed == 3


def test_with_few_configurations_it_is_the_best_observed():
    runs = grid_runs(lambda a, b: a + 0.5 * (b == "y"))[:3]
    answer = recommend(GRID, runs, names={"2x": "7"})
    assert (answer.best.id, answer.best.mean, answer.best.chance) == ("2x", None, None)
    assert answer.sentence == "run 7 has the best acc: 2"
    assert "too few" in answer.sentences[-1]


def test_no_run_and_one_run():
    assert recommend(GRID, []).best is None
    assert recommend(GRID, []).sentence == "no run has finished with a value of acc"
    answer = recommend(GRID, grid_runs(lambda a, b: a)[:1], names={"1x": "4"})
    assert answer.sentence == "run 4 has the best acc: 1"
    assert "only configuration" in answer.sentences[-1]


def test_constant_values_are_a_tie():
    answer = recommend(GRID, grid_runs(lambda a, b: 0.5))
    assert len(answer.tied) == 5
    assert "take any" in answer.sentence


def test_repeats_alone_tell_where_there_are_few_configurations():
    rng = random.Random(0)
    runs = [
        seen({"a": a, "b": "x"}, a + rng.gauss(0, 0.1), id=f"{a}-{i}")
        for a in (1, 2, 3)
        for i in range(3)
    ]
    answer = recommend(GRID, runs)
    assert answer.best.config["a"] == 3
    assert answer.tied == ()
    assert answer.best.low < answer.best.observed == answer.best.mean < answer.best.high


def test_parameters_that_code_defines_have_no_model():
    sweep = from_dict(SCHEDULED)
    answer = recommend(sweep, grid_runs(lambda a, b: a + (b == "y")))
    assert (answer.best.id, answer.best.mean, len(answer.top)) == ("1x", None, 6)
    assert "lists no parameters that a model could be made of" in answer.sentences[-1]
    assert outlook(sweep, grid_runs(lambda a, b: a) * 4).sentence == ""
    few = recommend(sweep, grid_runs(lambda a, b: a + (b == "y"))[:3])
    assert few.sentences[-1] == answer.sentences[-1]


def test_without_a_model_repeats_tell():
    sweep = from_dict({**SCHEDULED, "metric": {"name": "acc", "goal": "maximize"}})
    rng = random.Random(0)
    runs = [run for _ in range(3) for run in grid_runs(lambda a, b: a + rng.gauss(0, 0.1))]
    answer = recommend(sweep, runs)
    assert answer.best.config["a"] == 3
    assert [one.config["a"] for one in answer.tied] == [3]
    assert answer.best.low < answer.best.observed == answer.best.mean < answer.best.high


def test_of_many_runs_the_best_is_not_the_luckiest():
    runs = observed(MIXED, 700, noisy(0.03), seed=1)
    answer = recommend(SWEEP, runs)
    assert len(answer.top) == 700
    assert sum(one.mean is not None for one in answer.top) == 256
    assert truth(answer.best.config) < 0.115
    assert answer.best.low <= truth(answer.best.config) <= answer.best.high
    assert answer.noise == pytest.approx(0.03, rel=0.4)


def test_a_sweep_without_metric_needs_one():
    with pytest.raises(UsageError, match="no metric"):
        recommend(from_dict({"method": "grid", "parameters": {"a": {"values": [1, 2]}}}), [])


def test_several_goals_have_a_front():
    sweep = from_dict(
        {
            "method": "custom",
            "metrics": [{"name": "loss"}, {"name": "time"}],
            "parameters": {"a": {"values": [1, 2, 3]}},
        }
    )
    runs = [
        Observation(config={"a": a}, values={"loss": loss, "time": time}, id=str(a))
        for a, loss, time in ((1, 0.1, 9.0), (2, 0.2, 3.0), (3, 0.3, 5.0))
    ]
    answer = recommend(sweep, runs)
    assert (answer.best, [one.id for one in answer.front]) == (None, ["1", "2"])
    assert answer.sentence == "runs 1, 2 are not beaten in both loss and time"
    json.dumps(answer.to_dict())


@settings(max_examples=40)
@given(
    values=st.lists(
        st.one_of(st.none(), st.floats(), st.sampled_from([0.0, 1.0, 1e300, -1e-300])),
        max_size=6,
    )
)
def test_no_values_break_it(values):
    cells = [{"a": a, "b": b} for a in (1, 2, 3) for b in "xy"]
    runs = [seen(c, v, id=str(i)) for i, (c, v) in enumerate(zip(cells, values, strict=False))]
    answer = recommend(GRID, runs)
    finite = [v for v in values if v is not None and np.isfinite(v)]
    assert answer.finished == len(finite)
    assert (answer.best is None) == (not finite)
    assert answer.sentences
    json.dumps(answer.to_dict())


def test_without_numpy_it_is_the_best_observed():
    program = """
import sys
sys.modules["numpy"] = sys.modules["scipy"] = None
from homerun.search import Observation, recommend
from homerun.spec import from_dict
spec = {"method": "grid", "metric": {"name": "m"}, "parameters": {"a": {"values": [1, 2, 3, 4]}}}
runs = [Observation(config={"a": a}, values={"m": a * 0.1}, id=str(a)) for a in (1, 2, 3, 4)]
answer = recommend(from_dict(spec), runs)
print(answer.best.id, answer.sentences[-1])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("1 ")
    assert "pip install 'homerun[search]'" in done.stdout


# Judging


def test_chances_and_ties_of_independent_beliefs():
    beliefs = Beliefs(mean=np.array([1.0, 0.0, 0.0, 5.0]), covariance=np.eye(4) * 0.01, noise=0.01)
    assert chances(beliefs) == pytest.approx([0, 0.5, 0.5, 0], abs=0.03)
    assert ties(beliefs).tolist() == [False, False, True, False]


@pytest.mark.parametrize("behind", [1.0, 0.6, 0.4])
def test_the_repeats_that_are_asked_for_do_tell(behind):
    rng, noise = np.random.default_rng(0), 0.25
    needed = repeats_to_tell(behind, 1e6, noise)
    one = rng.normal(0, noise**0.5, (4000, needed)).mean(axis=1)
    other = rng.normal(behind, noise**0.5, (4000, needed)).mean(axis=1)
    told = np.mean(other - one > 1.645 * (2 * noise / needed) ** 0.5)
    assert 0.78 <= told <= 0.95


def test_too_many_repeats_are_not_asked_for():
    assert repeats_to_tell(0.01, 1.0, 1.0) is None
    assert repeats_to_tell(0.0, 1.0, 1.0) is None


# Settled


def test_it_is_too_early_to_say():
    few = outlook(SWEEP, observed(MIXED, 19, noisy(0.05)))
    assert (few.finished, few.gain, few.is_settled, few.sentence) == (19, None, False, "")
    many = {f"p{i}": {"values": [1, 2]} for i in range(8)}
    assert runs_needed(from_dict({**MIXED, "parameters": many})) == 32
    assert outlook(from_dict({**MIXED, "metric": {"name": "other"}}), []).sentence == ""


def test_nothing_is_to_be_gained_where_there_is_only_noise():
    runs = observed(MIXED, 60, lambda _, rng: rng.gauss(1, 0.1))
    rng = random.Random(1)
    again = [replace(run, values={"loss": rng.gauss(1, 0.1)}) for run in runs[:10]]
    found = outlook(SWEEP, [*runs[:10], *again, *runs[10:]])
    assert found.is_settled
    assert found.gain < found.noise == pytest.approx(0.1, rel=0.4)
    assert found.sentence.startswith("settled: the next 10 runs are expected to gain")


def test_without_repeats_nobody_knows_what_is_noise():
    found = outlook(SWEEP, observed(MIXED, 60, lambda _, rng: rng.gauss(1, 0.1)))
    assert (found.is_settled, found.lacks_repeats) == (False, True)
    assert found.sentence.endswith("if it is noise: repeats would tell")


def test_much_is_to_be_gained_after_few_runs_far_from_the_best():
    runs = observed(MIXED, 200, lambda config, _: truth(config))
    worst = sorted(runs, key=lambda one: -truth(one.config))[:40]
    found = outlook(SWEEP, worst)
    assert not found.is_settled
    assert found.gain > found.noise
    assert not found.sentence.startswith("settled")
