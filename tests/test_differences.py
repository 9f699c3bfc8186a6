"""What sets runs apart, wherever it is shown: what is the same, which is better, by how much."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import homerun as hr
from homerun.core import Fact, side_by_side

VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none())


@given(st.lists(VALUES, min_size=1, max_size=5))
def test_a_run_does_not_differ_from_itself(values):
    facts = side_by_side([dict(enumerate_names(values))] * 3)
    assert all(fact.is_same for fact in facts)
    assert all(fact.change() == "" and not fact.best("minimize") for fact in facts)
    known = [name for name, value in enumerate_names(values) if value not in (None, "")]
    assert [fact.name for fact in facts] == known


def enumerate_names(values):
    return [(f"key {i}", value) for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (1, "1", False),
        (math.nan, math.nan, True),
        (None, 0, False),
        (2**60, 2**60 + 1, False),
        ([1, 2], [1, 3], False),
    ],
)
def test_what_is_the_same(one, other, is_same):
    assert Fact("key", (one, other)).is_same == is_same


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        (0.5, 0.25, "-0.25 (-50 %)"),
        (4, 299, "+295 (+7375 %)"),
        (12.8, 13.75, "+0.95 (+7.4 %)"),
        (-2.0, -1.0, "+1 (+50 %)"),
        (0, 3, "+3"),
        (1e-9, 1e9, "+1000000000"),  # nobody reads such a percentage
        (1.0, 1.0, ""),
        (1.0, None, ""),
        (1.0, math.inf, ""),
        (True, 0, ""),
    ],
)
def test_by_how_much_they_differ(first, second, text):
    assert Fact("key", (first, second)).change() == text


def test_the_best_are_all_that_no_other_beats():
    fact = Fact("loss", (0.5, None, 0.25, 0.25, math.nan, False))
    assert fact.best("minimize") == {2, 3}
    assert fact.best("maximize") == {0}
    assert Fact("loss", (0.5, 0.5)).best("minimize") == frozenset()


def test_settings_that_only_look_alike_are_told_apart():
    df = pd.DataFrame({"id": ["a", "b"], "lr": [0.00123456, 0.00123457], "loss": [1.0, 2.0]})
    df.attrs |= {"config": ["lr"], "summary": ["loss"]}
    diff = hr.charts.diff(df)
    assert diff.caption == "Only lr differs."
    assert [cell.text for cell in diff.parts[0].rows[0]] == ["lr", "0.00123456", "0.00123457"]
