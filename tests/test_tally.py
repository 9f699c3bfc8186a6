"""How far an agent is, from what it tells: against a recount of everything that it told."""

import json
import math
from dataclasses import replace
from functools import reduce

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homerun import charts
from homerun.agent import (
    Done,
    Ended,
    Outcome,
    Progress,
    Remark,
    Started,
    Stopping,
    Tally,
    Trouble,
    Waiting,
    tally_of,
)
from homerun.core import BAD, ENDED, End, Metric, Run, RunState, Slot
from homerun.insight import has_result
from homerun.store import Store, runs_frame, space
from tests.agent_home import make_sweep, python, work
from tests.cli_call import call

LOSS = Metric(name="val.loss")
END = End(state=RunState.FINISHED, ended_at=0.0)


def run_of(number, state=RunState.RUNNING, value=None):
    summary = {} if value is None else {"val": {"loss": value}}
    return Run(id=f"id{number}", number=number, project="", name="", state=state, summary=summary)


counts = st.integers(0, 9)
numbers = st.integers(1, 5)  # few, so that runs start, end and start once more
values = st.none() | st.booleans() | st.sampled_from(["text", 1, -2]) | st.floats()
events = st.one_of(
    st.builds(lambda number: Started(run=run_of(number), slot=Slot(), argv=()), numbers),
    st.builds(
        lambda number, state, value: Ended(run=run_of(number, state, value), end=END),
        numbers,
        st.sampled_from(sorted(ENDED)),
        values,
    ),
    st.builds(
        Progress,
        done=counts,
        planned=st.none() | counts,
        running=counts,
        failed=counts,
        eta_s=st.none(),
    ),
    *(st.builds(kind, text=st.just(kind.__name__)) for kind in (Trouble, Remark)),
    st.builds(Stopping, text=st.just("stops"), running=counts),
    st.builds(Waiting, reason=st.just("waits")),
    st.builds(Done, outcome=st.just(Outcome.COMPLETE), reason=st.sampled_from(["", "all done"])),
)


def recount(told, metric):
    """Return the same as a tally from the list of all events, each fact by itself."""
    ends = [event.run for event in told if isinstance(event, Ended)]
    bad = [run for run in ends if run.state in BAD]
    running = {}
    for event in told:
        if isinstance(event, Started | Ended):
            running.pop(event.run.id, None) if isinstance(event, Ended) else None
            running |= {event.run.id: event.run} if isinstance(event, Started) else {}
    far, since = Tally().progress, told
    for at, event in enumerate(told):
        if isinstance(event, Progress):
            far, since = event, told[at + 1 :]
    since = [event.run for event in since if isinstance(event, Ended)]
    far = replace(
        far,
        done=far.done + len(since),
        failed=far.failed + sum(run.state in BAD for run in since),
    )
    good = [run for run in ends if run.state == RunState.FINISHED]
    found = [(run.summary.get("val", {}).get("loss"), run) for run in good]
    found = [
        (value, run) for value, run in found if type(value) in {int, float} and math.isfinite(value)
    ]
    choose = max if metric.is_maximized else min
    best = choose(found, key=lambda one: one[0], default=None)
    notes = [""]
    for event in told:
        said = getattr(event, "text", "") or getattr(event, "reason", "")
        notes += [""] if isinstance(event, Started) else [said] if said else []
    return running, far, len(bad), tuple(bad[-3:]), best, notes[-1]


@given(st.lists(events, max_size=30), st.sampled_from([LOSS, replace(LOSS, goal="maximize")]))
@example([Started(run=run_of(1), slot=Slot(), argv=())] * 2, LOSS)
def test_any_sequence_of_events_counts_as_a_recount_does(told, metric):
    tally = Tally(metric=metric)
    for event in told:
        before, running = tally, dict(tally.running)
        tally = before.after(event)
        assert before.running == running  # which somebody may be drawing just now
    best = tally.best and (tally.best.value, tally.best.run)
    counted = (tally.running, tally.progress, tally.failed, tally.failures, best, tally.note)
    assert counted == recount(told, metric)


@given(values)
def test_a_metric_is_a_finite_number_wherever_it_lies(value):
    is_number = type(value) in {int, float} and math.isfinite(value)
    for summary in ({"val": {"loss": value}}, {"val.loss": value}):
        assert LOSS.value_in(summary) == (value if is_number else None)
    assert LOSS.value_in({}) is LOSS.value_in({"val": {}}) is None


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "0 done"),
        ({"planned": 48, "done": 13}, "13 of 48 done"),
        (
            {"planned": 4, "failed": 1, "running": 2, "eta_s": 200.0},
            "0 of 4 done, 1 failed, ETA 3m20s",
        ),
        ({"planned": 4, "done": 4, "eta_s": 1.0}, "4 of 4 done"),
    ],
)
def test_progress_in_words(facts, text):
    nothing = Progress(done=0, planned=None, running=0, failed=0, eta_s=None)
    assert replace(nothing, **facts).in_words() == text


def test_a_tally_begins_where_its_sweep_stands(home):
    code = "import homerun, sys; homerun.init(); homerun.log({'loss': float(sys.argv[1][-1])})"
    with Store() as store:
        sweep = make_sweep(store, python(code), values=3, metric={"name": "loss"})
        assert tally_of(store, sweep).best is None
        _, told = work(store, sweep)
        seen = tally_of(store, sweep)
        assert seen.best.text == "best loss 0 by run 1"
        assert seen.best.run.config == {"n": 0}
        assert seen.progress.in_words() == "0 of 3 done"  # until the agent has counted
        for event in told:
            seen = seen.after(event)
        assert seen.progress.in_words() == "3 of 3 done"
        assert not seen.running
        bare = make_sweep(store, ["true"])
        assert tally_of(store, bare).best is None
        assert tally_of(store, bare).metric is None


def test_a_run_that_failed_or_was_stopped_is_best_nowhere(home):
    code = "import homerun, sys; homerun.init(); n = int(sys.argv[1][-1])\n"
    code += "homerun.log({'loss': n}); homerun.finish(exit_code=int(n == 0))"
    with Store() as store:
        metric = {"name": "loss", "goal": "minimize", "target": 0}
        sweep = make_sweep(store, python(code), values=4, metric=metric)
        before = tally_of(store, sweep)
        done, told = work(store, sweep)
        assert done.outcome == Outcome.COMPLETE
        assert reduce(Tally.after, told, before).best.value == 1
        store.db.execute("UPDATE run SET censored = 1, state = 'killed' WHERE number = 2")
        assert tally_of(store, sweep).best.text == "best loss 2 by run 3"
        kept = space.best_runs(store, sweep.id, "loss", 1, is_maximized=False)
        assert kept == {store.run(number).id for number in ("1", "2", "3")}  # what is not worse
        df = runs_frame(store, sweep=sweep.id)
    (listed,) = json.loads(call("ls", "--json").stdout)["sweeps"]
    assert (listed["best"], listed["best_run"]) == (2, 3)
    assert has_result(df, "loss").tolist() == [False, False, True, True]
    cells = [cell for row in charts.table(df).parts[0].rows for cell in row]
    assert [cell.value for cell in cells if cell.is_best] == [2]
    figure = charts.curves(
        pd.DataFrame({"run": df.id, "step": 0, "key": "loss", "value": df.loss}), runs=df
    )
    assert figure.caption.startswith(f"Best: {df.name[2]}.")
