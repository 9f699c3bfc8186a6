"""log(): W&B's rules of steps and commits, every value, every way to call it."""

import math
import threading
from collections import OrderedDict
from types import MappingProxyType

import numpy as np
import pytest

import homerun
from homerun.core import UsageError
from homerun.store import Store, history_frame, settle
from tests.track_program import only_run, points

A, B = {"a": 1}, {"b": 1}


@pytest.fixture
def run(home):
    with homerun.init(project="p", settings={"console": "off"}) as run:
        yield run


def steps_of(home, run_id):
    """Return {key: steps} of all points."""
    with Store(home) as store:
        settle(store)
        frame = history_frame(store, [run_id])
    return {key: list(group["step"]) for key, group in frame.groupby("key")}


# Calls of log, the steps that the points of `a` and `b` then have, and the step that comes next.
RULES = {
    "no step commits": ([(A,), (A,), (B,)], {"a": [0, 1], "b": [2]}, 3),
    "commit=False waits for the next call": ([(A, None, False), (B,)], {"a": [0], "b": [0]}, 1),
    "commit=False is flushed at the end": ([(A,), (B, None, False)], {"a": [0], "b": [1]}, 1),
    "commit=True is as without": ([(A, None, True), (A,)], {"a": [0, 1]}, 2),
    "a step accumulates": ([(A, 5), (B, 5)], {"a": [5], "b": [5]}, 5),
    "until a larger one comes": ([(A, 5), (B, 7)], {"a": [5], "b": [7]}, 7),
    "a smaller one is dropped": ([(A, 5), (B, 3), (B, 6)], {"a": [5], "b": [6]}, 6),
    "a committed step is over": ([(A, 3, True), (B, 3)], {"a": [3]}, 4),
    "without a step it joins the open one": ([(A, 5), (B,), (A,)], {"a": [5, 6], "b": [5]}, 7),
    "a step may be skipped to": ([(A,), (A, 10), (A,)], {"a": [0, 10, 10]}, 11),
    "a step and commit=False": ([(A, 2, False), (B, 2, True)], {"a": [2], "b": [2]}, 3),
    "no data only commits": ([(A, None, False), (None,), (A,)], {"a": [0, 1]}, 2),
    "an empty row only commits": ([(A, None, False), ({},), (A,)], {"a": [0, 1]}, 2),
    "numpy's integers are steps": ([(A, np.int64(4)), (B, 4.0)], {"a": [4], "b": [4]}, 4),
}


@pytest.mark.parametrize(("calls", "expected", "following"), RULES.values(), ids=RULES)
def test_steps_and_commits_are_those_of_wandb(home, run, calls, expected, following):
    for call in calls:
        run.log(*call)
    assert run.step == following
    assert run.summary["_step"] == max(max(steps) for steps in expected.values())
    run.finish()
    assert steps_of(home, run.id) == expected


def test_a_step_in_the_past_is_said_once_and_counted(run, capsys):
    run.log(A, step=5)
    run.log(A, step=4)
    run.log(A, step=3)
    assert run.status()["ignored"] == 2
    run.finish()
    said = capsys.readouterr().err
    assert said.count("Steps must be monotonically increasing") == 1
    assert "2 calls of log() were ignored" in said


def test_within_a_step_every_point_is_kept_and_the_last_value_is_the_summary(home, run):
    run.log({"a": 1}, step=5)
    run.log({"a": 2}, step=5)
    assert run.summary["a"] == 2
    run.finish()
    assert points(home, run.id, "a") == [(5, 1), (5, 2)]
    assert only_run(home).summary["a"] == 2


VALUES = {
    "float": (0.1, 0.1),
    "big integer": (10**20, 10**20),
    "negative": (-1, -1),
    "text": ("é\udc80", "é\udc80"),
    "bool": (True, True),
    "inf": (math.inf, math.inf),
    "list": ([1, [2.5, None]], [1, [2.5, None]]),
    "tuple": ((1, 2), [1, 2]),
    "numpy float64": (np.float64(0.25), 0.25),
    "numpy float32": (np.float32(0.25), 0.25),
    "numpy integer": (np.int32(7), 7),
    "numpy bool": (np.bool_(True), True),
    "small array": (np.arange(3), [0, 1, 2]),
    "no-dimensional array": (np.array(1.5), 1.5),
    "one-element array": (np.array([1.5]), 1.5),
    "object": (pytest.approx, str(pytest.approx)),
}


@pytest.mark.parametrize(("given", "stored"), VALUES.values(), ids=VALUES)
def test_values_come_back_as_they_went_in(home, run, given, stored):
    for _ in range(3):  # the short way is taken from the second time on
        run.log({"v": given, "w": 1.0})
    assert run.step == 3
    run.finish()
    assert only_run(home).summary["v"] == stored
    with Store(home) as store:
        values = list(history_frame(store, [run.id], keys=["v"])["value"])
    assert values == [stored] * 3


def test_nan_stays_nan_and_none_stays_out_of_the_summary(home, run):
    run.log({"a": 1.5, "n": math.nan})
    run.log({"a": None, "n": math.nan, "b": None})
    assert run.summary["a"] == 1.5
    assert math.isnan(run.summary["n"])
    assert "b" not in run.summary
    run.finish()
    summary = only_run(home).summary
    assert summary["a"] == 1.5
    assert math.isnan(summary["n"])
    assert "b" not in summary


def test_nested_keys_are_dotted(home, run):
    run.log({"train": {"loss": 0.5, "top": {"5": 1}}, "x.y": 2})
    assert run.summary["train.loss"] == 0.5
    assert run.summary["train"]["loss"] == 0.5
    assert run.summary["train"]["top"]["5"] == 1
    run.finish()
    assert steps_of(home, run.id) == {"train.loss": [0], "train.top.5": [0], "x.y": [0]}
    summary = {k: v for k, v in only_run(home).summary.items() if k[0] != "_"}
    assert summary == {"train.loss": 0.5, "train.top.5": 1, "x.y": 2}


@pytest.mark.parametrize("mapping", [MappingProxyType({"a": 1}), OrderedDict(a=1)])
def test_any_mapping_is_a_row(home, run, mapping):
    run.log(mapping)
    run.log(mapping)
    run.finish()
    assert points(home, run.id, "a") == [(0, 1), (1, 1)]


def test_rows_of_different_keys_keep_the_order_of_a_metric(home, run):
    for i in range(200):
        run.log({"loss": i, **({"val": i} if i % 7 == 3 else {})})
    run.finish()
    with Store(home) as store:
        frame = history_frame(store, [run.id], keys=["loss", "val"])
    assert list(frame.columns) == ["run", "key", "step", "value", "time"]
    loss, val = (frame[frame.key == key] for key in ("loss", "val"))
    assert list(loss.step) == list(loss.value) == list(range(200))
    assert list(val.step) == list(range(3, 200, 7))
    assert frame.time.notna().all()
    assert only_run(home).summary["loss"] == 199


def test_what_is_logged_may_change_afterwards(home, run):
    row = {"a": 0}
    for i in range(5):
        row["a"] = i
        run.log(row)
    row["a"] = -1
    assert run.summary["a"] == 4
    run.finish()
    assert points(home, run.id, "a") == [(i, i) for i in range(5)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([1], "must be passed a dictionary"),
        ("loss", "must be passed a dictionary"),
        ({1: 2}, "must be strings"),
        ({"a": 1, None: 2}, "must be strings"),
    ],
)
def test_what_is_no_row_is_refused_in_wandbs_words(run, data, message):
    with pytest.raises(UsageError, match=message):
        run.log(data)
    assert run.step == 0


def test_a_step_that_is_no_number_is_refused(run):
    with pytest.raises(UsageError, match="whole number"):
        run.log(A, step="first")


def test_nothing_is_logged_before_init_or_after_finish(home):
    assert homerun.run is None
    with pytest.raises(UsageError, match=r"You must call homerun.init"):
        homerun.log(A)
    run = homerun.init(project="p")
    homerun.log(A)
    homerun.finish()
    homerun.finish()
    for call in (lambda: run.log(A), lambda: run.config.update(A), lambda: run.alert("x")):
        with pytest.raises(UsageError, match="is finished"):
            call()


def test_many_threads_lose_nothing(home, run):
    def work(name):
        for i in range(500):
            run.log({name: i})

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    steps = steps_of(home, run.id)
    assert sorted(step for some in steps.values() for step in some) == list(range(2000))
    assert all([v for _, v in points(home, run.id, f"t{n}")] == list(range(500)) for n in range(4))


def test_media_are_files_with_a_record(home, run):
    run.log({"picture": homerun.Image(np.zeros((4, 4, 3), np.uint8), caption="black"), "loss": 1})
    run.log({"table": homerun.Table(columns=["a"], data=[[1]])})
    run.log({"many": [homerun.Image(np.zeros((4, 4), np.uint8)) for _ in range(2)]})
    assert run.summary["picture"]["_type"] == "image-file"
    run.finish()
    summary = only_run(home).summary
    assert summary["picture"]["caption"] == "black"
    with Store(home) as store:
        kept = dict(store.rows("SELECT path, kind FROM file WHERE path LIKE 'media/%'"))
    files = home / "runs" / run.id / "files"
    assert set(kept.values()) == {"image-file", "table-file", "images/separated"}
    assert all((files / path).stat().st_size for path in kept)
    assert summary["picture"]["path"] in kept
