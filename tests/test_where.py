"""`--where`: what it says of runs that lack a value, the same for lists, tables, charts and Api."""

import json
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homerun import spec
from homerun.charts.parallel import document
from homerun.cli.asking import table_of
from homerun.cli.table import matching
from homerun.store import RunLine, Store, find_runs
from tests.cli_call import attempt, call
from tests.cli_home import SPEC

GONE = object()
numbers = st.sampled_from([0, 1, 2.5, -1.5, math.inf, -math.inf])
nothing = st.sampled_from([GONE, None, math.nan])
values = st.one_of(nothing, numbers, st.booleans(), st.sampled_from(["", "a", "null"]))
configs = st.lists(st.fixed_dictionaries({"x": values, "y": values}), max_size=8)


def line(number, *, config, summary=None, state="finished"):
    given = {key: value for key, value in config.items() if value is not GONE}
    facts = (number, f"r{number}", None, "p", "n", state, "", 0.0, 0.0, 1.0, 1.0, [], False)
    return RunLine(*facts, given, summary or {})


def lines_of(found, place="config"):
    """Return runs with these configurations, after one that has all there is."""
    full = {"x": 1, "y": 1}
    runs = [line(0, config=full)] + [line(i + 1, config=c) for i, c in enumerate(found)]
    if place == "summary":
        runs = [run._replace(config={}, summary=run.config) for run in runs]
    return runs


def chosen(lines, condition):
    return [run.number for run in matching(lines, condition)]


def lacks(config, name):
    value = config[name]
    return value is GONE or value is None or (isinstance(value, float) and math.isnan(value))


@given(configs, st.sampled_from(["config", "summary"]))
def test_null_splits_runs_in_those_with_and_those_without_a_value(found, place):
    lines = lines_of(found, place)
    without = [i + 1 for i, config in enumerate(found) if lacks(config, "x")]
    others = [run.number for run in lines if run.number not in without]
    for condition in ("x == null", "null == x", f"{place}.x == null", "x in [null]"):
        assert chosen(lines, condition) == without
    for condition in ("x != null", "not x == null", "x not in [null]", "x == x"):
        assert chosen(lines, condition) == others


@given(configs, st.sampled_from(["x == 1", "x != 1", "x in [1, 2.5]", "x not in [1]", "len(x)==1"]))
def test_what_is_missing_is_neither_equal_nor_different(found, condition):
    found = [{**c, "x": c["x"] if "len" not in condition or lacks(c, "x") else "a"} for c in found]
    lines = lines_of(found)[1:]
    if not any(not lacks(config, "x") for config in found):
        found, lines = [], []
    without = {i + 1 for i, config in enumerate(found) if lacks(config, "x")}
    true, false = set(chosen(lines, condition)), set(chosen(lines, f"not ({condition})"))
    assert not true & false
    assert true | false | without == {run.number for run in lines}
    assert not (true | false) & without
    assert set(chosen(lines, f"{condition} or x == null")) == true | without
    assert set(chosen(lines, f"x != null and {condition}")) == true


terms = st.recursive(
    st.sampled_from(["x", "y", "true", "false"]),
    lambda inner: st.one_of(
        st.builds("not {}".format, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("({} and {})".format, inner, inner),
    ),
    max_leaves=8,
)


@given(terms, terms, *[st.sampled_from([True, False, None])] * 2)
def test_logic_does_not_depend_on_the_order_of_its_sides(one, other, x, y):
    values = {"x": x, "y": y}

    def answer(text):
        return spec.parse_expression(text, values).matches(values)

    def known(text):
        """Return the answers for all values that what is missing might have."""
        several = [{"x": a, "y": b} for a in (True, False) for b in (True, False)]
        fitting = [v for v in several if all(values[n] in (None, v[n]) for n in v)]
        return {spec.parse_expression(text, v).matches(v) for v in fitting}

    for word in ("or", "and"):
        assert answer(f"{one} {word} {other}") == answer(f"{other} {word} {one}")
    for text in (one, other):
        assert answer(text) is None or known(text) == {answer(text)}
    assert answer(f"not ({one})") == (None if answer(one) is None else not answer(one))


KINDS = {
    "number": numbers,
    "text": st.sampled_from(["a", "b", "null", "nan"]),
    "truth": st.booleans(),
}


@given(st.sampled_from(sorted(KINDS)).flatmap(lambda k: st.lists(KINDS[k] | nothing, min_size=2)))
def test_what_a_chart_draws_as_missing_is_what_null_finds(cells):
    config = [{"x": cell, "n": i, "error": i / 7} for i, cell in enumerate(cells)]
    rows = [{key: value for key, value in c.items() if value is not GONE} for c in config]
    frame = pd.DataFrame(rows, columns=["x", "n", "error"])
    chart = document(frame, metric="error", columns=["x", "n"])
    (column,) = [one for one in chart["columns"] if one["name"] == "x"]
    odd = {int(row) for row, what in column.get("odd", {}).items() if "inf" in what}
    drawn = column.get("values", column.get("codes"))
    missing = [i for i, value in enumerate(drawn) if value is None and i not in odd]
    lines = [line(i, config=c) for i, c in enumerate(config)]
    if all(lacks(c, "x") for c in config):
        assert missing == list(range(len(cells)))
    else:
        assert missing == chosen(lines, "x == null")


FOUND = {"absent": {}, "null": {"x": None}, "nan": {"x": math.nan}, "inf": {"x": math.inf}}
FOUND |= {"zero": {"x": 0}, "false": {"x": False}, "empty": {"x": ""}, "no list": {"x": []}}


@pytest.fixture
def runs(home):
    """Return a home in which runs have all sorts of values."""
    with Store(home) as store:
        sweep = store.add_sweep(SPEC, project="p", name="s", sweep_id="s1s1s1s1")
        for name, config in FOUND.items():
            store.add_run(name.replace(" ", "-"), project="p", name=name, config=config)
        store.propose(sweep, [({"lr": 0.1}, 0), ({"lr": None}, 0), ({}, 0)], cursor=3)
    return home


def names(*arguments):
    return {run["name"] for run in json.loads(call("ls", *arguments, "--json").stdout)}


def test_null_means_the_same_in_lists_tables_and_filters_of_the_api(runs, tmp_path):
    missing = {"absent", "null", "nan"}
    assert names("p", "--where", "x == null and sweep == null") == missing
    assert names("p", "--where", "x != null") == set(FOUND) - missing
    with Store(runs) as store:
        nan = find_runs(store, {"config.x": math.nan})
        absent = find_runs(store, {"config.x": None, "sweep": None})
        assert {store.run(str(number)).name for number in nan + absent} == missing
        assert {store.run(str(number)).name for number in absent} == missing - {"nan"}
    rows = [{"run": f"of {name}", "error": 1, **config} for name, config in FOUND.items()]
    table = tmp_path / "runs.csv"
    pd.DataFrame([row for row in rows if row.get("x") not in ("", [])]).to_csv(table)
    for condition, expected in (("x == null", missing), ("x != null", {"inf", "zero", "false"})):
        found = table_of(str(table), metric="error", goal=None, where=condition).frame
        assert {name.removeprefix("of ") for name in found["run"]} == expected


def test_the_table_of_a_sweep_knows_what_its_list_knows(runs):
    def found(where):
        frame = table_of("s1s1s1s1", metric=None, goal=None, where=where).frame
        return sorted(frame["number"])

    def listed(where):
        shown = json.loads(call("ls", "s1s1s1s1", "--where", where, "--json").stdout)
        return sorted(run["number"] for run in shown)

    for where in ("lr == null", "config.lr != null", "error_rate == null", "lr < 1 or lr == null"):
        assert found(where) == listed(where) != []
    assert listed("lr == null and state == 'pending'") == found("lr == null")
    assert names("s1s1s1s1", "--state", "failed", "--where", "lr == null") == set()


@pytest.mark.parametrize("command", ["ls", "compare", "plot"])
def test_a_misspelt_name_is_told_with_the_nearest(runs, command):
    arguments = {"ls": [], "compare": ["lr"], "plot": ["--terminal"]}[command]
    done = attempt(command, "s1s1s1s1", *arguments, "--where", "stat == null")
    assert done.returncode == 2
    assert "'stat' is unknown here; did you mean 'state'?" in done.stderr


def test_a_value_of_another_kind_leaves_a_run_out_and_is_told_when_all_are(runs):
    assert names("p", "--where", "x >= 0") == {"inf", "zero"}
    done = attempt("ls", "p", "--where", "state < 3 or x < 'a'")
    assert "`<` cannot compare" in done.stderr
    done = attempt("compare", "s1s1s1s1", "lr", "--where", "lr < 'a'")
    assert "`<` cannot compare 0.1 with 'a'" in done.stderr
