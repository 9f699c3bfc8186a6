"""run.summary and define_metric: what is seen in the run is what is folded into the home."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import homerun
from homerun.core import AGGREGATIONS, UsageError
from homerun.store import Store, settle
from tests.track_program import only_run, points


@pytest.fixture
def run(home):
    with homerun.init(project="p", settings={"console": "off", "disable_git": True}) as run:
        yield run


def seen(run):
    """Return the summary as the program sees it, without the clock."""
    return {key: value for key, value in run.summary.items() if not key.startswith("_")}


def folded(home):
    return {k: v for k, v in only_run(home).summary.items() if not k.startswith("_")}


def test_by_item_and_by_attribute(home, run):
    run.log({"loss": 0.5, "acc": 0.1})
    summary = run.summary
    summary["best"] = 1
    summary.text = "x"
    summary.update({"nested": {"a": {"b": 1}}}, more=2)
    assert (summary.best, summary["text"], summary.loss, summary.get("none")) == (1, "x", 0.5, None)
    summary["nested"]["a"]["b"] = 2
    summary["nested"]["c"] = 3
    del summary["nested"]["a"]
    del summary["acc"]
    del summary.more
    assert "acc" not in summary
    with pytest.raises(KeyError):
        del summary["acc"]
    with pytest.raises(AttributeError, match="no key 'acc'"):
        _ = summary.acc
    assert {"_step", "_timestamp", "_runtime"} < set(summary)
    assert summary["_step"] == 0
    live = json.loads(json.dumps(seen(run), default=dict))
    run.finish()
    expected = {"loss": 0.5, "best": 1, "text": "x", "nested": {"c": 3}}
    assert live == folded(home) == expected


def test_the_later_of_log_and_hand_counts(home, run):
    run.log({"a": 1, "b": 1})
    run.summary["a"] = 10
    run.log({"b": 2})
    run.summary["b"] = 20
    run.log({"b": 3})
    run.finish()
    assert seen(run) == folded(home) == {"a": 10, "b": 3}


def test_the_clock_is_that_of_the_last_row(home, run):
    assert len(run.summary) == 0
    run.log({"a": 1}, step=7)
    before = dict(run.summary)
    run.finish()
    after = only_run(home).summary
    assert after["_step"] == 7
    assert after["_timestamp"] == before["_timestamp"]
    assert math.isclose(after["_runtime"], before["_runtime"], abs_tol=0.01)


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ({"summary": "min"}, {"min": 1}),
        ({"summary": "max"}, {"max": 3}),
        ({"summary": "mean"}, {"mean": 2}),
        ({"summary": "first"}, {"first": 3}),
        ({"summary": "last"}, {"last": 2}),
        ({"summary": "min, max"}, {"min": 1, "max": 3}),
        ({"summary": "best", "goal": "maximize"}, {"best": 3}),
        ({"summary": "best", "goal": "minimize"}, {"best": 1}),
        ({"summary": "best"}, {"best": 1}),
        ({"summary": "copy"}, 2),
        ({"hidden": True}, 2),
        ({"summary": "none"}, None),
    ],
)
def test_aggregations(home, run, definition, expected):
    run.define_metric("loss", **definition)
    for value in (3, 1, 2):
        run.log({"loss": value})
    assert run.summary.get("loss") == expected
    run.finish()
    assert folded(home).get("loss") == expected


def test_globs_and_names(home, run):
    run.define_metric("*", summary="last")
    run.define_metric("val/*", summary="min")
    run.define_metric("val/acc", summary="max")
    for value in (2, 1, 3):
        run.log({"val/loss": value, "val/acc": value, "train": value})
    expected = {"val/loss": {"min": 1}, "val/acc": {"max": 3}, "train": {"last": 3}}
    assert seen(run) == expected
    run.finish()
    assert folded(home) == expected


def test_a_second_definition_adds_and_overwrite_replaces(run):
    run.define_metric("a", summary="min", step_metric="epoch")
    merged = run.define_metric("a", hidden=True)
    assert (merged.summary, merged.step_metric, merged.hidden) == (("min",), "epoch", True)
    replaced = run.define_metric("a", goal="max", overwrite=True)
    assert (replaced.summary, replaced.step_metric, replaced.goal) == ((), None, "maximize")


def test_step_metrics_are_added_to_rows_that_lack_them(home, run):
    epoch = run.define_metric("epoch")
    run.define_metric("val/*", step_metric=epoch)
    run.define_metric("test/*", step_metric="epoch", step_sync=False)
    run.log({"val/loss": 0})  # no epoch is known yet
    run.log({"epoch": 1})
    run.log({"val/loss": 1})
    run.log({"test/loss": 1})
    run.log({"epoch": 2, "val/loss": 2})
    run.log({"val/loss": 3})
    run.finish()
    assert sorted(points(home, run.id, "epoch")) == [(1, 1), (2, 1), (4, 2), (5, 2)]


def test_a_definition_that_comes_late_knows_what_was_before(home, run):
    for value in (1, 5, 3):
        run.log({"a": value})
    run.define_metric("a", summary="min,max,mean,first")
    assert run.summary["a"] == 3  # as in the home: with the next value
    run.log({"a": 4})
    expected = {"min": 1, "max": 5, "mean": 3.25, "first": 1}
    assert run.summary["a"] == expected
    run.finish()
    assert folded(home) == {"a": expected}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "a", "summary": "median"}, "'median' is unknown"),
        ({"name": "a", "goal": "up"}, "use minimize or maximize"),
        ({"name": 3}, "must be a text"),
        ({"name": "a", "step_metric": 3}, "name of a metric"),
    ],
)
def test_definitions_that_make_no_sense(run, arguments, message):
    with pytest.raises(UsageError, match=message):
        run.define_metric(**arguments)


NUMBERS = st.one_of(
    st.floats(allow_infinity=False), st.integers(-(2**70), 2**70), st.none(), st.text(max_size=2)
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b/c", "d"]), NUMBERS, min_size=1), max_size=12
)
DEFINITIONS = st.dictionaries(
    st.sampled_from(["a", "b/*", "*"]),
    st.lists(st.sampled_from(AGGREGATIONS), min_size=1, unique=True).map(",".join),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, definitions=DEFINITIONS, late=st.integers(0, 12))
def test_what_the_program_sees_is_what_the_home_gets(home, rows, definitions, late):
    options = {"console": "off", "disable_git": True, "silent": True}
    with homerun.init(project="p", settings=options, reinit=True) as run:
        for index, row in enumerate([*rows, {}]):
            if index == min(late, len(rows)):
                for name, summary in definitions.items():
                    run.define_metric(name, summary=summary)
            run.log(row)
    with Store(home) as store:
        settle(store)
        summary = store.run(run.id).summary
    live = seen(run)
    assert set(live) == {key for key in summary if key[0] != "_"}
    for key, value in live.items():
        assert approximately(value) == approximately(summary[key]), key


def approximately(value):
    """Return a value so that sums in another order, and NaN, are equal."""
    if hasattr(value, "items"):
        return {key: approximately(inner) for key, inner in value.items()}
    if isinstance(value, float):
        return "nan" if math.isnan(value) else f"{value:.9e}"
    return f"{value:.9e}" if isinstance(value, int) and abs(value) < 2**53 else value
