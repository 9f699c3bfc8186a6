"""Filters and orders of the Api: what they let through is what MongoDB would."""

import datetime
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homerun.core import End, Metric, RunState, UsageError
from homerun.store import Store, best_run, find_runs, found_runs
from homerun.store.documents import dumps
from homerun.store.querying import translate

MISSING = object()


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "home") as store:
        yield store


def add(store, run_id, config=None, summary=None, **labels):
    store.add_run(run_id, project=labels.pop("project", "p"), config=config or {}, **labels)
    store.db.execute("UPDATE run SET summary = ? WHERE id = ?", (dumps(summary or {}), run_id))


def ids(store, filters, **options):
    return [run.id for run in found_runs(store, find_runs(store, filters, **options))]


# MongoDB's rules in plain Python, for flat keys


def same(one, other):
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, float) and isinstance(other, float) and one != one and other != other:
        return True
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return (
        type(one) is not type(other) and {type(one), type(other)} == {int, float} and (one == other)
    ) or (type(one) is type(other) and one == other)


def comparable(one, other):
    kinds = [
        bool if isinstance(v, bool) else float if isinstance(v, int | float) else type(v)
        for v in (one, other)
    ]
    return kinds[0] is kinds[1] and kinds[0] in {bool, float, str}


def elements(value):
    return [value, *value] if isinstance(value, list) else [value]


def equals(value, operand):
    if operand is None and value is MISSING:
        return True
    return any(same(one, operand) for one in elements(value))


def compares(value, operator, operand):
    if operand is None:
        return "e" in operator and equals(value, None)
    tests = {
        "$gt": lambda a, b: a > b,
        "$gte": lambda a, b: a >= b or same(a, b),
        "$lt": lambda a, b: a < b,
        "$lte": lambda a, b: a <= b or same(a, b),
    }
    return any(
        comparable(one, operand) and tests[operator](one, operand) for one in elements(value)
    )


def holds(value, condition):
    if not (isinstance(condition, dict) and condition):
        return equals(value, condition)
    return all(holds_operator(value, name, operand) for name, operand in condition.items())


def holds_operator(value, name, operand):
    match name:
        case "$eq":
            return equals(value, operand)
        case "$ne":
            return not equals(value, operand)
        case "$in":
            return any(equals(value, one) for one in operand)
        case "$nin":
            return not any(equals(value, one) for one in operand)
        case "$exists":
            return (value is not MISSING) == operand
        case "$not":
            return not holds(value, operand)
        case "$regex":
            return any(isinstance(v, str) and re.search(operand, v) for v in elements(value))
        case _:
            return compares(value, name, operand)


def passes(config, filters):
    for key, value in filters.items():
        if key == "$and":
            fits = all(passes(config, one) for one in value)
        elif key == "$or":
            fits = any(passes(config, one) for one in value)
        elif key == "$nor":
            fits = not any(passes(config, one) for one in value)
        else:
            fits = holds(config.get(key.removeprefix("config."), MISSING), value)
        if not fits:
            return False
    return True


KEYS = ("a", "b", "c")
TEXTS = st.sampled_from(["", "a", "b", "ab", "1", "é", "😀", "x'; DROP TABLE run"])
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -2.5, math.inf, -math.inf, math.nan])
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS | st.just(2**62 + 1)
VALUES = SCALARS | st.lists(SCALARS, max_size=3)
CONDITIONS: st.SearchStrategy[Any] = st.deferred(
    lambda: (
        SCALARS
        | st.lists(SCALARS, max_size=2)
        | st.dictionaries(st.sampled_from(["$eq", "$ne"]), VALUES, min_size=1)
        | st.dictionaries(
            st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), SCALARS, min_size=1, max_size=2
        )
        | st.dictionaries(
            st.sampled_from(["$in", "$nin"]), st.lists(VALUES, max_size=3), min_size=1
        )
        | st.builds(lambda flag: {"$exists": flag}, st.booleans())
        | st.builds(lambda text: {"$regex": text}, st.sampled_from(["^a", "b$", "[0-9]", "."]))
        | st.builds(
            lambda one: {"$not": one if isinstance(one, dict) and one else {"$eq": one}}, CONDITIONS
        )
    )
)
FILTERS = st.recursive(
    st.dictionaries(st.sampled_from([f"config.{key}" for key in KEYS]), CONDITIONS, max_size=2),
    lambda inner: st.dictionaries(
        st.sampled_from(["$and", "$or", "$nor"]),
        st.lists(inner, min_size=1, max_size=3),
        min_size=1,
        max_size=2,
    ),
    max_leaves=4,
)
CONFIGS = st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES), min_size=1, max_size=6)


@settings(max_examples=150)
@given(configs=CONFIGS, filters=st.lists(FILTERS, min_size=1, max_size=8))
def test_a_filter_lets_through_what_mongodb_would(shared_store, configs, filters):
    store = shared_store
    with store.write() as db:
        db.execute("DELETE FROM run")
        db.executemany(
            "INSERT INTO run(id, project, name, state, config, created_at)"
            " VALUES (?, 'p', '', 'finished', ?, 0)",
            [(f"r{i}", dumps(config)) for i, config in enumerate(configs)],
        )
    for one in filters:
        expected = [f"r{i}" for i, config in enumerate(configs) if passes(config, one)]
        assert ids(store, one) == expected, one


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory):
    with Store(tmp_path_factory.mktemp("shared") / "home") as store:
        yield store


# What the documentation of W&B shows, and people write

RUNS = {
    "one": {"config": {"lr": 0.1, "opt": {"name": "adam"}, "layers": [1, 2]}, "tags": ["a", "b"]},
    "two": {"config": {"lr": 1, "model.depth": 3}, "group": "g", "notes": "try"},
    "three": {"config": {"lr": "0.1", "on": True}, "job_type": "eval", "tags": ["c"]},
}
SUMMARIES = {
    "one": {"acc": 0.9, "val.loss": 0.2},
    "two": {"acc": math.nan, "loss": {"min": 0.1}},
    "three": {"acc": math.inf},
}
TABLE = [
    ({}, "one two three"),
    ({"config.lr": 0.1}, "one"),
    ({"config.lr.value": 0.1}, "one"),
    ({"config.lr": {"$gte": 0.1}}, "one two"),
    ({"config.opt.name": "adam"}, "one"),
    ({"config.opt.value.name": "adam"}, "one"),
    ({"config.opt": {"name": "adam"}}, "one"),
    ({"config.model.depth": 3}, "two"),
    ({"config.layers": 2}, "one"),
    ({"config.layers": [1, 2]}, "one"),
    ({"config.on": 1}, ""),
    ({"config.on": True}, "three"),
    ({"config.on": None}, "one two"),
    ({"config.on": {"$exists": False}}, "one two"),
    ({"summary_metrics.acc": {"$gt": 0.5}}, "one three"),
    ({"summary_metrics.val.loss": {"$lt": 0.5}}, "one"),
    ({"summary.loss.min": 0.1}, "two"),
    ({"summary_metrics.acc": {"$lt": 5}}, "one"),
    ({"summary_metrics.acc": math.nan}, "two"),
    ({"tags": "a"}, "one"),
    ({"tags": {"$in": ["a", "c"]}}, "one three"),
    ({"tags": {"$nin": ["a"]}}, "two three"),
    ({"$and": [{"tags": "a"}, {"tags": "b"}]}, "one"),
    ({"state": "running"}, "one two three"),
    ({"state": {"$ne": RunState.RUNNING}}, ""),
    ({"group": "g"}, "two"),
    ({"group": None}, "one three"),
    ({"jobType": "eval"}, "three"),
    ({"job_type": {"$exists": True}}, "three"),
    ({"notes": {"$regex": "TR", "$options": "i"}}, "two"),
    ({"notes": re.compile("^t")}, "two"),
    ({"display_name": {"$regex": "^name of t"}}, "two three"),
    ({"displayName": "name of one"}, "one"),
    ({"name": "two"}, "two"),
    ({"name": {"$in": [f"no{i}" for i in range(3000)] + ["two"]}}, "two"),
    ({"$or": [{"name": f"no{i}"} for i in range(3000)] + [{"name": "one"}]}, "one"),
    ({"username": "ann"}, "one two three"),
    ({"hostname": "box"}, "one two three"),
    ({"metadata.git.commit": {"$regex": "^ab"}}, "one two three"),
    ({"created_at": {"$gt": "2020-01-01"}}, "one two three"),
    ({"createdAt": {"$lt": "2020-01-01T00:00:00Z"}}, ""),
    ({"heartbeatAt": {"$gte": 1.5e9}}, "one two three"),
    ({"duration": {"$gt": 1}}, ""),
    ({"sweep": None}, "one two three"),
    ({"$not": {"name": "one"}}, "two three"),
    ({"$nor": [{"name": "one"}, {"group": "g"}]}, "three"),
]


@pytest.fixture
def known(store):
    metadata = {"username": "ann", "host": "box", "git": {"commit": "abc"}}
    for run_id, facts in RUNS.items():
        add(
            store,
            run_id,
            summary=SUMMARIES[run_id],
            name=f"name of {run_id}",
            metadata=metadata,
            **facts,
        )
    return store


def test_the_fields_and_operators_that_people_use(known):
    for filters, expected in TABLE:
        if expected is not None:
            assert ids(known, filters) == expected.split(), filters


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"config.lr": {"$grt": 1}}, "did you mean $gt"),
        ({"$xor": []}, "the operator '$xor' is unknown"),
        ({"confg.lr": 1}, "runs have no field 'confg.lr'"),
        ({"stat": 1}, "did you mean state"),
        ({"$or": {}}, "takes a list of filters"),
        ({"config.lr": {"$in": "abc"}}, "takes a list of values"),
        ({"config.lr": {"$regex": "("}}, "no regular expression"),
        ({"config.lr": {"$regex": "a", "$options": "q"}}, "use i, m, s or x"),
        ({"config.lr": {"$gt": [1]}}, "takes a number or a text"),
        ({"config.lr": {"$not": 1}}, "takes operators"),
        ({"config.lr": object()}, "cannot compare with"),
        ({'config.a"b': 1}, "quote"),
        ({"created_at": {"$gt": "yesterday"}}, "write it as 2026-01-31"),
        ({"config.lr": "\ud800"}, "no valid unicode"),
        ("state=finished", "a filter is a dictionary"),
    ],
)
def test_a_wrong_filter_gives_one_line_that_says_what_is_right(store, filters, said):
    with pytest.raises(UsageError, match=re.escape(said)) as error:
        find_runs(store, filters)
    assert "\n" not in str(error.value)


def test_a_filter_without_end_is_refused(store):
    filters = {"name": "one"}
    for _ in range(3000):
        filters = {"$not": filters}
    with pytest.raises(UsageError, match="nested too deep"):
        find_runs(store, filters)


@given(text=st.text(min_size=1, max_size=20))
def test_what_people_give_never_becomes_sql(text):
    def filters_with(text):
        return {"config.x": text}, {"tags": {"$in": [text]}}, {f"config.{text}": {"$gt": text}}

    for filters, plain in zip(filters_with(text), filters_with("text"), strict=True):
        try:
            sql, values = translate(filters)
        except UsageError:
            continue
        assert sql.count("?") == len(values)
        assert sql == translate(plain)[0] or "." in text or text.strip("-") in {"NaN", "Infinity"}


def test_numbers_of_numpy_and_times_of_python_are_taken(known):
    assert ids(known, {"config.lr": np.float64(0.1)}) == ["one"]
    assert ids(known, {"config.lr": {"$in": np.array([0.1, 1])}}) == ["one", "two"]
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    assert ids(known, {"created_at": {"$gt": before}}) == list(RUNS)


def test_runs_without_the_value_come_last_in_either_order(known):
    add(known, "four", {"lr": 0.5}, {"acc": 0.1})
    assert ids(known, {}, order="+summary_metrics.acc") == ["four", "one", "three", "two"]
    assert ids(known, {}, order="-summary_metrics.acc") == ["three", "one", "four", "two"]
    assert ids(known, {}, order="config.lr.value") == ["one", "four", "two", "three"]
    assert ids(known, {}, order="-created_at") == ["four", "three", "two", "one"]
    assert ids(known, {}, order="-created_at", limit=1) == ["four"]
    with pytest.raises(UsageError, match="order '' is not valid"):
        find_runs(known, {}, order="")


def test_the_runs_of_a_sweep_are_those_it_reuses_too(store):
    sweep = store.add_sweep({"method": "grid"}, project="p")
    other = store.add_sweep({"method": "grid"}, project="p")
    store.propose(sweep, [({"lr": 1}, 0), ({"lr": 2}, 0)], cursor=2)
    done = store.claim(sweep.id, agent="")
    store.end({done.id: End(state=RunState.FINISHED, ended_at=2.0)})
    store.db.execute("INSERT INTO reused VALUES (?, ?)", (other.id, done.id))
    assert ids(store, {}, sweep=other.id) == [done.id]
    assert len(find_runs(store, {"sweep": sweep.id})) == 2
    assert len(find_runs(store, {"config.lr": 2}, sweep=sweep.id)) == 1


@pytest.mark.parametrize("name", ["précision", "val/误差", "loss 📉", "a\ttab"])
def test_a_metric_of_any_letters_is_found_and_compared(store, name):
    sweep = store.add_sweep({"method": "random"}, project="p", name="s")
    for number, value in enumerate((0.3, 0.9, 0.6)):
        add(store, f"run{number}", summary={name: value, "deep": {name: value}})
        store.db.execute("UPDATE run SET sweep = ?, state = 'finished'", (sweep.id,))
    for key in (name, f"deep.{name}"):
        field = f"summary_metrics.{key}"
        assert ids(store, {field: {"$gt": 0.5}}, order=f"-{field}") == ["run1", "run2"]
        metric = Metric(name=key, goal="maximize")
        assert best_run(store, sweep.id, metric) == (store.run("run1").number, 0.9)
