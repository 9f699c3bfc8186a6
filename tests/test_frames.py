"""The home as DataFrames."""

import math

import pandas as pd
import pytest

import homerun as hr
from homerun.core import End, NotFoundError, RunState
from homerun.store import Store, fold, history_frame, runs_frame
from homerun.store import journal as jr


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "home") as store:
        yield store


def add_run(store, run_id, config, summary, rows=()):
    store.add_run(run_id, project="p", config=config)
    writer = jr.open_writer(store.folder(run_id).make().path)
    pack = jr.packer().pack
    for step, row in enumerate(rows):
        writer.append(pack([jr.ROW, step, 1e9 + step, row]))
    writer.append(pack([jr.SUMMARY, summary, []]))
    writer.close()
    fold(store, run_id)
    store.end({run_id: End(state=RunState.FINISHED, ended_at=2.0, exit_code=0)})


def test_one_row_a_run_with_typed_columns_and_gaps(store):
    add_run(store, "a", {"lr": 0.1, "epochs": 5, "fp16": True, "arch": "vit"}, {"error": 0.2})
    add_run(store, "b", {"lr": 1, "arch": None}, {"error": math.nan, "big": 2**80})
    store.add_run("c", project="p")
    store.end({"c": End(state=RunState.CRASHED, reason="vanished", ended_at=3.0)})
    df = runs_frame(store)
    assert list(df.id) == ["a", "b", "c"]
    assert list(df.state) == ["finished", "finished", "crashed"]
    kinds = {name: str(df[name].dtype) for name in ("lr", "epochs", "fp16", "error", "exit_code")}
    assert kinds == {
        "lr": "float64",
        "epochs": "Int64",
        "fp16": "boolean",
        "error": "float64",
        "exit_code": "Int64",
    }
    assert df.big[1] == 2**80
    assert isinstance(df.ended_at.dtype, pd.DatetimeTZDtype)
    assert df.attrs["config"] == ["lr", "epochs", "fp16", "arch"]
    assert df.attrs["summary"] == ["error", "big"]


def test_a_key_that_occurs_twice_keeps_both_values(store):
    add_run(store, "a", {"lr": 0.1, "name": "x"}, {"lr": 0.05})
    df = runs_frame(store)
    assert (df.lr[0], df["summary.lr"][0], df["config.name"][0]) == (0.1, 0.05, "x")
    assert df.name[0] != "x"


def test_nested_settings_become_dotted_columns_and_media_stay_whole(store):
    image = {"_type": "image-file", "path": "x.png"}
    add_run(store, "a", {"opt": {"name": "adam", "betas": {"b1": 0.9}}}, {"image": image})
    add_run(store, "b", {"opt": "sgd"}, {"loss": {"min": 0.1}})
    df = runs_frame(store)
    assert df["opt.name"][0] == "adam"
    assert df["opt.betas.b1"][0] == 0.9
    assert df.opt[1] == "sgd"
    assert df.image[0] == image
    assert df["loss.min"][1] == 0.1


def test_of_the_metadata_only_what_tells_runs_apart_is_a_column(store):
    git = {"commit": "abc", "branch": "main", "dirty": True, "remote": "x"}
    store.add_run("a", project="p", metadata={"host": "box", "git": git, "cpu_count": 2})
    df = runs_frame(store)
    assert df.attrs["metadata"] == ["host", "git.commit", "git.branch", "git.dirty"]
    assert df["git.commit"][0] == "abc"


def test_an_empty_home_is_an_empty_table(store):
    df = runs_frame(store)
    assert len(df) == 0
    assert {"id", "state", "created_at"} <= set(df.columns)
    history = history_frame(store, [])
    assert list(history.columns) == ["run", "key", "step", "value", "time"]
    assert len(history) == 0


def test_history_gives_every_point_of_many_runs(store):
    for run_id in ("a", "b"):
        add_run(store, run_id, {}, {}, [{"loss": i / 2, "acc": i} for i in range(100)])
    history = history_frame(store, ["b", "a"], keys=["loss"])
    assert list(history.run.unique()) == ["b", "a"]
    assert history[history.run == "a"].value.tolist() == [i / 2 for i in range(100)]
    assert history[history.run == "a"].step.tolist() == list(range(100))
    assert str(history.value.dtype) == "float64"


def test_history_leaves_system_metrics_out_unless_asked(store):
    store.add_run("a", project="p")
    writer = jr.open_writer(store.folder("a").make().path)
    pack = jr.packer().pack
    writer.append(pack([jr.SYSTEM, 0, 1.0, {"cpu": 50.0}]))
    writer.append(pack([jr.ROW, 0, 1.0, {"loss": 1.0, "note": "text"}]))
    writer.close()
    fold(store, "a")
    assert set(history_frame(store, ["a"]).key) == {"loss", "note"}
    assert history_frame(store, ["a"], keys=["system.cpu"]).value.tolist() == [50.0]


def test_the_public_functions_see_what_ran_a_moment_ago(store, monkeypatch):
    monkeypatch.setenv("HOMERUN_HOME", str(store.home))
    sweep = store.add_sweep({"method": "grid"}, project="p", name="first")
    store.propose(sweep, [({"lr": 1}, 0), ({"lr": 2}, 0)], cursor=2)
    run = store.claim(sweep.id, agent="")
    writer = jr.open_writer(store.folder(run.id).make().path)
    writer.append(jr.packer().pack([jr.ROW, 0, 1.0, {"loss": 0.5}]))
    df = hr.runs(sweep="first")
    assert df.lr.tolist() == [1, 2]
    assert df.loss[0] == 0.5
    assert hr.history(df.id, keys=["loss"]).value.tolist() == [0.5]
    assert hr.runs(states=["pending"]).lr.tolist() == [2]
    with pytest.raises(NotFoundError):
        hr.runs(sweep="none")
