"""`homerun.Api`: W&B's public Api on the home, and the notebooks that were written for it."""

import json
import math
import sys

import pandas as pd
import pytest

import homerun as hr
from homerun.compat.api import CommError
from homerun.core import End, HomerunError, NotFoundError, RunState, UsageError
from homerun.store import Store, fold
from homerun.store import journal as jr
from homerun.track import Summary
from tests import track_program


def add_run(store, run_id, config, rows=(), samples=(), **labels):
    metadata = {"username": "ann", "host": "box"}
    store.add_run(run_id, project="paddy", config=config, metadata=metadata, **labels)
    fill(store, run_id, rows, samples)


def fill(store, run_id, rows, samples=()):
    writer = jr.open_writer(store.folder(run_id).make().path)
    pack = jr.packer().pack
    for step, row in enumerate(rows):
        writer.append(pack([jr.ROW, step, 1e9 + step, row]))
    for number, sample in enumerate(samples):
        writer.append(pack([jr.SYSTEM, number, 1e9 + number, sample]))
    writer.close()
    fold(store, run_id)
    store.end({run_id: End(state=RunState.FINISHED, ended_at=2e9, runtime_s=5.0, exit_code=0)})


@pytest.fixture
def store(home):
    with Store() as store:
        yield store


@pytest.fixture
def runs(store):
    rows = [{"loss": 1 / (step + 1), "val": {"acc": step / 10}} for step in range(5)]
    add_run(store, "one", {"lr": 0.1, "_wandb": {}}, rows, [{"cpu": 50.0}, {"cpu": 70.0}])
    add_run(store, "two", {"lr": 0.2, "opt": {"name": "adam"}}, [{"loss": 0.5}, {"acc": 0.7}])
    add_run(store, "three", {"lr": 0.3}, tags=["bad"])
    return store


def test_a_collection_is_a_sequence(runs):
    found = hr.Api().runs("me/paddy")
    assert len(found) == 3
    assert [run.id for run in found] == ["one", "two", "three"]
    assert (found[0].id, found[-1].id) == ("one", "three")
    assert [run.id for run in found[1:]] == ["two", "three"]
    assert (next(found).id, next(found).id) == ("one", "two")
    with pytest.raises(IndexError):
        found[3]
    assert [run.id for run in hr.Api().runs("paddy", {"tags": "bad"})] == ["three"]
    assert [run.id for run in hr.Api().runs(order="-config.lr")] == ["three", "two", "one"]
    assert not hr.Api().runs(filters={"state": "crashed"})


def test_a_collection_stays_what_it_was_while_others_write_and_remove(runs):
    found = hr.Api().runs("paddy")
    assert len(found) == 3
    runs.delete(["two"])
    add_run(runs, "four", {})
    assert [run.id for run in found] == ["one", "three"]
    with pytest.raises(IndexError):
        found[1]


def test_the_notebooks_of_people_run_as_they_are(runs):
    api = hr.Api()
    found = api.runs("entity/paddy")
    merged = pd.DataFrame([dict(r.summary, **r.config) for r in found])
    assert merged.lr.tolist() == [0.1, 0.2, 0.3]
    assert merged.loss[:2].tolist() == [0.2, 0.5]
    summary_list, config_list, name_list = [], [], []
    for run in found:  # the one of W&B's documentation
        summary_list.append(run.summary._json_dict)
        config_list.append({k: v for k, v in run.config.items() if not k.startswith("_")})
        name_list.append(run.name)
    table = pd.DataFrame({"summary": summary_list, "config": config_list, "name": name_list})
    assert table.config[0] == {"lr": 0.1}
    assert table.summary[0]["val.acc"] == 0.4
    losses = [row["loss"] for row in api.run("entity/paddy/one").scan_history()]
    assert losses == [1 / (step + 1) for step in range(5)]
    best = sorted(found, key=lambda run: run.summary.get("loss", math.inf))[0]  # noqa: FURB192
    assert best.id == "one"


def test_a_run_has_the_names_of_wandb(runs):
    run = hr.Api().run("me/paddy/one")
    assert run.path == ["me", "paddy", "one"]
    assert repr(run) == "<Run me/paddy/one (finished)>"
    assert (run.id, run.state, run.project, run.entity) == ("one", "finished", "paddy", "me")
    assert run.name == run.display_name
    assert (run.url, run.sweep, run.group, run.job_type) == (None, None, None, None)
    assert (run.tags, run.notes) == ([], "")
    assert run.heartbeat_at == run.heartbeatAt == "2033-05-18T03:33:20Z"
    assert run.created_at.endswith("Z")
    assert pd.Timestamp(run.createdAt).tz is not None
    assert (run.user.username, run.metadata["host"]) == ("ann", "box")
    assert json.loads(run.json_config)["lr"] == {"value": 0.1}
    assert run.rawconfig == run.config
    assert run.lastHistoryStep == 4
    assert run.system_metrics == {"system.cpu": 70.0}
    assert run.summary["loss"] == run.summary_metrics["loss"] == 0.2
    assert run.summary["val"]["acc"] == run.summary["val.acc"] == 0.4
    assert run.summary["_step"] == 4
    assert run.summary.get("nothing") is None
    assert "loss" in run.summary.keys()  # noqa: SIM118  as people write it
    assert isinstance(run.summary, Summary)
    with pytest.raises(HomerunError, match="has no web page"):
        run.to_html()


@pytest.mark.parametrize("path", ["one", "1", 1, "paddy/one", "me/paddy/one", "/me/paddy/runs/one"])
def test_a_run_is_found_by_path_id_or_number(runs, path):
    assert hr.Api().run(path).id == "one"
    assert hr.Api().run("https://wandb.ai/me/paddy/runs/one?nw=1").id == "one"


def test_what_is_not_there_is_said_as_wandb_says_it(runs):
    api = hr.Api()
    for error in (CommError, ValueError, NotFoundError):
        with pytest.raises(error, match="Could not find run <Run me/paddy/none"):
            api.run("me/paddy/none")
    with pytest.raises(CommError, match="Could not find run"):
        api.run("me/other/one")
    with pytest.raises(CommError, match="Could not find sweep"):
        api.sweep("me/paddy/none")
    with pytest.raises(CommError, match="Could not find project 'other'"):
        len(api.runs("me/other"))
    with pytest.raises(UsageError, match="write entity/project/id"):
        api.run("a/b/c/d")
    with pytest.raises(UsageError, match="a filter is a dictionary"):
        len(api.runs(filters=["state"]))
    with pytest.raises(AttributeError, match="has no 'reports'"):
        api.reports  # noqa: B018
    runs.delete(["three"])
    gone = api.run("one")
    runs.delete(["one"])
    for verb in (gone.load, gone.update, gone.delete):
        with pytest.raises(CommError, match="Could not find run"):
            verb()


def test_history_is_whole_unless_samples_are_asked_for(store):
    add_run(store, "long", {}, [{"loss": float(step)} for step in range(2000)])
    run = hr.Api().run("long")
    df = run.history()
    assert df.loss.tolist() == [float(step) for step in range(2000)]
    assert list(df.columns) == ["loss", "_step", "_timestamp", "_runtime"]
    assert run.history(samples=5000).shape[0] == 2000
    assert run.history(samples=3).loss.tolist() == [0.0, 1000.0, 1999.0]
    assert run.history(samples=1).loss.tolist() == [1999.0]
    with pytest.raises(UsageError, match="above 0"):
        run.history(samples=0)


def test_history_with_keys_has_the_rows_that_hold_all_of_them(runs):
    run = hr.Api().run("two")
    assert run.history(pandas=False, keys=["loss"]) == [{"_step": 0, "loss": 0.5}]
    assert run.history(keys=["loss", "acc"]).empty
    assert list(run.history(keys=["loss", "acc"]).columns) == ["_step", "loss", "acc"]
    assert run.history(keys=["acc"], x_axis="loss", pandas=False) == []
    assert hr.Api().run("one").history(keys=["loss"], x_axis="val.acc").columns.tolist() == [
        "val.acc",
        "loss",
    ]
    with pytest.raises(UsageError, match="must be a list"):
        run.history(keys="loss")


def test_what_is_logged_in_parts_of_a_step_is_one_row(home):
    with hr.init(project="p", id="parts") as run:
        run.log({"a": 1}, commit=False)
        run.log({"b": 2})
        run.log({"a": 3, "text": "x", "none": None, "nan": math.nan})
        run.log({"b": 4, "a": 5}, step=7)
    rows = hr.Api().run("parts").history(pandas=False)
    assert [(row["_step"], row.get("a"), row.get("b")) for row in rows] == [
        (0, 1, 2),
        (1, 3, None),
        (7, 5, 4),
    ]
    assert rows[1]["text"] == "x"
    assert rows[1]["none"] is None
    assert math.isnan(rows[1]["nan"])
    assert 0 <= rows[0]["_runtime"] <= rows[2]["_runtime"] < 60


def test_scan_history_gives_rows_by_step(runs):
    run = hr.Api().run("one")
    assert list(run.scan_history(keys=["loss"], min_step=1, max_step=3)) == [
        {"loss": 1 / 2},
        {"loss": 1 / 3},
    ]
    assert [row["_step"] for row in run.scan_history(page_size=2)] == list(range(5))
    assert list(run.scan_history(keys=["_step", "val.acc"]))[1] == {"_step": 1, "val.acc": 0.1}
    assert list(run.scan_history(keys=["_step"], min_step=4)) == [{"_step": 4}]


def test_the_samples_of_the_machine_are_a_stream_of_their_own(runs):
    df = hr.Api().run("one").history(stream="system")
    assert df["system.cpu"].tolist() == [50.0, 70.0]
    with pytest.raises(UsageError, match="use one of default, system"):
        hr.Api().run("one").history(stream="events")


def test_histories_of_all_runs_at_once(runs):
    found = hr.Api().runs("paddy")
    df = found.histories(keys=["loss"], format="pandas")
    assert list(df.columns) == ["run_id", "_step", "loss"]
    assert df.groupby("run_id").size().to_dict() == {"one": 5, "two": 1}
    assert found.histories(samples=2, keys=["loss"])[0] == {
        "run_id": "one",
        "_step": 0,
        "loss": 1.0,
    }
    with pytest.raises(UsageError, match="default, pandas, polars"):
        found.histories(format="arrow")


def test_a_collection_is_a_table_in_its_own_order(runs):
    df = hr.Api().runs("paddy", {"config.lr": {"$gt": 0.1}}, order="-config.lr").df()
    assert df.id.tolist() == ["three", "two"]
    assert df.lr.tolist() == [0.3, 0.2]
    assert df["opt.name"].tolist()[1] == "adam"
    assert df.attrs["config"] == ["lr", "opt.name"]
    everything = hr.Api().runs().df()
    pd.testing.assert_frame_equal(everything, hr.runs())


def test_update_writes_what_was_changed(runs):
    api = hr.Api()
    run = api.run("one")
    run.config["lr"] = 0.5
    run.config["api_key"] = "0123456789abcdef0123"
    run.name, run.notes, run.group = "best", "read again", "g"
    run.tags.append("good")
    run.update()
    again = api.run("one")
    assert (again.config["lr"], again.name, again.notes) == (0.5, "best", "read again")
    assert (again.group, again.tags) == ("g", ["good"])
    assert "0123456789abcdef0123" not in again.json_config
    assert api.run("best").id == "one"


def test_what_is_set_in_the_summary_is_there_at_once(runs):
    run = hr.Api().run("one")
    run.summary["best"] = 0.1
    run.summary.update({"n": 3, "nested": {"a": 1}})
    run.summary["nested"]["a"] = 2
    del run.summary["loss"]
    run.summary.update()
    again = hr.Api().run("one").summary
    assert (again["best"], again["n"], again["nested"]["a"]) == (0.1, 3, 2)
    assert "loss" not in again


def test_sweeps_know_their_best_run(store):
    spec = {"method": "grid", "metric": {"name": "loss", "goal": "minimize"}}
    sweep = store.add_sweep(spec, project="paddy", name="first", planned=4)
    store.propose(sweep, [({"lr": lr}, 0) for lr in (1, 2, 3, 4)], cursor=4)
    for loss in (0.5, 0.2, math.nan):
        fill(store, store.claim(sweep.id, agent="").id, [{"loss": loss}])
    api = hr.Api()
    found = api.sweep(f"me/paddy/{sweep.id}")
    assert (found.id, found.name, found.state) == (sweep.id, "first", "RUNNING")
    assert (found.entity, found.project, found.url) == ("me", "paddy", None)
    assert (found.config, found.expected_run_count) == (spec, 4)
    assert found.order == "+summary_metrics.loss"
    assert found.best_run().config == {"lr": 2}
    assert found.best_run("-config.lr").config == {"lr": 4}
    assert len(found.runs) == 4
    assert found.df().lr.tolist() == [1, 2, 3, 4]
    merged = pd.DataFrame([dict(r.summary, **r.config) for r in found.runs])
    assert merged.lr.tolist() == [1, 2, 3, 4]
    assert found.runs[0].sweep.id == sweep.id
    assert [one.id for one in api.project("paddy").sweeps()] == [sweep.id]
    assert len(api.sweeps()) == len(api.sweeps("me/paddy")) == 1
    assert api.from_path(f"me/paddy/{sweep.id}").id == sweep.id
    empty = store.add_sweep({"method": "grid"}, project="paddy")
    with pytest.raises(UsageError, match="has no metric"):
        api.sweep(empty.id).best_run()
    assert api.sweep(empty.id).best_run("+created_at") is None


def test_projects_and_the_one_user(runs, monkeypatch):
    monkeypatch.setenv("WANDB_ENTITY", "team")
    api = hr.Api()
    assert api.default_entity == "team"
    assert [project.name for project in api.projects()] == ["paddy"]
    project = api.project("me/paddy")
    assert (project.entity, project.path, len(project.runs())) == ("me", ["me", "paddy"], 3)
    assert project.created_at.endswith("Z")
    assert api.create_project("fresh", "me").created_at is None
    assert api.user("nobody else") is None
    assert api.user(api.viewer.username) == api.viewer
    assert api.from_path("me/paddy").name == "paddy"
    assert api.from_path("me/paddy/one").id == "one"
    assert len(hr.Api({"project": "paddy"}).runs()) == 3
    assert hr.Api(api_key="x", timeout=60).run("paddy/one").entity == "team"
    api.flush()


def test_files_come_and_go(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.txt").write_text("weights")
    with hr.init(project="p", id="filed") as run:
        run.save("model.txt", policy="now")
    run = hr.Api().run("filed")
    assert "model.txt" in [file.name for file in run.files()]
    assert [file.name for file in run.files("model.txt")] == ["model.txt"]
    assert [file.name for file in run.files(pattern="mod%")] == ["model.txt"]
    file = run.file("model.txt")
    assert (file.size, file.mimetype) == (7, "text/plain")
    assert file.md5 == "Y/Tx6bclNw9FlyBXXNX5Uw=="
    with file.download(root="got") as copy:
        assert copy.read() == "weights"
    with pytest.raises(UsageError, match="exists already"):
        file.download(root="got")
    file.download(root="got", exist_ok=True).close()
    file.download(root="got", replace=True).close()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("hello")
    assert run.upload_file("notes/a.md").name == "notes/a.md"
    assert len(hr.Api().run("filed").files(["notes/a.md"])) == 1
    with pytest.raises(UsageError, match="outside of the run"):
        run.upload_file("notes/a.md", root="notes/deeper")
    with pytest.raises(UsageError, match="outside of the run"):
        run.file("../journal").download()
    with pytest.raises(CommError, match="has no file 'none'"):
        run.file("none").download()
    file.delete()
    assert len(run.files(["model.txt"])) == 0


def test_artifacts_are_found_by_name_type_and_run(home, tmp_path):
    (tmp_path / "w.txt").write_text("weights")
    for run_id in ("first", "second"):
        with hr.init(project="p", id=run_id) as run:
            artifact = hr.Artifact("model", type="model", metadata={"from": run_id})
            with artifact.new_file("note.txt") as file:
                file.write(run_id)
            run.log_artifact(artifact, aliases=["good"])
    with hr.init(project="p", id="user") as run:
        run.use_artifact("model:latest")
    api = hr.Api()
    found = api.artifact("me/p/model:v0", type="model")
    assert (found.name, found.metadata) == ("model:v0", {"from": "first"})
    assert api.artifact("p/model:good").version == "v1"
    assert [one.version for one in api.run("first").logged_artifacts()] == ["v0"]
    assert [one.version for one in api.run("user").used_artifacts()] == ["v1"]
    assert [one.version for one in api.artifacts("model", "p/model")] == ["v1", "v0"]
    assert api.artifact_exists("p/model:v1")
    assert not api.artifact_exists("p/model:v9")
    assert "model" in [one.name for one in api.artifact_types("p")]
    collection = api.artifact_type("model", "p").collection("model")
    assert set(collection.aliases) >= {"latest", "good"}
    assert api.artifact_collection("model", "p/model") == collection
    assert api.artifact_collections("p", "model") == [collection]
    assert api.artifact_collection_exists("p/model", "model")
    assert api.from_path("me/p/model:v1").version == "v1"
    with pytest.raises(CommError, match="Could not find artifact 'p/none:v0'"):
        api.artifact("p/none:v0")
    with pytest.raises(CommError, match="Could not find artifact type 'dataset'"):
        api.artifact_type("dataset", "p")
    with pytest.raises(UsageError, match="is of type 'model'"):
        api.artifact("p/model:v0", type="dataset")
    api.run("first").delete(delete_artifacts=True)
    assert not api.artifact_exists("p/model:v0")


def test_a_run_is_removed_with_its_folder(runs):
    run = hr.Api().run("one")
    folder = runs.folder("one").path
    assert folder.exists()
    run.delete()
    assert not folder.exists()
    assert [one.id for one in hr.Api().runs()] == ["two", "three"]


def test_a_run_that_runs_is_stopped_and_then_removed(home):
    code = """
        import homerun as hr, time
        with hr.init(project="p", id="live") as run:
            run.log({"loss": 1})
            print("ready", flush=True)
            time.sleep(60)
        """
    with track_program.start(code) as process:
        assert "ready" in process.stdout.readline()
        run = hr.Api().run("live")
        assert run.state == "running"
        assert run.history(pandas=False)[0]["loss"] == 1
        with pytest.raises(UsageError, match=r"first: run.stop\(\)"):
            run.delete()
        run.stop()
        process.kill()
    run.wait_until_finished()
    assert run.state in {"killed", "crashed"}
    run.delete()
    assert len(hr.Api().runs()) == 0


def test_the_api_is_loaded_when_it_is_used(home):
    code = "import homerun, sys; print('homerun.compat.api' in sys.modules); homerun.Api()"
    out, _ = track_program.call(code)
    assert out == "False\n"
    assert "homerun.compat.api" in sys.modules
