"""The queue and the records of runs, on a real database."""

import multiprocessing
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from homerun.core import End, NotFoundError, RunState, StoreError, SweepState
from homerun.store import Store, identity
from homerun.store.schema import MIGRATIONS


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "home") as store:
        yield store


def add_sweep(store, count=3, **options):
    sweep = store.add_sweep({"method": "grid"}, project="p", planned=count)
    store.propose(sweep, [({"lr": i}, 0) for i in range(count)], cursor=count, **options)
    return store.sweep(sweep.id)


def finished(at=1.0):
    return End(state=RunState.FINISHED, exit_code=0, ended_at=at, runtime_s=1.0)


def failed():
    return End(state=RunState.FAILED, reason="exit code 1", exit_code=1, ended_at=2.0)


def test_claims_come_in_the_order_of_the_queue_and_once_each(store):
    sweep = add_sweep(store, 3)
    runs = [store.claim(sweep.id, agent="me") for _ in range(4)]
    assert [run.config["lr"] for run in runs[:3]] == [0, 1, 2]
    assert runs[3] is None
    assert {run.state for run in runs[:3]} == {RunState.RUNNING}


def test_a_higher_priority_is_claimed_first(store):
    sweep = add_sweep(store, 3)
    with store.write() as db:
        db.execute("UPDATE run SET priority = 1 WHERE json_extract(config, '$.lr') = 2")
    assert store.claim(sweep.id, agent="me").config == {"lr": 2}


def test_a_paused_sweep_gives_no_runs(store):
    sweep = add_sweep(store)
    store.set_sweep(sweep.id, SweepState.PAUSED, "by hand")
    assert store.claim(sweep.id, agent="me") is None
    assert store.sweep(sweep.id).reason == "by hand"


def test_of_two_proposals_from_one_cursor_the_second_writes_nothing(store):
    sweep = store.add_sweep({"method": "grid"}, project="p")
    assert store.propose(sweep, [({"lr": 1}, 0)], cursor=1)
    assert not store.propose(sweep, [({"lr": 2}, 0)], cursor=1)
    assert [run.config for run in store.runs(sweep=sweep.id)] == [{"lr": 1}]


def test_a_configuration_is_never_queued_twice_but_its_repeats_are(store):
    sweep = store.add_sweep({"method": "random"}, project="p")
    store.propose(sweep, [({"lr": 1}, 0), ({"lr": 1}, 1), ({"lr": 1}, 0)], cursor=1)
    assert [run.repeat for run in store.runs(sweep=sweep.id)] == [0, 1]


def test_zero_false_and_none_are_values_of_their_own(store):
    sweep = store.add_sweep({"method": "grid"}, project="p")
    values = [0, 0.0, False, None, "0", ""]
    store.propose(sweep, [({"x": value}, 0) for value in values], cursor=6)
    found = [run.config["x"] for run in store.runs(sweep=sweep.id)]
    assert [(type(a), a) for a in found] == [(type(b), b) for b in values]


def test_an_end_is_recorded_once(store):
    sweep = add_sweep(store, 1)
    run = store.claim(sweep.id, agent="me")
    assert store.end({run.id: finished()}) == [run.id]
    assert store.end({run.id: failed()}) == []
    assert store.run(run.id).state == RunState.FINISHED


def test_a_failure_with_retries_left_is_queued_again_as_a_run_of_its_own(store):
    sweep = add_sweep(store, 1, retries=2)
    states = []
    while run := store.claim(sweep.id, agent="me"):
        store.end({run.id: failed()})
        states.append((run.attempt, store.run(run.id).state))
    assert states == [(1, "failed"), (2, "failed"), (3, "failed")]
    first, *_, last = store.runs(sweep=sweep.id)
    assert "tried again as" in first.reason
    assert last.reason == "exit code 1"


def test_a_killed_run_is_not_tried_again(store):
    sweep = add_sweep(store, 1, retries=2)
    run = store.claim(sweep.id, agent="me")
    store.end({run.id: End(state=RunState.KILLED, reason="by the user", ended_at=1.0)})
    assert store.claim(sweep.id, agent="me") is None


def test_a_program_that_told_finish_of_a_failure_has_failed(store):
    run = store.add_run("abc", project="p")
    with store.write() as db:
        db.execute("UPDATE run SET exit_code = 3 WHERE id = ?", (run.id,))
    store.end({run.id: finished()})
    run = store.run("abc")
    assert (run.state, run.exit_code) == (RunState.FAILED, 3)
    assert "finish(exit_code=3)" in run.reason


def test_runs_are_found_by_id_number_name_beginning_and_path(store):
    run = store.add_run("abcdef", project="p", name="my run")
    for ref in ("abcdef", str(run.number), "my run", "abc", "team/p/abcdef"):
        assert store.run(ref).id == "abcdef"
    store.add_run("abcxyz", project="p")
    with pytest.raises(NotFoundError, match=r"may be any of abcdef, abcxyz"):
        store.run("abc")
    for ref in ("", "nothing", "%", "a_c", "999999999999999999999999"):
        with pytest.raises(NotFoundError, match="no run answers"):
            store.run(ref)


def test_deleting_a_sweep_leaves_nothing_behind(store):
    sweep = add_sweep(store)
    store.delete_sweep(sweep.id)
    assert store.runs() == []
    with pytest.raises(NotFoundError):
        store.sweep(sweep.id)


def test_labels_change_only_what_is_given(store):
    store.add_run("abc", project="p", notes="first", tags=["a"])
    store.label("abc", tags=["b", "b", "c"])
    run = store.run("abc")
    assert (run.notes, run.tags) == ("first", ("b", "c"))


def test_the_home_is_private_whatever_the_umask(store):
    assert store.home.stat().st_mode & 0o777 == 0o700
    for path in store.home.glob("homerun.db*"):
        assert path.stat().st_mode & 0o777 == 0o600


def _claim_all(home, sweep_id, results):
    with Store(Path(home)) as store:
        me = str(identity())
        claimed = []
        while run := store.claim(sweep_id, agent=me):
            claimed.append(run.id)
        results.put(claimed)


def test_many_agents_never_claim_the_same_run(store):
    sweep = add_sweep(store, 200)
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    agents = [
        context.Process(target=_claim_all, args=(str(store.home), sweep.id, results))
        for _ in range(4)
    ]
    for agent in agents:
        agent.start()
    claimed = Counter(run for _ in agents for run in results.get(timeout=60))
    for agent in agents:
        agent.join()
    assert len(claimed) == 200
    assert set(claimed.values()) == {1}


def test_many_processes_start_on_a_fresh_home_at_once(tmp_path):
    program = (
        "import sys; from pathlib import Path; from homerun.store import Store\n"
        "Store(Path(sys.argv[1])).add_run(sys.argv[2], project='p')"
    )
    starts = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "home"), f"run{i}"])
        for i in range(6)
    ]
    assert [start.wait() for start in starts] == [0] * 6
    with Store(tmp_path / "home") as store:
        assert len(store.runs()) == 6


def test_a_newer_database_is_refused_in_one_line(store):
    store.db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match=r"written by a newer homerun .* pip install -U homerun"):
        Store(store.home)


def test_a_database_of_another_program_is_left_alone(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with sqlite3.connect(home / "homerun.db") as other:
        other.execute("CREATE TABLE theirs(a)")
    other.close()
    before = (home / "homerun.db").read_bytes()
    with pytest.raises(StoreError, match="another program"):
        Store(home)
    assert (home / "homerun.db").read_bytes() == before


def test_what_is_no_database_is_refused_in_one_line(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "homerun.db").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(StoreError, match="doctor --repair"):
        Store(home)


def test_a_locked_database_says_so(store):
    with sqlite3.connect(store.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program"):
            Store(store.home, timeout_s=0.1).add_run("abc", project="p")
    other.close()


def test_a_failed_transaction_leaves_nothing(store):
    def half_way():
        with store.write() as db:
            db.execute(
                "INSERT INTO sweep(id, project, name, state, spec, created_at)"
                " VALUES ('x', 'p', 'n', 'running', '{}', 0)"
            )
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half_way()
    assert store.sweeps() == []


def test_a_claim_gives_the_time_it_was_taken(store):
    sweep = add_sweep(store, 1)
    before = time.time()
    run = store.claim(sweep.id, agent="me")
    assert before <= run.started_at <= time.time()
