"""Several goals, a budget of time, and memory that runs out."""

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homerun import spec
from homerun.core import RunState
from homerun.search import (
    Observation,
    fill_guided,
    hypervolume,
    is_spent,
    pareto_front,
    suggest,
    suggest_runs,
)
from homerun.search.aims.budget import left_s
from homerun.search.aims.front import goal_values
from homerun.search.aims.goals import chebyshev
from homerun.search.aims.memory import learn
from homerun.search.aims.runtimes import budget_of
from homerun.search.models.coordinates import space_of

GOALS = (spec.Metric(name="error"), spec.Metric(name="speed", goal="maximize"))
VALUES = st.one_of(st.none(), st.just(math.nan), st.integers(-3, 3).map(float))
RUNS = st.lists(
    st.builds(
        Observation,
        config=st.just({}),
        state=st.sampled_from([RunState.FINISHED] * 3 + [RunState.RUNNING, RunState.FAILED]),
        values=st.fixed_dictionaries({"error": VALUES, "speed": VALUES}),
    ),
    max_size=12,
)


def finished(config, seconds=None, **values):
    return Observation(config=config, values=values, runtime_s=seconds)


def beats(one, other):
    as_good = one["error"] <= other["error"] and one["speed"] >= other["speed"]
    return as_good and (one["error"] < other["error"] or one["speed"] > other["speed"])


@given(RUNS)
def test_nothing_beats_the_front_and_it_beats_all_else(runs):
    front = pareto_front(runs, GOALS)
    compared = [
        i
        for i, run in enumerate(runs)
        if run.state is RunState.FINISHED
        and all(value is not None and math.isfinite(value) for value in run.values.values())
    ]
    assert set(front) <= set(compared)
    for i in compared:
        is_beaten = any(beats(runs[j].values, runs[i].values) for j in front)
        assert is_beaten == (i not in front)
    assert [runs[i].values["error"] for i in front] == sorted(
        runs[i].values["error"] for i in front
    )


@given(RUNS, st.randoms())
def test_front_does_not_depend_on_the_order(runs, dice):
    mixed = list(range(len(runs)))
    dice.shuffle(mixed)
    front = pareto_front([runs[i] for i in mixed], GOALS)
    assert {mixed[i] for i in front} == set(pareto_front(runs, GOALS))


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), max_size=6))
def test_hypervolume_counts_the_unit_cubes(points):
    corners = itertools.product(range(4), repeat=3)
    covered = sum(
        any(all(p <= c for p, c in zip(point, corner, strict=True)) for point in points)
        for corner in corners
    )
    assert hypervolume(points, (4, 4, 4)) == covered


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=2, max_size=10),
    st.floats(0.05, 0.95),
)
def test_what_beats_another_run_is_not_worse_in_any_weighting(points, share):
    scores = chebyshev(np.array(points), np.array([share, 1 - share]))
    for (one, a), (other, b) in itertools.permutations(zip(points, scores, strict=True), 2):
        if all(x <= y for x, y in zip(one, other, strict=True)):
            assert a <= b + 1e-9


MIXED = {
    **{f"x{i}": {"min": 0.0, "max": 1.0} for i in range(4)},
    "kind": {"values": ["a", "b", "c"]},
    "n": {"min": 1, "max": 8},
}


def zdt1(c):
    """Zitzler, Deb, Thiele 2000, with a category and a whole number among the parameters."""
    away = [c["x1"], c["x2"], c["x3"], float(c["kind"] != "b"), abs(c["n"] - 5) / 4]
    g = 1 + 9 * sum(away) / len(away)
    return c["x0"], g * (1 - math.sqrt(c["x0"] / g))


def dtlz2(c):
    """Deb, Thiele, Laumanns, Zitzler 2002, likewise."""
    g = sum((c[f"x{i}"] - 0.5) ** 2 for i in (1, 2, 3))
    g += 0.3 * (c["kind"] != "b") + 0.02 * (c["n"] - 5) ** 2
    angle = c["x0"] * math.pi / 2
    return (1 + g) * math.cos(angle), (1 + g) * math.sin(angle)


def covered(objective, reference, choose, runs=32):
    """Return the hypervolume after some runs."""
    sweep = spec.from_dict(
        {
            "method": "custom",
            "metrics": [{"name": "f"}, {"name": "speed", "goal": "maximize"}],
            "parameters": MIXED,
        }
    )
    seen = []
    for _ in range(runs):
        config = choose(sweep, seen)
        f, g = objective(config)
        seen.append(finished(config, f=f, speed=-g))
    front = [goal_values(seen[i], sweep.metrics) for i in pareto_front(seen, sweep.metrics)]
    return hypervolume(front, reference)


@pytest.mark.parametrize(("objective", "reference"), [(zdt1, (1.1, 7.0)), (dtlz2, (2.0, 2.0))])
def test_search_for_a_front_beats_random_draws(objective, reference):
    dice = random.Random(0)

    def draw(sweep, seen):
        return {
            **{f"x{i}": dice.random() for i in range(4)},
            "kind": dice.choice("abc"),
            "n": dice.randint(1, 8),
        }

    def search(seed):
        return lambda sweep, seen: suggest_runs(sweep, seen, n=1, seed=seed)[0].config

    drawn = [covered(objective, reference, draw) for _ in range(10)]
    found = [covered(objective, reference, search(seed)) for seed in ("0", "1")]
    assert np.mean(found) > np.mean(drawn)


def test_suggestions_for_several_goals_are_weighted_each_and_have_no_unit():
    sweep = spec.from_dict(
        {"method": "custom", "metrics": [{"name": "f"}, {"name": "g"}], "parameters": MIXED}
    )
    dice = random.Random(0)
    runs = []
    for _ in range(12):
        config = {f"x{i}": dice.random() for i in range(4)} | {"kind": "a", "n": 3}
        runs.append(finished(config, f=dice.random(), g=dice.random()))
    runs.append(Observation(config=runs[0].config | {"n": 4}, state=RunState.FAILED))
    found = suggest_runs(sweep, runs, n=6, seed="1")
    assert found == suggest_runs(sweep, runs, n=6, seed="1")
    notes = {one.note for one in found if one.by in ("gaussian", "forest")}
    assert len(notes) > 1
    assert all(note.startswith("goals weighted: f ") for note in notes)
    assert all(one.mean is None for one in found)


def timed(c):
    """Return a loss and the seconds it takes: wide and deep ones take long."""
    seconds = 20 * (c["width"] / 64) * c["depth"] / 2
    loss = (math.log10(c["lr"]) + 2.3) ** 2 / 2 + 0.4 * (c["kind"] != "b")
    loss += 0.3 * (math.log2(c["width"]) - 8) ** 2 / 8 + 0.02 * (c["depth"] - 6) ** 2
    return loss, seconds


def slow_sweep(**settings):
    return spec.from_dict(
        {
            "method": "bayes",
            "metric": {"name": "loss"},
            "parameters": {
                "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0},
                "width": {"distribution": "q_log_uniform_values", "min": 16, "max": 1024, "q": 1},
                "depth": {"min": 1, "max": 12},
                "kind": {"values": ["a", "b", "c"]},
            },
            "homerun": settings,
        }
    )


def spend(sweep, seed, within_s):
    """Return the best loss found within a time, and the time taken."""
    runs, taken = [], 0.0
    while taken < within_s:
        found = suggest_runs(sweep, runs, n=1, seed=str(seed))
        if not found:
            break
        loss, seconds = timed(found[0].config)
        if sweep.settings.budget_s is None and taken + seconds > within_s:
            break
        taken += seconds
        runs.append(finished(found[0].config, seconds, loss=loss))
    return min(run.values["loss"] for run in runs), taken


def test_budget_finds_as_good_a_value_in_less_time():
    plain = [spend(slow_sweep(), seed, 3600)[0] for seed in range(3)]
    aware = [spend(slow_sweep(budget="1h"), seed, 3600) for seed in range(3)]
    assert np.mean([loss for loss, _ in aware]) <= np.mean(plain)
    assert max(taken for _, taken in aware) < 1.1 * 3600


def test_budget_counts_what_was_spent_and_what_runs():
    runs = [
        finished({}, 100.0),
        Observation(config={}, state=RunState.FAILED, runtime_s=50.0),
        Observation(config={}, state=RunState.RUNNING, runtime_s=30.0),
        Observation(config={}, state=RunState.PENDING),
        Observation(config={}, runtime_s=1e6, source="another"),
    ]
    assert left_s(1000, runs, lambda _: 20.0) == 1000 - 100 - 50 - 30 - 20
    assert not is_spent(slow_sweep(), runs)
    assert not is_spent(slow_sweep(budget="451s"), runs)  # an open one is expected to take 100 s
    assert is_spent(slow_sweep(budget="449s"), runs)
    assert not is_spent(slow_sweep(budget="1s"), [])


def test_near_the_end_only_what_will_end_in_time_is_proposed():
    sweep = slow_sweep(budget="2h")
    dice = random.Random(0)
    runs = []
    for _ in range(25):
        config = {
            "lr": 10 ** dice.uniform(-4, 0),
            "width": dice.choice([16, 64, 256, 1024]),
            "depth": dice.randint(1, 12),
            "kind": dice.choice("abc"),
        }
        loss, seconds = timed(config)
        runs.append(finished(config, seconds, loss=loss))
    taken = sum(run.runtime_s for run in runs)
    sweep = slow_sweep(budget=f"{taken + 100:.0f}s")
    found = suggest_runs(sweep, runs, n=4, seed="3")
    assert found
    assert sum(timed(one.config)[1] for one in found) < 150
    assert suggest_runs(slow_sweep(budget=f"{taken:.0f}s"), runs, n=2, seed="3") == []
    budget = budget_of(space_of(sweep), runs)
    assert budget.left_s == pytest.approx(100, abs=1)
    assert 0 < budget.share < 0.1


def test_few_deaths_tell_where_memory_ends():
    dice = np.random.default_rng(0)
    points = dice.random((200, 3))
    died = points[:, 0] + points[:, 1] > 1.1  # logarithms of batch and size
    few = learn(points[:20], died[:20], np.zeros(3, bool))
    chance = np.exp(few.log_fits(points[20:]))
    assert chance[died[20:]].mean() < 0.3 < 0.7 < chance[~died[20:]].mean()
    assert np.exp(few.log_fits(np.array([[1.0, 1.0, 0.5]])))[0] < 0.05  # never tried, but larger


def test_a_category_that_needs_too_much_memory_is_known():
    points = np.array([[u, level] for u in (0.1, 0.4, 0.7, 0.9) for level in (0.0, 1.0)])
    died = points[:, 1] == 1
    chance = np.exp(learn(points, died, np.array([False, True])).log_fits(points))
    assert (chance[died] < 0.35).all()
    assert (chance[~died] > 0.65).all()


def test_runs_that_would_die_of_memory_are_hardly_proposed():
    sweep = spec.from_dict(
        {
            "method": "bayes",
            "metric": {"name": "loss"},
            "parameters": {
                "lr": {"distribution": "log_uniform_values", "min": 1e-4, "max": 1.0},
                "batch": {"values": [8, 16, 32, 64, 128, 256, 512]},
                "size": {"min": 64, "max": 512},
            },
        }
    )

    def needs(config):
        return config["batch"] * config["size"] / (64 * 256)

    far = 0
    for seed in range(3):
        runs = []
        for number in range(18):
            (one,) = suggest_runs(sweep, runs, n=1, seed=str(seed))
            if needs(one.config) > 1:
                far += number >= 8 and needs(one.config) > 2
                runs.append(
                    Observation(config=one.config, state=RunState.FAILED, out_of_memory="gpu")
                )
            else:  # the larger the better: it is drawn to the edge
                loss = (math.log10(one.config["lr"]) + 2) ** 2 - math.log2(needs(one.config)) / 3
                runs.append(finished(one.config, loss=loss))
    assert far <= 4  # of 30, where nearly half of the space would die


def test_runs_of_a_list_tell_their_time_and_what_they_died_of():
    sweep = dict(slow_sweep(budget="100s").spec)
    point = {"lr": 0.1, "width": 64, "depth": 2, "kind": "a"}
    runs = [{"config": point, "loss": 1.0, "runtime_s": 40.0}]
    (config,) = suggest(sweep, runs)
    assert config != point
    died = {"config": config, "state": "failed", "runtime_s": 30.0, "out_of_memory": "gpu"}
    assert suggest(sweep, [*runs, died]) == []  # 30 of 100 seconds are left: none was that quick


def test_runs_under_way_may_leave_more_of_a_budget_than_expected():
    sweep = slow_sweep(budget="450s")
    point = {"lr": 0.1, "width": 64, "depth": 2, "kind": "a"}
    ended = finished(point, 400.0, loss=1.0)
    running = Observation(config=point | {"depth": 3}, state=RunState.RUNNING, runtime_s=10.0)
    now = fill_guided(sweep, [ended, running], cursor=2, n=1)
    assert (now.proposals, now.exhausted, now.waits) == ((), False, True)
    later = fill_guided(sweep, [ended, ended], cursor=2, n=1)
    assert (later.proposals, later.exhausted, later.waits) == ((), True, False)
