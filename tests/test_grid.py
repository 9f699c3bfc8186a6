"""The grid: each point once, in the order of W&B's own engine, at no cost of memory or time."""

import itertools
import json
import random
import subprocess
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homerun import search, spec
from tests.environments import sweeps_python
from tests.sweep_strategies import ANY, LISTED, sweeps

# Reads sweeps, one JSON document a line; writes what W&B makes of each.
ENGINE = """
import json, sys, warnings
warnings.simplefilter("ignore")
import sweeps
for line in sys.stdin:
    config = json.loads(line)
    answer = {"violations": sweeps.schema_violations_from_proposed_config(config)}
    if config["method"] == "grid":
        runs = sweeps.next_runs(config, [], n=1000)
        answer["points"] = [{k: v["value"] for k, v in run.config.items()} for run in runs if run]
    print(json.dumps(answer))
"""


def wandb_says(configs):
    """Return the answers of W&B's engine to these sweeps."""
    lines = "".join(json.dumps(config) + "\n" for config in configs)
    done = subprocess.run(
        [sweeps_python(), "-c", ENGINE], input=lines, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def points(mapping):
    """Return all configurations of a sweep, in order."""
    sweep = spec.from_dict(mapping)
    return [proposal.config for proposal in search.fill(sweep, cursor=0, n=1000).proposals]


def random_parameter(rng):
    """Return one parameter that a grid takes."""
    kind = rng.randrange(5)
    if kind == 0:
        return {"value": rng.choice([0, False, None, "x", [1, 2], {"a": 0.5}])}
    if kind == 1:
        low = rng.randrange(-5, 5)
        return {"min": low, "max": low + rng.randrange(1, 4)}
    if kind == 2:
        low, q = rng.choice([0.1, 0.0, -1.0, 2.5]), rng.choice([0.1, 0.3, 0.25, 1.5])
        return {"distribution": "q_uniform", "min": low, "max": low + 3.5 * q, "q": q}
    if kind == 3:
        return {"distribution": "q_uniform", "min": 1, "max": 7, "q": rng.choice([1, 2, 3])}
    values = [0, 1, False, True, None, "a", "B", "10", 0.5, -3, 1e-5, [0], {"k": 1}, "é", ""]
    return {"values": rng.sample(values, rng.randrange(1, 5))}


def random_grid(rng, depth=0):
    names = rng.sample(
        ["a", "B", "b", "_z", "a1", "a_b", "a.c", "a-d", "Z", "lr"], rng.randrange(1, 4)
    )
    return {
        name: {"parameters": random_grid(rng, depth + 1)}
        if depth < 2 and rng.random() < 0.25
        else random_parameter(rng)
        for name in names
    }


def test_order_is_that_of_wandb():
    rng = random.Random(1)
    configs: list[dict[str, Any]] = []
    while len(configs) < 60:
        config = {"method": "grid", "parameters": random_grid(rng)}
        points_of_it = search.count(spec.from_dict(config)).points
        if points_of_it is not None and points_of_it < 400:
            configs.append(config)
    for config, answer in zip(configs, wandb_says(configs), strict=True):
        assert answer["violations"] == []
        ours = [json.dumps(point, sort_keys=True) for point in points(config)]
        theirs = [json.dumps(point, sort_keys=True) for point in answer["points"]]
        assert ours == theirs, config


def test_what_we_take_wandb_takes():
    generated = []

    @given(sweeps("random", ANY) | sweeps("grid", LISTED))
    def collect(mapping):
        spec.from_dict(mapping)
        rest = {key: value for key, value in mapping.items() if key != "homerun"}
        if "metric" in rest and rest["metric"].get("impute_while_running") is False:
            rest["metric"]["impute_while_running"] = "false"  # YAML's false, which we take too
        generated.append({**rest, "method": "random"})

    collect()
    for config, answer in zip(generated, wandb_says(generated), strict=True):
        unexpected = [told for told in answer["violations"] if "base-e exponents" not in told]
        assert not unexpected, config


def test_q_uniform_counts_like_numpy():
    numpy = pytest.importorskip("numpy")
    for low, high, q in [(0.1, 1, 0.1), (0, 1, 0.3), (-1.0, 2, 0.7), (1, 10, 4), (0.5, 3.5, 1)]:
        grid = {"distribution": "q_uniform", "min": low, "max": high, "q": q}
        found = [p["x"] for p in points({"method": "grid", "parameters": {"x": grid}})]
        assert found == numpy.arange(low, high, q).tolist()
        assert {type(x) for x in found} == {type(numpy.arange(low, high, q).tolist()[0])}


def test_values_that_look_alike_are_apart_and_copies_are_one():
    values = [0, False, None, 1, 1.0, True, "1", 0, 1.0, [1], [1], [True], {"a": 1, "b": 2}]
    values.append({"b": 2, "a": 1})
    found = [p["x"] for p in points({"method": "grid", "parameters": {"x": {"values": values}}})]
    assert [json.dumps(x) for x in found] == [
        *("0", "false", "null", "1", "1.0", "true", '"1"', "[1]", "[true]", '{"b": 2, "a": 1}'),
    ]


def test_points_are_not_shared():
    sweep = spec.from_dict({"method": "grid", "parameters": {"x": {"value": {"a": []}}}})
    (first,) = search.fill(sweep, cursor=0, n=1).proposals
    first.config["x"]["a"].append(1)
    (again,) = search.fill(sweep, cursor=0, n=1).proposals
    assert again.config == {"x": {"a": []}}
    assert sweep.spec["parameters"]["x"]["value"] == {"a": []}


SMALL = st.dictionaries(
    st.sampled_from("abcdef"),
    st.lists(st.integers(0, 50), min_size=1, max_size=5, unique=True),
    min_size=1,
    max_size=4,
)


def small(values, **homerun):
    parameters = {name: {"values": listed} for name, listed in values.items()}
    return spec.from_dict({"method": "grid", "parameters": parameters, "homerun": homerun})


def all_proposals(sweep, step):
    """Return all proposals of a sweep, asked for in steps of this size."""
    proposals: list[search.Proposal] = []
    cursor, exhausted = 0, False
    while not exhausted:
        filled = search.fill(sweep, cursor=cursor, n=step)
        proposals += filled.proposals
        cursor, exhausted = filled.cursor, filled.exhausted
    return proposals


@given(
    SMALL, st.sampled_from(["grid", "shuffle", "balanced"]), st.integers(0, 9), st.integers(1, 700)
)
def test_each_point_once_in_every_order(values, order, seed, step):
    sweep = small(values, order=order, seed=seed, repeats=2)
    proposals = all_proposals(sweep, step)
    expected = set(itertools.product(*values.values()))
    rounds = [
        [tuple(p.config[name] for name in values) for p in proposals if p.repeat == repeat]
        for repeat in (0, 1)
    ]
    for one in rounds:
        assert len(one) == len(expected)
        assert set(one) == expected
    assert rounds[0] == rounds[1]  # all points once, then all of them again
    assert [p.repeat for p in proposals] == sorted(p.repeat for p in proposals)
    assert search.count(sweep).planned == len(proposals)


@given(SMALL, st.integers(0, 9))
def test_balanced_prefixes_cover_every_value_evenly(values, seed):
    sweep = small(values, order="balanced", seed=seed)
    counts = {name: dict.fromkeys(listed, 0) for name, listed in values.items()}
    for proposal in all_proposals(sweep, 700):
        for name, value in proposal.config.items():
            counts[name][value] += 1
            assert max(counts[name].values()) - min(counts[name].values()) <= 1


def test_balanced_order_mixes_pairs_too():
    values = {"a": list(range(4)), "b": list(range(4)), "c": list(range(4))}
    proposals = all_proposals(small(values, order="balanced"), 64)
    half = [(p.config["a"], p.config["b"]) for p in proposals[:32]]
    assert len(set(half)) >= 12  # of 16


def test_orders_depend_on_the_seed_alone():
    values = {"a": list(range(7)), "b": list(range(6))}
    for order in ("shuffle", "balanced"):
        by_seed = [all_proposals(small(values, order=order, seed=seed), 5) for seed in (0, 0, 1, 2)]
        assert by_seed[0] == by_seed[1]
        assert by_seed[0] != by_seed[2] != by_seed[3]
    assert all_proposals(small(values, seed=1), 5) == all_proposals(small(values, seed=2), 5)


def test_orders_stay_the_same_in_later_versions():
    values = {"a": [1, 2, 3], "b": [1, 2]}
    shuffled, balanced = (
        [tuple(p.config.values()) for p in all_proposals(small(values, order=order), 6)]
        for order in ("shuffle", "balanced")
    )
    assert shuffled == [(1, 2), (2, 2), (3, 2), (2, 1), (3, 1), (1, 1)]
    assert balanced == [(1, 1), (3, 2), (2, 1), (1, 2), (3, 1), (2, 2)]


def test_shuffled_points_come_anywhere():
    values = {"a": [0, 1, 2], "b": [0, 1]}
    places = [0] * 6
    for seed in range(600):
        first = all_proposals(small(values, order="shuffle", seed=seed), 1)[0].config
        places[first["a"] * 2 + first["b"]] += 1
    assert min(places) > 60  # 100 expected, standard deviation 9


@pytest.mark.parametrize("order", ["grid", "shuffle", "balanced"])
def test_a_million_points_take_no_time_and_no_memory(order):
    mapping = {
        "method": "grid",
        "parameters": {f"p{i}": {"values": list(range(10))} for i in range(6)},
        "homerun": {"order": order},
    }
    tracemalloc.start()
    started = time.process_time()
    sweep = spec.from_dict(mapping)
    counted = search.count(sweep)
    first, last = search.ends(sweep)
    used_s = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counted == search.Count(points=10**6, excluded=0, planned=10**6)
    assert used_s < 0.1
    assert peak < 2**20
    assert last is not None
    assert first != last
    if order == "grid":
        assert set(first.config.values()) == {0}
        assert set(last.config.values()) == {9}


def test_beyond_what_a_database_counts():
    parameters = {f"p{i}": {"min": 0, "max": 10**9} for i in range(99)}
    for order in ("grid", "shuffle", "balanced"):
        mapping = {"method": "grid", "parameters": parameters, "homerun": {"order": order}}
        sweep = spec.from_dict(mapping)
        assert search.count(sweep).planned is None
        filled = search.fill(sweep, cursor=0, n=3)
        assert len(filled.proposals) == filled.cursor == 3
        assert not filled.exhausted
        assert search.ends(sweep)[1] is None
