import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homerun import spec
from homerun.core import SpecError
from homerun.search.models.coordinates import space_of
from homerun.search.models.dimensions import spread
from tests.sweep_strategies import ANY, TEXTS, parameters, sweeps

BAYES = sweeps("bayes", ANY).map(lambda sweep: {"metric": {"name": "loss"}, **sweep})


def space(parameters, constraints=(), method="bayes"):
    return space_of(
        spec.from_dict(
            {
                "method": method,
                "metric": {"name": "loss", "goal": "minimize"},
                "parameters": parameters,
                "homerun": {"constraints": list(constraints)},
            }
        )
    )


@settings(max_examples=80, deadline=None)
@given(BAYES, st.integers(0, 2**32))
def test_points_are_configurations_of_the_sweep_and_back(sweep, seed):
    sweep = spec.from_dict(sweep)
    found = space_of(sweep)
    rng = np.random.default_rng(seed)
    points = found.draw(rng, 5)
    for point in [*points, *found.neighbours(points, rng, 2)] if found.dimensions else points:
        config = found.config(point)
        assert spec.fits(sweep, config), config
        again = found.encode(config)
        for one, back, place in zip(found.dimensions, again, point, strict=True):
            # Places may lie closer to each other than floats, as near 1 in a beta: one value.
            assert math.isclose(back, place, abs_tol=1e-6) or math.isclose(
                one.value(back), one.value(place), rel_tol=1e-6
            )
        assert json.loads(json.dumps(config)) == config


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(TEXTS, min_size=2, max_size=6))
def test_the_order_of_values_does_not_matter(random, values):
    values = [*values, None, True, False, 1, 1.0, 0, [1, 2], {"a": 1}]
    shuffled = random.sample(values, len(values))
    one, other = space({"c": {"values": values}}), space({"c": {"values": shuffled}})
    for value in values:
        assert one.encode({"c": value}) == other.encode({"c": value})
    assert {repr(one.config(point)["c"]) for point in one.points} == {repr(v) for v in values}


@pytest.mark.parametrize(
    "narrow",
    [
        {"distribution": "log_uniform", "min": 0.0, "max": 8.8e-130},
        {"distribution": "inv_log_uniform", "min": 0.0, "max": 8.8e-130},
        {"distribution": "uniform", "min": 0.0, "max": 5e-324},
    ],
)
def test_a_range_of_one_number_is_a_constant(narrow):
    found = space({"a": narrow, "b": {"values": [1, 2]}})
    assert [one.parameter.name for one in found.dimensions] == ["b"]
    for point in found.points:
        assert spec.fits(found.sweep, found.config(point))


def test_numbers_that_only_differ_in_the_last_digit_have_places():
    np.testing.assert_allclose(spread(np.array([1e300, math.nextafter(1e300, math.inf)])), [0, 1])
    np.testing.assert_allclose(spread(np.array([0.0, 5e-324])), [0, 1])


def test_true_is_not_1_and_0_is_a_value():
    found = space({"c": {"values": [True, False, 0, 1, 1.0, "1", None]}})
    places = [found.encode({"c": value})[0] for value in (True, False, 0, 1, 1.0, "1", None)]
    assert len(set(places)) == 7
    assert found.encode({"c": 2}) is None
    assert found.encode({}) is None


def test_lists_of_numbers_are_ordered_and_log_like_ones_seen():
    found = space({"lr": {"values": [0.1, 0.001, 0.01]}, "n": {"values": [30, 10, 20]}})
    (lr, n) = found.dimensions
    assert not lr.is_category
    np.testing.assert_allclose(lr.levels, [0, 0.5, 1], atol=1e-12)
    np.testing.assert_allclose(n.levels, [0, 0.5, 1], atol=1e-12)
    np.testing.assert_allclose(spread(np.array([0, 1e-4, 1e-3, 1e-2])), [0, 1 / 3, 2 / 3, 1])
    uneven = spread(np.array([1.0, 1.001, 1.002, 9.0]))
    assert np.all(np.diff(uneven) > 0.1)


@pytest.mark.parametrize(
    ("parameter", "middle"),
    [
        ({"min": 0.0, "max": 10.0}, 5.0),
        ({"min": 1, "max": 9}, 5),
        ({"min": 1e-4, "max": 1e-2, "distribution": "log_uniform_values"}, 1e-3),
        ({"min": -2.0, "max": 2.0, "distribution": "log_uniform"}, 1.0),
        ({"mu": 3.0, "sigma": 2.0, "distribution": "normal"}, 3.0),
        ({"mu": 1.0, "sigma": 2.0, "distribution": "log_normal"}, math.e),
        ({"a": 2.0, "b": 2.0, "distribution": "beta"}, 0.5),
        ({"min": 0, "max": 100, "q": 5, "distribution": "q_uniform"}, 50),
        ({"mu": 10.0, "sigma": 3.0, "q": 5, "distribution": "q_normal"}, 10),
    ],
)
def test_ranges_are_placed_by_their_distribution(parameter, middle):
    (one,) = space({"x": parameter}).dimensions
    value = one.value(float(one.snap(np.array([0.5]))[0]))
    assert value == pytest.approx(middle)
    assert type(value) is type(middle)


def test_values_outside_are_brought_inside():
    found = space({"x": {"min": 0.0, "max": 1.0}, "n": {"min": 1, "max": 9}})
    np.testing.assert_array_equal(found.encode({"x": 7.0, "n": -3}), [1, 0][::-1])
    assert found.encode({"x": "big", "n": 1}) is None


def test_constants_are_in_the_configuration_and_not_in_the_point():
    found = space({"a": {"value": {"deep": [1]}}, "b": {"values": [3]}, "c": {"values": [1, 2]}})
    assert len(found.dimensions) == 1
    assert found.config(np.array([0.0])) == {"a": {"deep": [1]}, "b": 3, "c": 1}


def test_likelier_values_are_drawn_more_often():
    found = space({"c": {"values": ["a", "b", "c"], "probabilities": [0.1, 0.9, 0]}})
    drawn = [found.config(p)["c"] for p in found.draw(np.random.default_rng(0), 1000)]
    assert drawn.count("a") == pytest.approx(100, abs=40)
    assert "c" not in drawn


def test_constraints_hold():
    found = space({"x": {"min": 0.0, "max": 1.0}, "y": {"min": 0.0, "max": 1.0}}, ["x + y <= 0.5"])
    rng = np.random.default_rng(0)
    points = found.draw(rng, 100)
    assert len(points) == 100
    for point in [*points, *found.neighbours(points, rng, 3)]:
        config = found.config(point)
        assert config["x"] + config["y"] <= 0.5


def test_small_spaces_are_listed_without_what_is_excluded():
    found = space(
        {"a": {"values": ["x", "y"]}, "b": {"min": 1, "max": 3}, "c": {"value": 1}},
        ["b < 3 or a == 'x'"],
    )
    assert found.size == 6
    configs = [found.config(point) for point in found.points]
    assert len(configs) == 5
    assert sorted(map(str, configs)) == sorted(map(str, found.walk()))
    assert space({"x": {"min": 0.0, "max": 1.0}}).points is None


def test_huge_ranges_of_whole_numbers():
    found = space({"n": {"min": -(2**60), "max": 2**60}})
    values = [found.config(p)["n"] for p in found.draw(np.random.default_rng(0), 50)]
    assert all(type(v) is int and abs(v) <= 2**60 for v in values)
    assert [found.dimensions[0].value(u) for u in (0.0, 1.0)] == [-(2**60), 2**60]


def test_a_sweep_without_parameters_is_refused():
    sweep = spec.from_dict(
        {
            "method": "custom",
            "metric": {"name": "loss", "goal": "minimize"},
            "scheduler": {"engine": "optuna", "search_space": "space", "source": "s.py"},
        }
    )
    with pytest.raises(SpecError, match="has no parameters"):
        space_of(sweep)


@settings(max_examples=30, deadline=None)
@given(parameters(ANY))
def test_most_likely_points_are_inside(sweep):
    found = space(sweep)
    middle = found.quantiles(np.full((1, len(found.dimensions)), 0.5))
    assert spec.fits(found.sweep, found.config(middle[0]))
