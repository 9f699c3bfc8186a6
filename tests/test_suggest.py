"""What the searches suggest: laws that always hold, and that they search better than chance."""

import json
import math
import statistics
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import homerun as hr
from homerun import spec
from homerun.core import RunState, SpecError, UsageError, config_hash
from homerun.search import Observation, suggest_runs
from homerun.search.models import gaussian
from homerun.search.models.coordinates import space_of
from homerun.search.models.outcomes import Warp, aim_of, outcomes_of, warp_of
from tests.sweep_strategies import ANY, sweeps

BAYES = sweeps("bayes", ANY).map(lambda sweep: {"metric": {"name": "loss"}, **sweep})
NUMBERS = {"x": {"min": -5.0, "max": 10.0}, "y": {"min": 0.0, "max": 15.0}}
MIXED = {
    **NUMBERS,
    "kind": {"values": ["plain", "tilted", "raised"]},
    "lr": {"min": 1e-5, "max": 1.0, "distribution": "log_uniform_values"},
}
MODELS = ["auto", "gaussian", "forest"]


def sweep_of(parameters=NUMBERS, *, goal="minimize", impute="worst", **homerun):
    return spec.from_dict(
        {
            "method": "bayes",
            "metric": {"name": "loss", "goal": goal, "impute": impute},
            "parameters": parameters,
            "homerun": homerun,
        }
    )


def branin(config):
    x, y = config["x"], config["y"]
    bend = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def mixed(config):
    off = math.log10(config["lr"]) + 3
    return (
        branin(config) + {"plain": 0, "tilted": config["x"], "raised": 20}[config["kind"]] + off**2
    )


def seen(config, value=None, state=RunState.FINISHED, **facts):
    return Observation(config=config, values={"loss": value}, state=state, **facts)


def searched(sweep, function, runs, *, seed="0", known=()):
    """Return the runs of a search, one after another."""
    found = list(known)
    for _ in range(runs):
        (one,) = suggest_runs(sweep, found, n=1, seed=seed)
        found.append(seen(one.config, function(one.config)))
    return found[len(known) :]


def drawn(sweep, n, seed=0):
    space = space_of(sweep)
    return [space.config(point) for point in space.draw(np.random.default_rng(seed), n)]


@pytest.mark.parametrize("search", ["auto", "gaussian", "forest", "sobol"])
def test_one_seed_gives_one_sequence(search):
    sweep = sweep_of(MIXED, search=search)
    one = [run.config for run in searched(sweep, mixed, 9, seed="a")]
    assert one == [run.config for run in searched(sweep, mixed, 9, seed="a")]
    if search != "sobol":
        assert one != [run.config for run in searched(sweep, mixed, 9, seed="b")]
    assert one != [run.config for run in searched(sweep_of(MIXED, search=search, seed=5), mixed, 9)]


@settings(max_examples=40, deadline=None)
@given(BAYES, st.sampled_from(MODELS), st.data())
def test_suggestions_fit_the_sweep_and_are_new(raw, search, data):
    raw = {**raw, "homerun": {**raw.get("homerun", {}), "search": search}}
    sweep = spec.from_dict(raw)
    outcomes = st.none() | st.floats(allow_nan=True, allow_infinity=True)
    runs, known = [], set()
    for _ in range(3):
        found = suggest_runs(sweep, runs, n=4, seed="0")
        for one in found:
            assert spec.fits(sweep, one.config), one.config
            assert config_hash(one.config) not in known
            known.add(config_hash(one.config))
            state = data.draw(st.sampled_from(list(RunState)))
            runs.append(seen(one.config, data.draw(outcomes), state))
            json.dumps(one.reason())


@pytest.mark.parametrize("search", [*MODELS, "sobol"])
@pytest.mark.parametrize("outcome", [1.0, math.nan, math.inf, -math.inf, None, 1e308])
def test_strange_outcomes_break_nothing(search, outcome):
    sweep = sweep_of(MIXED, search=search)
    runs = [seen(config, outcome) for config in drawn(sweep, 12)]
    runs += [seen(config, mixed(config)) for config in drawn(sweep, 3, seed=1)]
    for some in (runs[:1], runs[:12], runs):
        (one,) = suggest_runs(sweep, some, n=1, seed="0")
        assert spec.fits(sweep, one.config)
        assert all(math.isfinite(v) for v in one.reason().values() if isinstance(v, float))


@pytest.mark.parametrize("search", [*MODELS, "sobol"])
def test_a_finite_space_ends_with_each_point_once(search):
    parameters = {"a": {"values": ["x", "y", True, 1]}, "b": {"min": 1, "max": 4}}
    sweep = sweep_of(parameters, search=search, constraints=["b < 4 or a == 'x'"])
    runs = searched(sweep, lambda config: config["b"], 13)
    assert len({config_hash(run.config) for run in runs}) == 13
    assert suggest_runs(sweep, runs, n=2, seed="0") == []
    assert len(suggest_runs(sweep, runs[:10], n=9, seed="0")) == 3


def test_a_larger_finite_space_ends_too():
    parameters = {"a": {"min": 1, "max": 2100}}
    sweep = sweep_of(parameters)
    configs = [{"a": i} for i in range(1, 2101)]
    runs = [seen(config, float(config["a"])) for config in configs]
    assert suggest_runs(sweep, runs, n=1, seed="0") == []
    left = [one.config for one in suggest_runs(sweep, runs[:1000] + runs[1002:], n=5, seed="0")]
    assert sorted(config["a"] for config in left) == [1001, 1002]


def test_constraints_that_exclude_everything_are_said():
    sweep = sweep_of(NUMBERS)
    impossible = sweep_of(NUMBERS, constraints=["x > 11"]).settings.constraints
    sweep = replace(sweep, settings=replace(sweep.settings, constraints=impossible))
    with pytest.raises(SpecError, match="exclude every configuration that was tried"):
        suggest_runs(sweep, [], n=1, seed="0")


@pytest.mark.parametrize("search", MODELS)
def test_other_units_of_the_metric_change_nothing(search):
    sweep = sweep_of(MIXED, search=search)
    configs = drawn(sweep, 30)
    one = suggest_runs(sweep, [seen(c, mixed(c)) for c in configs], n=2, seed="0")
    other = suggest_runs(sweep, [seen(c, 1000 * mixed(c) - 7e4) for c in configs], n=2, seed="0")
    upside_down = sweep_of(MIXED, search=search, goal="maximize")
    turned = suggest_runs(upside_down, [seen(c, -mixed(c)) for c in configs], n=2, seed="0")
    for a, b, c in zip(one, other, turned, strict=True):
        assert space_of(sweep).encode(a.config) == pytest.approx(
            space_of(sweep).encode(b.config), abs=1e-6
        )
        assert a.config == c.config
        if a.mean is not None:
            assert b.mean == pytest.approx(1000 * a.mean - 7e4, rel=1e-6)
            assert c.mean == pytest.approx(-a.mean)
            assert (c.low, c.high) == (-a.high, -a.low)


def test_the_order_of_values_changes_nothing():
    def run(names):
        sweep = sweep_of({**MIXED, "kind": {"values": names}})
        return [one.config for one in searched(sweep, mixed, 12)]

    assert run(["plain", "tilted", "raised"]) == run(["raised", "plain", "tilted"])


def test_many_pending_runs_spread_out():
    sweep = sweep_of(NUMBERS, search="gaussian")
    runs = [seen(config, branin(config)) for config in drawn(sweep, 10)]
    found = suggest_runs(sweep, runs, n=60, seed="0")
    assert len({config_hash(one.config) for one in found}) == 60
    pending = [seen(one.config, state=RunState.PENDING) for one in found]
    (one,) = suggest_runs(sweep, runs + pending, n=1, seed="0")
    assert spec.fits(sweep, one.config)
    assert one.runs == 10


def test_one_parameter_is_enough():
    sweep = sweep_of({"x": {"min": -5.0, "max": 10.0}})
    runs = searched(sweep, lambda config: (config["x"] - 1) ** 2, 15)
    assert min(run.values["loss"] for run in runs) < 1e-2


def test_only_constants_are_run_once():
    sweep = sweep_of({"x": {"value": 1}})
    (one,) = suggest_runs(sweep, [], n=3, seed="0")
    assert one.config == {"x": 1}
    assert suggest_runs(sweep, [seen({"x": 1}, 2.0)], n=1, seed="0") == []


def test_defaults_come_first_and_are_completed():
    sweep = sweep_of(MIXED, defaults=[{"lr": 0.01}, {"x": 1.0, "kind": "raised"}])
    first, second, third = suggest_runs(sweep, [], n=3, seed="0")
    assert first.config == {"x": 2.5, "y": 7.5, "kind": "plain", "lr": 0.01}
    assert (second.config["x"], second.config["kind"]) == (1.0, "raised")
    assert [first.by, second.by, third.by] == ["default", "default", "start"]


def test_a_suggestion_says_why():
    sweep = sweep_of(NUMBERS, search="gaussian")
    runs = [seen(config, branin(config)) for config in drawn(sweep, 20)]
    (one,) = suggest_runs(sweep, runs, n=1, seed="0")
    assert one.by == "gaussian"
    assert one.low < one.mean < one.high
    assert one.improvement > 0
    assert one.runs == 20
    assert one.best == pytest.approx(min(run.values["loss"] for run in runs), rel=0.5)


def test_failed_runs_count_as_the_metric_says():
    def outcomes(impute):
        sweep = sweep_of(impute=impute)
        runs = [seen(config, float(i)) for i, config in enumerate(drawn(sweep, 5))]
        failed = [seen(drawn(sweep, 1, seed=9)[0], 2.5, RunState.FAILED)]
        found = outcomes_of(space_of(sweep), runs + failed, aim_of(sweep.metric))
        return found.warp.inverse(found.y)[-1]

    assert outcomes("worst") == pytest.approx(4)
    assert outcomes("best") == pytest.approx(0, abs=1e-6)
    assert outcomes("latest") == pytest.approx(2.5)


def test_where_runs_fail_is_not_looked_for_long():
    def crash(config):
        return math.nan if config["x"] > 0 else branin(config)

    runs = searched(sweep_of(search="gaussian"), crash, 30)[10:]
    assert sum(run.config["x"] > 0 for run in runs) < 10


def test_a_run_ended_early_is_not_the_best():
    sweep = sweep_of(search="gaussian")
    runs = [seen(config, branin(config)) for config in drawn(sweep, 12)]
    best = min(runs, key=lambda run: run.values["loss"])
    cut = seen(best.config, best.values["loss"] - 50, RunState.KILLED, is_censored=True)
    (one,) = suggest_runs(sweep, [*runs, cut], n=1, seed="0")
    assert one.best > best.values["loss"] - 10


def test_repeats_are_averaged():
    sweep = sweep_of()
    a, b = drawn(sweep, 2)
    runs = [seen(a, 1.0), seen(a, 3.0), seen(b, 5.0)]
    found = outcomes_of(space_of(sweep), runs, aim_of(sweep.metric))
    assert found.counts.tolist() == [2, 1]
    np.testing.assert_allclose(found.warp.inverse(found.y), [2, 5])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e50, 1e50), min_size=1, max_size=30))
def test_the_warp_keeps_the_order_and_can_be_undone(values):
    y = np.array(values)
    warp = warp_of(y)
    warped = warp(y)
    assert np.isfinite(warped).all()
    assert (np.diff(warped[np.argsort(y, kind="stable")]) >= 0).all()
    cut = np.minimum(y, warp.most)
    if warp.scale != 1.0:
        np.testing.assert_allclose(warp.inverse(warped), cut, atol=1e-4 * np.ptp(cut))


def test_the_warp_of_nothing_is_no_warp():
    np.testing.assert_allclose(Warp().inverse(Warp()(np.array([1.5]))), [1.5])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_the_gradient_is_that_of_the_likelihood(seed):
    rng = np.random.default_rng(seed)
    n, is_category = 12, np.array([False, True, False])
    points = np.column_stack([rng.random(n), rng.integers(3, size=n), rng.random(n)])
    squares = gaussian.distances(points, is_category)
    y, counts, t = rng.normal(size=n), rng.integers(1, 4, size=n) * 1.0, rng.normal(size=5) / 2
    t[-1] -= 3
    _, gradient = gaussian.likelihood(t, squares, y, counts)
    for i in range(5):
        step = np.eye(5)[i] * 1e-5
        up, down = (gaussian.likelihood(t + s, squares, y, counts)[0] for s in (step, -step))
        assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=1e-4, abs=1e-5)


def test_priors_help():
    def shifted(config):
        return 3 * mixed(config) + 100

    with_prior, without = [], []
    for seed in range(4):
        sweep = sweep_of(MIXED, seed=seed)
        known = [seen(c, shifted(c), source="other") for c in drawn(sweep, 40, seed)]
        for found, prior in ((with_prior, known), (without, [])):
            runs = searched(sweep, mixed, 10, seed=str(seed), known=prior)
            found.append(min(run.values["loss"] for run in runs))
    assert statistics.fmean(with_prior) < statistics.fmean(without)


def test_priors_may_be_proposed_again_and_come_first():
    sweep = sweep_of(MIXED)
    known = [seen(c, mixed(c), source="other") for c in drawn(sweep, 20)]
    first = suggest_runs(sweep, known, n=1, seed="0")[0]
    best = min(known, key=lambda run: run.values["loss"]).config
    assert space_of(sweep).encode(first.config) == pytest.approx(space_of(sweep).encode(best))
    assert first.by == "start"


@pytest.mark.parametrize(("parameters", "function"), [(NUMBERS, branin), (MIXED, mixed)])
def test_the_search_is_better_than_chance(parameters, function):
    found, chance = [], []
    for seed in range(3):
        sweep = sweep_of(parameters, seed=seed)
        runs = searched(sweep, function, 30, seed=str(seed))
        found.append(min(run.values["loss"] for run in runs))
        chance += [min(map(function, drawn(sweep, 30, seed))) for seed in range(20)]
    assert statistics.fmean(found) < statistics.fmean(chance) / 2


def public(method="bayes", **more):
    return {
        "method": method,
        "metric": {"name": "loss", "goal": "minimize"},
        "parameters": {
            "net": {"parameters": {"width": {"values": [1, 0.5, 2]}}},
            "o": {"value": 7},
        },
        **more,
    }


def test_runs_are_mappings_in_several_forms():
    widths = [{"net": {"width": 1}, "o": 7}, {"net.width": 0.5}, {"net": {"width": 2}}]
    values = [{"loss": 1.0}, {"value": 2.0, "state": "finished"}, {"summary": {"loss": 3.0}}]
    runs = [{"config": c, **value} for c, value in zip(widths, values, strict=True)]
    assert hr.suggest(public(), runs, n=5) == []
    assert hr.suggest(public(), runs[:2], n=5) == [{"net": {"width": 2}, "o": 7}]
    assert len(hr.suggest(public(), [{"config": widths[0]}], n=5)) == 2  # it is running


def test_runs_are_the_rows_of_a_table():
    df = pd.DataFrame(
        {"net.width": [1, 0.5], "loss": [0.3, None], "state": ["finished", "running"]}
    )
    assert hr.suggest(public(), df, n=5) == [{"net": {"width": 2}, "o": 7}]
    (config,) = hr.suggest(public(), df, n=5)
    assert type(config["net"]["width"]) is int


def test_grid_and_random_keep_off_what_was_run():
    runs = [{"config": {"net": {"width": 0.5}}}]
    for method, count in (("grid", 2), ("random", 2)):
        found = hr.suggest(public(method), runs, n=9)
        assert len(found) == count
        assert {"net": {"width": 0.5}, "o": 7} not in found
    assert len(hr.suggest(public("grid", run_cap=2), runs, n=9)) == 1
    assert len(hr.suggest(public(run_cap=2), runs, n=9)) == 1


def test_bad_arguments_are_said():
    with pytest.raises(UsageError, match=r"runs\[0\] has no config"):
        hr.suggest(public(), [{"loss": 1.0}])
    with pytest.raises(UsageError, match=r"runs\[0\]: state 'done' is unknown; use one of pending"):
        hr.suggest(public(), [{"config": {"net": {"width": 1}}, "state": "done"}])
    with pytest.raises(UsageError, match="n is -1"):
        hr.suggest(public(), n=-1)


def test_names_that_begin_alike_are_a_family():
    names = [f"{family}{i}" for family in ("resnet", "vit_", "levit", "swin") for i in range(6)]
    sweep = sweep_of({"model": {"values": names}}, search="gaussian")

    def loss(config):
        return (0 if config["model"].startswith("vit") else 5) + len(config["model"]) / 10

    known = [seen({"model": name}, loss({"model": name})) for name in names[::3]]
    found = searched(sweep, loss, 4, known=known)
    assert {run.config["model"] for run in found} == {"vit_1", "vit_2", "vit_4", "vit_5"}


def test_equally_promising_names_come_in_no_order():
    names = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
    sweep = sweep_of({"model": {"values": names}}, search="gaussian")
    known = [seen({"model": name}, 1.0) for name in names[:3]]
    found = {suggest_runs(sweep, known, n=1, seed=str(i))[0].config["model"] for i in range(12)}
    assert len(found) > 2
