"""What homerun advises is a sweep, says why, and reaches the best of the grid with few runs."""

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homerun import UsageError, spec
from homerun.insight import advise, plan, sweep_text
from homerun.store import Store
from tests.advise_sweeps import bowl, follow
from tests.cli_call import attempt, call
from tests.finished_sweeps import finish

GRID = {
    "program": "train.py",
    "method": "grid",
    "name": "first look",
    "project": "digits",
    "command": ["true", "${args}"],
    "run_cap": 30,
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "lr": {"values": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]},
        "optimizer": {"parameters": {"name": {"values": ["adam", "sgd"]}, "decay": {"value": 0.1}}},
        "layers": {"values": [2, 3, 4, 5]},
        "augment": {"values": [True, False]},
    },
    "homerun": {"order": "balanced", "retries": 2},
}


def loss(config, place=0, *, noise=0.02):
    """Return the loss of a configuration of GRID; augment does nothing."""
    bowl_of_lr = 0.2 * (np.log10(config["lr"]) + 3) ** 2
    y = bowl_of_lr + 0.4 * (config["optimizer"]["name"] == "sgd") + 0.1 * abs(config["layers"] - 4)
    return float(0.1 * np.exp(y + noise * np.random.default_rng(place).normal()))


def table(levels, error, *, seed=0, noise=0.02, rows=None):
    """Return runs of a grid, or of some of it, with errors `exp(error(row))` and noise."""
    df = pd.DataFrame(list(product(*levels.values())), columns=list(levels))
    rng = np.random.default_rng(seed)
    df = df.iloc[rng.permutation(len(df))[:rows]].reset_index(drop=True)
    y = np.array([error(row) for row in df.itertuples()])
    return df.assign(error=0.1 * np.exp(y + rng.normal(0, noise, len(df))))


def parsed(sweep):
    return spec.parse(sweep_text(sweep.spec, sweep.reasons, head=sweep.head), source="next.yaml")


# The mark


def test_a_quarter_of_the_grid_is_enough():
    followed = [follow((bowl, bowl), (12, 12), noise=0.05, seed=seed) for seed in range(24)]
    assert np.mean([one.regret_of_quarter <= 1 for one in followed]) >= 0.95
    assert np.mean([one.regret <= 1 for one in followed]) >= 0.95
    assert np.mean([one.share for one in followed]) < 0.25


# What is advised


def test_what_is_known_is_not_run_again():
    levels = {"lr": [1e-4, 1e-3, 1e-2], "model": ["a", "b", "c"], "size": [1, 2]}
    df = table(levels, lambda r: (np.log10(r.lr) + 3) ** 2 + "abc".index(r.model) + 0.5 * r.size)
    advice = advise(df, metric="error")
    assert (advice.verdict, advice.sweeps) == ("done", ())
    assert advice.facts["best"] == {"lr": 1e-3, "model": "a", "size": 1}
    assert set(advice.table["step"]) <= {"fix", "best so far"}
    assert "Nothing is left" in advice.sentence


def test_independent_parameters_are_tuned_one_after_the_other():
    levels = {"lr": np.geomspace(1e-5, 1, 8).tolist(), "decay": np.linspace(0, 0.7, 8).tolist()}
    df = table(
        levels, lambda r: 0.1 * (np.log10(r.lr) + 2.4) ** 2 + 2 * (r.decay - 0.3) ** 2, rows=8
    )
    old = {"method": "grid", "program": "train.py"}
    old["parameters"] = {name: {"values": listed} for name, listed in levels.items()}
    advice = advise(df, metric="error", spec=old)
    assert [one.tunes for one in advice.sweeps] in ([("lr",), ("decay",)], [("decay",), ("lr",)])
    first = advice.sweeps[0]
    (tuned,) = first.tunes
    (held,) = {"lr", "decay"} - {tuned}
    assert len(first.spec["parameters"][tuned]["values"]) == first.runs <= 4
    assert "value" in first.spec["parameters"][held]
    assert advice.facts["runs_of_all"] == sum(one.runs for one in advice.sweeps) < 16
    assert advice.facts["runs_of_full_grid"] == 64
    assert "a sweep of its own" in first.reasons["parameters", held]
    assert "Then: " in "".join(first.head)


def test_parameters_that_interact_are_tuned_together():
    levels = {"lr": [1, 2, 3, 4, 5], "momentum": [1, 2, 3, 4, 5]}
    df = table(levels, lambda r: 0.3 * (r.lr - r.momentum) ** 2, noise=0.2, rows=20)
    advice = advise(df, metric="error")
    assert advice.sweeps[0].tunes == ("lr", "momentum")
    assert "interacts with" in advice.sweeps[0].reasons["parameters", "lr"]


def test_a_range_is_extended_where_its_end_is_best():
    levels = {"lr": [1e-4, 1e-3, 1e-2], "batch": [16, 32, 64], "drop": [0.0, 0.3, 0.6]}
    df = table(levels, lambda r: -0.5 * np.log10(r.lr) - np.log2(r.batch) - r.drop, noise=0.01)
    advice = advise(df, metric="error")
    values = {}
    for sweep in advice.sweeps:
        for name, about in sweep.spec["parameters"].items():
            values[name] = values.get(name, set()) | set(about.get("values", [about.get("value")]))
    assert values["lr"] & {0.1, 1.0}
    assert values["batch"] & {128, 256}
    assert 0.9 in values["drop"]
    assert max(values["drop"]) < 1  # a share stays one
    assert "extended, as" in " ".join(advice.table["why"])


def test_what_cannot_be_told_apart_is_repeated():
    effects = {"a": 0.0, "b": 0.0, "c": 2.0, "d": 3.0}
    df = table({"model": list(effects), "x": [1, 2]}, lambda r: effects[r.model], noise=0.1)
    advice = advise(df, metric="error")
    sweep = next(one for one in advice.sweeps if "homerun" in one.spec)
    assert sweep.spec["homerun"]["repeats"] > 1
    assert "one run varies by" in sweep.reasons["homerun", "repeats"]
    assert parsed(sweep).settings.repeats > 1


def test_values_that_never_ran_are_tried():
    df = table({"x": [1, 2, 3, 4], "kind": ["a"], "seed": [1, 2]}, lambda r: r.x, noise=0.01)
    old = {"method": "grid", "program": "t.py"}
    old["parameters"] = {"x": {"values": [1, 2, 3, 4]}, "kind": {"values": ["a", "b"]}}
    advice = advise(df, metric="error", spec=old)
    sweep = next(one for one in advice.sweeps if one.tunes == ("kind",))
    assert sweep.spec["parameters"]["kind"] == {"values": ["a", "b"]}


def test_what_always_changed_together_is_told_apart():
    df = table({"x": [1, 2, 3, 4], "kind": ["a", "b"]}, lambda r: r.x + (r.kind == "b"))
    old = {"method": "grid", "program": "t.py"}
    old["parameters"] = {"x": {"values": [1, 2, 3, 4]}, "kind": {"values": ["a", "b"]}}
    old["parameters"]["size"] = {"values": [224, 288]}
    df["size"] = df["kind"].map({"a": 224, "b": 288})
    advice = advise(df, metric="error", spec=old)
    sweep = advice.sweeps[0]
    assert set(sweep.tunes) == {"size", "kind"}
    assert sweep.runs == 4
    assert "nothing tells which" in sweep.reasons["parameters", "size"]


def test_hardly_any_run_asks_for_an_even_start():
    df = table({"x": [1, 2, 3], "kind": list("abcd")}, lambda r: r.x, rows=3)
    advice = advise(df, metric="error")
    sweep = parsed(advice.sweeps[0])
    assert sweep.settings.order == "balanced"
    assert sweep.run_cap == advice.sweeps[0].runs < 12


def test_a_drawn_range_gets_a_few_values():
    rng = np.random.default_rng(0)
    df = pd.DataFrame({"lr": 10 ** rng.uniform(-5, -1, 30), "kind": rng.choice(list("ab"), 30)})
    df["error"] = np.exp(0.5 * (np.log10(df.lr) + 3) ** 2 + rng.normal(0, 0.3, 30))
    old = {"method": "random", "program": "t.py", "run_cap": 30}
    lr = {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1}
    old["parameters"] = {"lr": lr, "kind": {"values": ["a", "b"]}}
    advice = advise(df, metric="error", spec=old)
    assert 1e-4 < advice.facts["best"]["lr"] < 1e-2
    assert advice.facts["runs_of_full_grid"] == 10
    for sweep in advice.sweeps:
        assert len(sweep.spec["parameters"]["lr"].get("values", [1])) <= 4
        assert parsed(sweep).method == "grid"


def test_hours_follow_the_runtimes():
    levels = {"size": [1, 2, 4], "x": [1, 2, 3, 4]}
    df = table(levels, lambda r: 0.3 * (r.x - 2) ** 2 - r.size, noise=0.5)
    df["runtime_s"] = 3600.0 * df["size"]
    advice = advise(df, metric="error")
    assert advice.facts["hours_of_full_grid"] == pytest.approx(4 * (1 + 2 + 4), rel=0.01)
    first = advice.sweeps[0]
    sizes = first.spec["parameters"]["size"]
    listed = sizes.get("values", [sizes.get("value")])
    mean = np.mean(np.minimum(listed, 4))  # of sizes that never ran nothing is known
    assert first.hours == pytest.approx(first.runs * mean, rel=0.05)
    assert "hours" in advice.sentence
    df["runtime_s"] = 0.5
    assert " seconds, the full grid 6 seconds." in advise(df, metric="error").sentence


def test_an_answer_is_plain_data_and_narrow_text():
    df = table({"x": [1, 2, 3, 4], "kind": list("abcd")}, lambda r: r.x, rows=6)
    advice = advise(df, metric="error")
    again = json.loads(json.dumps(advice.to_dict()))
    assert again["sweeps"][0]["spec"]["method"] == "grid"
    assert max(map(len, str(advice).splitlines())) <= 80
    with pytest.raises(UsageError, match="margin is 2"):
        advise(df, metric="error", margin=2)


# The text of a sweep file

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
    st.sampled_from(["1e-5", "yes", "null", "a: b", "# no", "0o17", "-", "", "a\nb", ".5", "~"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(values | st.lists(values, max_size=3), min_size=1, max_size=6), st.text())
def test_any_value_comes_back_from_the_text(listed, reason):
    sweep = {"program": "t.py", "method": "random", "parameters": {"x": {"values": listed}}}
    text = sweep_text(sweep, {("parameters", "x"): reason}, head=[reason])
    assert spec.read(text, "next.yaml").plain() == sweep


# homerun advise


@pytest.fixture
def record(home, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with Store(home) as store:
        yield finish(store, GRID, loss)


def test_the_next_file_is_a_sweep(record, tmp_path):
    target = tmp_path / "next.yaml"
    done = call("advise", record.id, "-o", str(target), "--all")
    assert done.stdout.splitlines()[0] == "digits > first look" or "first look" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    text = target.read_text()
    sweep = spec.parse(text, source="next.yaml")
    assert sweep.method == "grid"
    assert sweep.command == ("true", "${args}")
    assert sweep.settings.retries == 2
    assert sweep.run_cap is None
    assert "# " in text
    assert "decay: {value: 0.1}" in text
    assert "homerun sweep" in done.stderr


def test_following_the_files_ends(record, home, tmp_path):
    refs, target = [record.id], tmp_path / "next.yaml"
    for _ in range(8):
        document = json.loads(call("advise", *refs, "-o", str(target), "--json").stdout)
        if document["verdict"] == "done":
            break
        made = spec.load(target)
        assert spec.from_dict(document["sweeps"][0]["spec"]).parameters == made.parameters
        with Store(home) as store:
            refs.append(finish(store, dict(made.spec), loss).id)
    assert document["verdict"] == "done"
    best = document["facts"]["best"]
    assert (best["lr"], best["optimizer.name"], best["layers"]) == (1e-3, "adam", 4)


def test_a_table_in_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    df = table({"x": [1, 2, 3, 4], "kind": list("abcd")}, lambda r: r.x, rows=6)
    df.to_csv("runs.csv", index=False)
    done = call("advise", "runs.csv", "--metric", "error", "-o", "next.yaml")
    assert "put your program here" in (tmp_path / "next.yaml").read_text()
    assert "next.yaml: " in done.stderr
    assert "--all goes with -o" in attempt("advise", "runs.csv", "--all").stderr
    assert attempt("advise", "runs.csv").returncode == 2


# homerun plan


def test_plans_of_a_grid():
    answer = plan(GRID, noise=0.05, minutes_per_run=6)
    runs = list(answer.table["runs"])
    assert runs == sorted(runs)
    assert runs[-1] == answer.facts["runs_of_full_grid"] == 80
    assert answer.facts["hours_of_full_grid"] == 8
    effects = list(answer.table["finds_effects_of"])[1:]
    assert effects == sorted(effects, reverse=True)
    assert np.isinf(answer.table["finds_interactions_of"].iloc[0])
    assert answer.verdict == "balanced"
    assert max(map(len, str(answer).splitlines())) <= 80


def test_the_power_that_a_plan_promises_is_there():
    rng = np.random.default_rng(0)
    answer = plan({"a": [1, 2], "b": ["x", "y"], "c": [0, 1]}, runs=None, noise=0.1)
    effect = np.log1p(answer.table["finds_effects_of"].iloc[-1])
    found = 0
    for _ in range(400):
        x = np.array(list(product([0, 1], repeat=3)))
        y = effect * x[:, 0] + rng.normal(0, 0.1, 8)
        columns = np.column_stack([np.ones(8), x])
        beta, rss, *_ = np.linalg.lstsq(columns, y, rcond=None)
        error = np.sqrt(rss[0] / 4 * np.linalg.inv(columns.T @ columns)[1, 1])
        found += abs(beta[1] / error) > 2.776
    assert 0.74 < found / 400 < 0.88


def test_a_plan_for_little_room_and_for_nothing():
    assert plan({"a": list(range(9)), "b": list("abcdefghi")}, runs=5).verdict == "one at a time"
    with pytest.raises(UsageError, match="nothing to plan"):
        plan({"a": {"value": 1}})
    with pytest.raises(UsageError, match="noise is 3"):
        plan({"a": [1, 2]}, noise=3)


def test_the_command_plans_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "sweep.yaml"
    path.write_text(sweep_text(GRID, {}))
    done = call("plan", str(path), "--minutes-per-run", "6", "--runs", "40")
    assert done.stdout.splitlines()[0].split()[:3] == ["PLAN", "RUNS", "HOURS"]
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert json.loads(call("plan", str(path), "--json").stdout)["facts"]["runs_of_full_grid"] == 80
    assert attempt("plan", str(tmp_path / "none.yaml")).returncode != 0
