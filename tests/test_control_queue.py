"""The queue under people's hands: held runs, their order, next attempts."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homerun.agent import kill, pause, resume
from homerun.core import End, RunState, SweepState, UsageError
from homerun.store import (
    Store,
    add_to_queue,
    held_back,
    identity,
    move,
    next_attempt,
    priority_beyond,
    retry,
    set_priority,
    settle,
)
from tests.cli_home import add_sweep

ME = str(identity())


@pytest.fixture
def store(home):
    with Store(home) as store:
        yield store


def queue(store, name="", **options):
    return add_to_queue(store, ["/bin/true"], project="p", cwd="/", name=name, **options)


def fail(store, run, state=RunState.FAILED):
    store.end({run.id: End(state=state, reason="exit code 1", exit_code=1, ended_at=time.time())})
    return store.run(run.id)


def claim_all(store):
    """Return the numbers of all queued runs in the order in which agents take them."""
    claimed = iter(lambda: store.claim(None, agent=ME), None)
    return [run.number for run in claimed]


def test_held_run_is_taken_by_nobody_and_stays_what_it_is(store):
    held, other = queue(store), queue(store)
    (paused,) = pause(store, held)
    assert (paused.state, paused.started_at, paused.is_waiting) == (RunState.PAUSED, None, True)
    assert held_back(store) == [held.number]
    assert claim_all(store) == [other.number]
    settled = settle(store)
    assert held.id not in {*settled.ended, *settled.orphans, *settled.requeued}
    assert store.run(held.id) == paused
    (resumed,) = resume(store, held)
    assert (resumed.state, resumed.reason) == (RunState.PENDING, "")
    assert claim_all(store) == [held.number]


def test_held_run_is_killed_without_a_process(store):
    run = queue(store)
    pause(store, run)
    assert kill(store, run)[run.id].state == RunState.KILLED
    assert store.run(run.id).state == RunState.KILLED


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    return tmp_path_factory.mktemp("many")


@settings(max_examples=60)
@given(priorities=st.lists(st.integers(-3, 3), min_size=1, max_size=9), data=st.data())
def test_moved_runs_come_where_they_were_put_and_the_others_keep_their_order(
    many, priorities, data
):
    with Store(many) as store, store.write():  # one transaction: quick
        runs = [queue(store, priority=priority) for priority in priorities]
        before = sorted(runs, key=lambda run: (-run.priority, run.number))
        moved = data.draw(st.lists(st.sampled_from(runs), min_size=1, unique_by=id))
        rest = [run for run in before if run not in moved]
        place = data.draw(st.sampled_from(["first", "last", *range(len(rest))]))
        at = {"first": 0, "last": len(rest)}.get(place, place)
        other = "" if place in {"first", "last"} else rest[place].id
        move(store, [run.id for run in moved], before=other, is_last=place == "last")
        assert all(store.run(run.id).priority >= run.priority for run in rest)
        assert claim_all(store) == [run.number for run in [*rest[:at], *moved, *rest[at:]]]


def test_priority_of_a_sweep_is_that_of_its_runs(store):
    sweep = add_sweep(store)
    queue(store, priority=4)
    set_priority(store, priority_beyond(store, sweep.id, is_last=False), sweep=sweep.id)
    assert {run.priority for run in store.runs(sweep=sweep.id)} == {5}
    assert store.row("SELECT priority FROM sweep") == (5,)
    assert priority_beyond(store, sweep.id, is_last=True) == 3


def test_next_attempts_follow_each_other(store):
    sweep = add_sweep(store)
    first = fail(store, store.claim(sweep.id, agent=ME))
    (second_id,) = retry(store, [first])
    second = store.run(second_id)
    assert (second.attempt, second.config, second.state) == (2, first.config, RunState.PENDING)
    assert next_attempt(store, first.id) == second.id
    assert store.run(first.id).reason == f"exit code 1; tried again as {second.id}"
    with pytest.raises(UsageError, match=second.id):
        retry(store, [first])
    store.claim_run(second, agent=ME)
    (third,) = retry(store, [fail(store, second)])
    assert store.run(third).attempt == 3
    store.delete([third])
    assert next_attempt(store, second.id) is None
    assert retry(store, [store.run(second.id)]) != [third]


def test_retry_without_a_reason_is_known_too(store):
    run = queue(store)
    store.claim(None, agent=ME)
    store.end({run.id: End(state=RunState.FINISHED, exit_code=0, ended_at=1.0)})
    (again,) = retry(store, [store.run(run.id)])
    assert next_attempt(store, run.id) == again
    assert store.run(again).argv == ("/bin/true",)
    assert store.run(run.id).reason == f"tried again as {again}"


def test_what_waits_for_a_run_waits_for_its_next_attempt(store):
    first = queue(store)
    waits = queue(store, after=[first])
    again = queue(store, after=[first])
    fail(store, store.claim(None, agent=ME))
    (second,) = retry(store, [store.run(first.id)])
    assert store.rows("SELECT run, after FROM run_after ORDER BY run") == sorted(
        [(waits.id, second), (again.id, second)]
    )
    assert store.claim(None, agent=ME).id == second
    assert store.claim(None, agent=ME) is None
    store.end({second: End(state=RunState.FINISHED, exit_code=0, ended_at=1.0)})
    assert store.claim(None, agent=ME).id == waits.id


def test_retries_of_a_run_hand_over_what_waits_for_it(store):
    first = queue(store, retries=1)
    waits = queue(store, after=[first])
    fail(store, store.claim(None, agent=ME))
    second = next_attempt(store, first.id)
    assert store.run(second).retries == 0
    assert store.rows("SELECT run, after FROM run_after") == [(waits.id, second)]


@pytest.mark.parametrize(
    ("state", "reason", "then"),
    [
        (SweepState.FINISHED, "", SweepState.RUNNING),
        (SweepState.PAUSED, "5 runs in a row failed", SweepState.RUNNING),
        (SweepState.PAUSED, "paused by the user", SweepState.PAUSED),
    ],
)
def test_retry_opens_a_sweep_unless_the_user_has_paused_it(store, state, reason, then):
    sweep = add_sweep(store)
    run = fail(store, store.claim(sweep.id, agent=ME))
    store.set_sweep(sweep.id, state, reason)
    retry(store, [run])
    assert store.sweep(sweep.id).state == then


def test_pause_of_a_run_that_an_agent_gave_back_holds_it(store):
    run = queue(store)
    store.claim(None, agent=str(identity()))
    store.unclaim(run.id)
    assert [one.is_waiting for one in pause(store, run)] == [True]
