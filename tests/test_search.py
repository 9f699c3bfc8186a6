"""Random search, repeats, caps, constraints and the cursor: the laws of `fill` and `count`."""

import itertools
import json
import math
import subprocess
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homerun import search, spec
from homerun.core import SpecError, config_hash
from tests.environments import sweeps_python
from tests.sweep_strategies import ANY, RANDOM, parameters


def sweep(space, method="random", run_cap=None, **homerun):
    keys = {"run_cap": run_cap} if run_cap else {}
    return spec.from_dict({"method": method, "parameters": space, "homerun": homerun, **keys})


def run_all(planned, step=100, most=10_000):
    """Return all proposals, asked for step by step as an agent does, with what was run before."""
    proposals: list[search.Proposal] = []
    seen: set[tuple[str, int]] = set()
    cursor, exhausted = 0, False
    while not exhausted and len(proposals) < most:
        filled = search.fill(planned, cursor=cursor, n=min(step, most - len(proposals)), seen=seen)
        assert filled.exhausted or len(filled.proposals) == min(step, most - len(proposals))
        seen |= {(config_hash(p.config), p.repeat) for p in filled.proposals}
        proposals += filled.proposals
        cursor, exhausted = filled.cursor, filled.exhausted
        assert 0 <= cursor < 2**63
    return proposals


def configs(proposals):
    return [json.dumps(p.config, sort_keys=True) for p in proposals]


# Draws


@given(parameters(ANY))
def test_draws_stay_in_bounds_and_keep_their_types(space):
    planned = sweep(space)
    for proposal in search.fill(planned, cursor=0, n=20).proposals:
        for p in planned.parameters:
            value: Any = proposal.config
            for key in p.path:
                value = value[key]
            if p.values:
                drawn = [json.dumps(one) for one in p.values]
                assert json.dumps(value) in drawn
                if p.probabilities:
                    chances = zip(drawn, p.probabilities, strict=True)
                    assert sum(chance for one, chance in chances if one == json.dumps(value)) > 0
                continue
            is_whole = p.distribution == "int_uniform" or (
                p.distribution.startswith("q_") and isinstance(p.q, int)
            )
            low, high = spec.real_bounds(p)
            if p.distribution.endswith("normal"):
                low, high = (0 if "log" in p.distribution else -math.inf), math.inf
            assert low <= value <= high
            if not (is_whole and isinstance(value, float) and value in (low, high)):
                assert type(value) is (int if is_whole else float)
            if p.distribution.startswith("q_"):
                assert math.isclose(value / p.q, round(value / p.q), rel_tol=1e-9, abs_tol=1e-9)


SPACE = {
    "int_uniform": {"min": -3, "max": 12},
    "uniform": {"min": -1.0, "max": 3},
    "q_uniform": {"distribution": "q_uniform", "min": 0, "max": 9, "q": 3},
    "log_uniform": {"distribution": "log_uniform", "min": -9, "max": 2},
    "inv_log_uniform": {"distribution": "inv_log_uniform", "min": -1, "max": 4},
    "q_log_uniform": {"distribution": "q_log_uniform", "min": 0, "max": math.log(64)},
    "log_uniform_values": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
    "inv_log_uniform_values": {"distribution": "inv_log_uniform_values", "min": 0.5, "max": 70},
    "q_log_uniform_values": {
        "distribution": "q_log_uniform_values",
        "min": 8,
        "max": 512,
        "q": 8,
    },
    "normal": {"distribution": "normal", "mu": 3, "sigma": 0.5},
    "q_normal": {"distribution": "q_normal", "mu": 2, "sigma": 4, "q": 0.5},
    "log_normal": {"distribution": "log_normal", "mu": -1, "sigma": 0.7},
    "q_log_normal": {"distribution": "q_log_normal", "mu": 2, "sigma": 1},
    "beta": {"distribution": "beta", "a": 2, "b": 5},
    "q_beta": {"distribution": "q_beta", "a": 0.5, "b": 0.5, "q": 0.125},
    "categorical_w_probabilities": {
        "values": [1, 2, 3, 4],
        "probabilities": [0.125, 0.5, 0, 0.375],
    },
}
QUANTILES = """
import json, sys, warnings
warnings.simplefilter("ignore")
from sweeps.params import HyperParameter
space = json.load(sys.stdin)
levels = [0.05, 0.2, 0.4, 0.6, 0.8, 0.95]
answer = {n: [[u, float(HyperParameter(n, p).ppf(u))] for u in levels] for n, p in space.items()}
print(json.dumps(answer))
"""


def test_draws_follow_the_distributions_of_wandb():
    n = 2000
    drawn = [p.config for p in search.fill(sweep(SPACE), cursor=0, n=n).proposals]
    done = subprocess.run(
        [sweeps_python(), "-c", QUANTILES],
        input=json.dumps(SPACE),
        capture_output=True,
        text=True,
        check=True,
    )
    for name, quantiles in json.loads(done.stdout).items():
        values = [config[name] for config in drawn]
        for quantile, value in quantiles:
            slack = 1e-9 * abs(value)
            below = sum(x < value - slack for x in values) / n
            upto = sum(x <= value + slack for x in values) / n
            # 0.045 is four standard deviations of the middle quantiles.
            assert below - 0.045 < quantile < upto + 0.045, (name, quantile, value, below, upto)


def test_equally_likely_values_come_equally_often():
    space = {"a": {"values": ["x", "y", "z"]}, "u": {"min": 0.0, "max": 1.0}}
    drawn = Counter(p.config["a"] for p in search.fill(sweep(space), cursor=0, n=1500).proposals)
    assert all(400 < count < 600 for count in drawn.values())


def test_whole_numbers_of_any_size():
    space = {"x": {"min": -(10**30), "max": 10**30}}
    for proposal in search.fill(sweep(space), cursor=0, n=50).proposals:
        assert -(10**30) <= proposal.config["x"] <= 10**30


# One seed, one sequence


@settings(max_examples=30)
@given(RANDOM, st.integers(1, 7))
def test_the_size_of_the_steps_changes_nothing(mapping, step):
    planned = spec.from_dict(mapping)
    try:
        at_once = run_all(planned, step=12, most=12)
    except SpecError:
        return
    assert configs(run_all(planned, step=step, most=12)) == configs(at_once)
    assert configs(run_all(spec.from_dict(planned.spec), step=12, most=12)) == configs(at_once)


def test_the_seed_decides():
    space = {"x": {"min": 0.0, "max": 1.0}, "y": {"values": list(range(50))}}
    assert run_all(sweep(space), most=5) == run_all(sweep(space, seed=0), most=5)
    assert run_all(sweep(space), most=5) != run_all(sweep(space, seed=1), most=5)
    # Later versions of homerun and of Python go on where this one stopped.
    assert run_all(sweep(space, seed=7), most=2) == [
        ({"x": 0.7059339087777089, "y": 30}, 0),
        ({"x": 0.05507912152868766, "y": 7}, 0),
    ]


# Finite spaces


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.lists(st.integers(0, 3), min_size=4, max_size=4).filter(any),
    st.integers(1, 3),
    st.integers(1, 30),
    st.integers(0, 5),
)
def test_each_point_of_a_finite_space_once(sizes, weights, repeats, step, seed):
    space = {f"p{i}": {"min": 0, "max": size} for i, size in enumerate(sizes)}
    space["w"] = {"values": [0, 1, 2, 3], "probabilities": [w / sum(weights) for w in weights]}
    planned = sweep(space, repeats=repeats, seed=seed)
    proposals = run_all(planned, step)
    possible = math.prod(size + 1 for size in sizes) * sum(w > 0 for w in weights)
    assert search.count(planned) == search.Count(
        points=possible, excluded=0, planned=possible * repeats
    )
    assert len(
        {(text, p.repeat) for text, p in zip(configs(proposals), proposals, strict=True)}
    ) == (possible * repeats)
    assert len(proposals) == possible * repeats
    assert [p.repeat for p in proposals] == [i % repeats for i in range(len(proposals))]


def test_uniform_finite_spaces_need_no_memory_of_what_ran():
    planned = sweep({"a": {"values": list(range(20))}, "b": {"min": 1, "max": 30}})
    proposals: list[search.Proposal] = []
    cursor, exhausted = 0, False
    while not exhausted:
        filled = search.fill(planned, cursor=cursor, n=37)
        proposals, cursor = [*proposals, *filled.proposals], filled.cursor
        exhausted = filled.exhausted
    assert len(set(configs(proposals))) == len(proposals) == cursor == 600


def test_the_least_likely_point_comes_in_the_end_and_soon():
    chances = [1 - 9e-9] + [1e-9] * 9
    space = {
        "rare": {"values": list(range(10)), "probabilities": chances},
        "x": {"min": 1, "max": 200},
    }
    planned = sweep(space)
    started = time.process_time()
    proposals = run_all(planned, step=500)
    assert time.process_time() - started < 5
    assert len(set(configs(proposals))) == len(proposals) == 2000
    assert {p.config["rare"] for p in proposals[:200]} == {0}


def test_quantised_spaces_are_finite():
    space = {"x": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0.25}}
    values = sorted(p.config["x"] for p in run_all(sweep(space)))
    assert values == [0, 0.25, 0.5, 0.75, 1]
    space = {"x": {"distribution": "q_log_uniform_values", "min": 3, "max": 12, "q": 3}}
    assert sorted(p.config["x"] for p in run_all(sweep(space))) == [3, 6, 9, 12]
    space = {"x": {"distribution": "q_beta", "a": 50, "b": 50, "q": 0.5}}
    assert sorted(p.config["x"] for p in run_all(sweep(space))) == [0, 0.5, 1]


def test_bounds_hold_even_when_they_are_no_multiples():
    space = {"x": {"distribution": "q_uniform", "min": 1, "max": 10, "q": 4}}
    assert sorted(p.config["x"] for p in run_all(sweep(space))) == [4, 8]
    space = {"x": {"distribution": "q_uniform", "min": 0.1, "max": 0.3, "q": 0.1}}
    values = sorted(p.config["x"] for p in run_all(sweep(space)))
    assert values == pytest.approx([0.1, 0.2, 0.3])
    assert max(values) <= 0.3


def test_values_listed_twice_are_likelier_and_come_once():
    space = {"x": {"values": ["often"] * 9 + ["seldom"]}}
    firsts: Counter[str] = Counter()
    for seed in range(50):
        proposals = run_all(sweep(space, seed=seed))
        assert len(proposals) == 2
        firsts[proposals[0].config["x"]] += 1
    assert firsts["often"] > 35


def test_endless_spaces_with_few_likely_values_are_given_up():
    planned = sweep({"x": {"distribution": "q_normal", "sigma": 0.25}})
    assert search.count(planned).planned is None
    values = [p.config["x"] for p in run_all(planned)]
    assert sorted(values) == [-1, 0, 1]


# Repeats, caps, what ran before


def test_repeats_of_endless_spaces_follow_each_other():
    planned = sweep({"x": {"min": 0.0, "max": 1.0}}, repeats=3, run_cap=8)
    proposals = run_all(planned, step=1)
    assert [p.repeat for p in proposals] == [0, 1, 2, 0, 1, 2, 0, 1]
    assert [len(set(configs(proposals[i : i + 3]))) for i in (0, 3, 6)] == [1, 1, 1]
    assert search.count(planned) == search.Count(points=None, excluded=0, planned=8)


@pytest.mark.parametrize("method", ["grid", "random"])
@pytest.mark.parametrize("constraints", [[], ["a + b != 5"], ["a < 3"]])
@pytest.mark.parametrize("order", ["grid", "shuffle", "balanced"])
def test_run_cap_counts_runs_not_places(method, constraints, order):
    space = {"a": {"values": list(range(6))}, "b": {"values": list(range(6))}}
    allowed = len(
        [0 for a in range(6) for b in range(6) if not constraints or _holds(constraints, a, b)]
    )
    for cap in (1, 7, allowed, allowed * 2 - 1, allowed * 2, 500):
        planned = sweep(space, method, run_cap=cap, repeats=2, constraints=constraints, order=order)
        proposals = run_all(planned, step=5)
        assert len(proposals) == min(cap, allowed * 2) == search.count(planned).planned
        first, last = search.ends(planned)
        assert (first, last) == (proposals[0], proposals[-1])


def _holds(constraints, a, b):
    return eval(constraints[0], {"a": a, "b": b})


def test_the_cursor_is_the_number_of_runs_until_something_is_skipped():
    space = {"a": {"values": [1, 2, 3, 4]}}
    assert search.fill(sweep(space, "grid"), cursor=0, n=3).cursor == 3
    skipping = search.fill(sweep(space, "grid", constraints=["a != 2"]), cursor=0, n=3)
    assert (skipping.cursor % 2**24, skipping.cursor // 2**24) == (3, 1)
    assert skipping.exhausted


def test_what_ran_before_is_not_proposed_again():
    space = {"a": {"values": [1, 2, 3, 4]}}
    for method in ("grid", "random"):
        filled = search.fill(sweep(space, method), cursor=0, n=9, seen={(config_hash({"a": 3}), 0)})
        assert sorted(p.config["a"] for p in filled.proposals) == [1, 2, 4]
        everything = {(config_hash({"a": a}), 0) for a in range(9)}
        start = search.restart(4)
        filled = search.fill(sweep(space, method), cursor=start, n=9, seen=everything)
        assert filled.proposals == ()
        assert filled.exhausted


def test_asking_for_nothing_changes_nothing():
    planned = sweep({"x": {"min": 0.0, "max": 1.0}}, run_cap=2)
    assert search.fill(planned, cursor=1, n=0) == search.Filled(
        proposals=(), cursor=1, exhausted=False
    )
    done = search.fill(planned, cursor=0, n=5)
    assert search.fill(planned, cursor=done.cursor, n=5).proposals == ()


# Constraints


@given(
    st.sampled_from(["grid", "random"]),
    st.sampled_from(["grid", "shuffle", "balanced"]),
    st.sampled_from(
        [
            ["a != 2"],
            ["c >= 3"],
            ["a + b <= 4", "o.d == 0 or c > 1"],
            ["b in [1, 2]", "a * c < 7"],
            [{"require": "b == 0", "when": "a in [0, 1]"}],
            ["a == 3 and b == 3 and c == 3 and o.d == 1"],
            ["true"],
        ]
    ),
    st.integers(1, 40),
    st.integers(0, 3),
)
def test_constraints_always_hold_and_are_counted(method, order, constraints, step, seed):
    space: dict[str, Any] = {name: {"values": [0, 1, 2, 3]} for name in "abc"}
    space["o"] = {"parameters": {"d": {"values": [0, 1]}}}
    planned = sweep(space, method, constraints=constraints, order=order, seed=seed)
    proposals = run_all(planned, step)
    expected = set()
    for a, b, c, d in itertools.product(range(4), range(4), range(4), range(2)):
        values = {"a": a, "b": b, "c": c, "o.d": d}
        if all(one.refusal(values) is None for one in planned.settings.constraints):
            expected.add(json.dumps({"a": a, "b": b, "c": c, "o": {"d": d}}))
    assert len(proposals) == len(expected)
    assert set(configs(proposals)) == expected
    counted = search.count(planned)
    assert (counted.points, counted.excluded) == (128, 128 - len(expected))
    assert counted.planned == len(expected)
    alone = [search.count(sweep(space, method, constraints=[one])).excluded for one in constraints]
    assert list(counted.by_constraint) == alone


def test_draws_keep_constraints():
    space = {"x": {"min": 0.0, "max": 1.0}, "y": {"min": 0.0, "max": 1.0}}
    planned = sweep(space, constraints=["x < y", "x + y > 0.5"], run_cap=50)
    for proposal in run_all(planned, step=7):
        x, y = proposal.config["x"], proposal.config["y"]
        assert x < y
        assert x + y > 0.5
    assert search.count(planned) == search.Count(
        points=None, excluded=None, planned=50, by_constraint=(None, None)
    )


def test_nothing_left_is_said():
    finite = {"a": {"values": [1, 2]}, "b": {"min": 0, "max": 10**9}}
    endless = {"a": {"values": [1, 2]}, "b": {"min": 0.0, "max": 1.0}}
    for method, space in (("grid", finite), ("random", finite), ("random", endless)):
        planned = sweep(space, method, constraints=["a > 5"])
        if space is finite:
            assert search.count(planned).planned == 0
        with pytest.raises(SpecError, match="these exclude every configuration; loosen them"):
            search.fill(planned, cursor=0, n=1)


def test_a_large_excluded_part_is_jumped_over():
    space = {
        "a": {"values": [1, 2]},
        "b": {"min": 0, "max": 10**4},
        "c": {"min": 0, "max": 10**4},
    }
    planned = sweep(space, "grid", constraints=["a == 2"])
    started = time.process_time()
    first, last = search.ends(planned)
    assert time.process_time() - started < 1
    assert last is not None
    assert (first.config, last.config) == (
        {"a": 2, "b": 0, "c": 0},
        {"a": 2, "b": 10**4, "c": 10**4},
    )
    assert search.count(planned).excluded == (10**4 + 1) ** 2


def test_a_search_that_finds_nothing_more_says_so():
    space = {"a": {"min": 1, "max": 10**9}}
    planned = sweep(space, "grid", constraints=["a in [1, 2, 1000000000]"])
    found = search.fill(planned, cursor=0, n=5)
    assert [p.config["a"] for p in found.proposals] == [1, 2]
    assert not found.exhausted
    with pytest.raises(SpecError, match="these exclude 300,000 combinations in a row; loosen them"):
        search.fill(planned, cursor=found.cursor, n=5)


def test_counting_too_many_combinations_is_left_out():
    space = {name: {"min": 0, "max": 999} for name in "ab"}
    counted = search.count(sweep(space, "grid", constraints=["a + b < 5", "a != 0"]))
    assert counted == search.Count(
        points=10**6, excluded=None, planned=None, by_constraint=(None, 1000)
    )
