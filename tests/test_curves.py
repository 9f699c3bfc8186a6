"""The course of a metric as stopping rules read it from the database."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homerun.core import RunState
from homerun.store import Store, configs_of, fold, logged, logged_numbers
from homerun.store import journal as jr
from tests.cli_home import add_sweep, end, train, write_journal


@pytest.fixture
def store(home):
    with Store(home) as store:
        yield store


def numbers(store, sweep):
    """Return what each run of a sweep has logged of the loss, by id."""
    rows = [row for row in logged(store, sweep.id, "loss") if row.metric is not None]
    found = logged_numbers(store, [row.metric for row in rows])
    return {row.run: found[row.metric] for row in rows}


def log(store, run, rows):
    """Write rows of (step, values) into the journal of a run and fold it."""
    write_journal(store, run.id, [[jr.ROW, step, float(step), values] for step, values in rows])
    fold(store, run.id)


def test_only_numbers_count(store):
    sweep = add_sweep(store)
    run = store.claim(sweep.id, agent="")
    odd = [0.5, math.nan, math.inf, -math.inf, 3, True, None, "0.1", [1], 2**63, {"_type": "x"}]
    log(store, run, [(step, {"loss": value}) for step, value in enumerate(odd)])
    (found,) = numbers(store, sweep).values()
    assert repr(found) == "[0.5, nan, inf, -inf, 3]"
    (row,) = logged(store, sweep.id, "loss")
    assert (row.run, row.state, row.points) == (run.id, RunState.RUNNING, len(odd))


def test_order_is_that_of_steps_whatever_else_was_logged(store):
    sweep = add_sweep(store)
    run = store.claim(sweep.id, agent="")
    for start in range(0, 100, 10):  # folded in pieces, so blocks are filled up again
        rows = []
        for step in range(start, start + 10):
            values = {"loss": float(step)}
            if step % 3 == 0:
                values["accuracy"] = 0.5
            if step % 7 != 1:
                rows.append((step, values))
        log(store, run, rows)
    log(store, run, [(99, {"loss": -1.0, "late": 1})])  # of the same step again: this one counts
    (found,) = numbers(store, sweep).values()
    assert found == [*[float(step) for step in range(99) if step % 7 != 1], -1.0]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.floats() | st.integers(-9, 9), max_size=80))
def test_values_come_back_as_they_were_logged(store, values):
    run = store.claim(add_sweep(store).id, agent="")
    log(store, run, [(step, {"loss": value}) for step, value in enumerate(values)])
    found = numbers(store, store.sweep(run.sweep))
    assert repr(found.get(run.id, [])) == repr(values)


def test_runs_that_wait_have_no_course_and_reused_ones_count(store):
    sweep = add_sweep(store)
    other = add_sweep(store, name="clone")
    run = train(store, sweep, error=0.1)
    end(store, run)
    with store.write() as db:
        db.execute("INSERT INTO reused VALUES (?, ?)", (other.id, run.id))
    assert [row.run for row in logged(store, sweep.id, "error_rate")] == [run.id]
    (row,) = logged(store, other.id, "error_rate")
    assert (row.run, row.state, row.points) == (run.id, RunState.FINISHED, 5)
    (silent,) = logged(store, sweep.id, "nothing")
    assert (silent.metric, silent.points) == (None, 0)
    assert logged_numbers(store, []) == {}
    assert configs_of(store, [run.id])[run.id]["epochs"] == 5
