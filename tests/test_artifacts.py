"""Artifacts: versions, aliases, lineage, and content that is kept once and never half."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import homerun
from homerun.store import (
    Store,
    artifact_files,
    artifact_versions,
    digest_of,
    find_artifact,
    free_objects,
    object_path,
    runs_of_artifact,
    settle,
    unused_objects,
)
from homerun.store.salvage import salvage
from tests.cli_call import attempt, call


@pytest.fixture
def here(home, tmp_path, monkeypatch):
    """Return a folder to work in, beside the home."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(here):
    """Return a run that is finished after the test."""
    with homerun.init(project="digits") as run:
        yield run


def written(path, text="hello"):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def data(text="hello", name="data", **options):
    artifact = homerun.Artifact(name, "dataset", **options)
    with artifact.new_file("a.txt", "w") as file:
        file.write(text)
    return artifact


def python(program, *arguments, **options):
    return subprocess.Popen([sys.executable, "-c", program, *arguments], **options)


def test_a_logged_artifact_comes_back_as_it_was(run, here):
    written("in/one.bin", "one")
    written("in/deep/two.txt", "two")
    artifact = homerun.Artifact("data", "dataset", description="d", metadata={"rows": 3})
    artifact.add_file("in/one.bin", "renamed.bin")
    artifact.add_dir("in", "all")
    with artifact.new_file("notes.md") as file:
        file.write("# Notes")
    assert artifact.is_draft()
    assert run.log_artifact(artifact, aliases=["raw"], tags=["t"]).wait() is artifact
    assert (artifact.name, artifact.version, artifact.state) == ("data:v0", "v0", "COMMITTED")
    assert (artifact.aliases, artifact.tags) == (["latest", "raw"], ["t"])
    used = run.use_artifact("me/digits/data:raw", type="dataset")
    assert (used.description, used.metadata, used.digest) == ("d", {"rows": 3}, artifact.digest)
    root = Path(used.download())
    assert root == Path("artifacts/data:v0")
    held = {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}
    assert held == {
        "renamed.bin": "one",
        "all/one.bin": "one",
        "all/deep/two.txt": "two",
        "notes.md": "# Notes",
    }
    assert used.size == sum(map(len, held.values()))
    used.verify()
    used.verify(str(root))


def test_files_that_change_after_they_were_added_do_not_change_the_artifact(run):
    path = written("model.pt", "first")
    artifact = homerun.Artifact("model", "model")
    artifact.add_file(path)
    path.write_text("other")
    run.log_artifact(artifact)
    assert Path(artifact.file()).read_text() == "first"


def test_the_same_content_is_the_same_version_and_latest_moves(run):
    first = run.log_artifact(data("a"), aliases=["best"])
    second = run.log_artifact(data("b"), aliases="best")
    assert (first.version, second.version) == ("v0", "v1")
    assert run.use_artifact("data").version == run.use_artifact("data:best").version == "v1"
    again = run.log_artifact(data("a"))
    assert again.version == "v0"
    assert run.use_artifact("data:latest").version == "v0"
    assert run.use_artifact(f"data:{second.digest[:12]}").version == "v1"
    assert run.log_artifact(data("c")).version == "v2"


def test_aliases_tags_and_metadata_can_be_changed_later(run):
    first = run.log_artifact(data("a"), aliases=["old"])
    first.aliases = ["latest", "prod"]
    first.metadata["score"] = 0.5
    first.description = "better"
    first.save()
    found = run.use_artifact("data:prod")
    assert (found.metadata, found.description) == ({"score": 0.5}, "better")
    with pytest.raises(homerun.NotFoundError, match="there are latest, prod, v0"):
        run.use_artifact("data:old")


def test_secrets_in_metadata_never_reach_the_disk(run, home):
    artifact = data(metadata={"api_key": "hunter2hunter2", "rows": 3})
    run.log_artifact(artifact)
    run.finish()
    found = [p for p in home.rglob("*") if p.is_file() and b"hunter2hunter2" in p.read_bytes()]
    assert found == []


def test_each_content_lies_on_the_disk_once(run, home):
    written("big.bin", "x" * 100_000)
    for name in ("one", "two"):
        artifact = homerun.Artifact(name, "dataset")
        artifact.add_file("big.bin")
        artifact.add_file("big.bin", "again.bin")
        run.log_artifact(artifact)
    objects = [p for p in (home / "artifacts/objects").rglob("*") if p.is_file()]
    assert sum(path.stat().st_size >= 100_000 for path in objects) == 1
    assert {path.stat().st_mode & 0o777 for path in objects} == {0o400}
    assert not any(path.is_symlink() for path in objects)
    assert list((home / "artifacts/tmp").iterdir()) == []


def test_an_immutable_file_is_linked_and_keeps_its_mode(run, home):
    path = written("big.bin", "x" * 1000)
    mode = path.stat().st_mode
    artifact = homerun.Artifact("linked", "dataset")
    entry = artifact.add_file(path, policy="immutable")
    assert object_path(home, entry.digest).samefile(path)
    assert path.stat().st_mode == mode
    with pytest.raises(homerun.UsageError, match="mutable"):
        artifact.add_file(path, policy="copy")


def test_what_a_draft_refuses(run, here):
    artifact = data()
    written("other.txt", "other")
    with pytest.raises(homerun.UsageError, match="same path twice"):
        artifact.add_file("other.txt", "a.txt")
    artifact.add_file("other.txt", "a.txt", overwrite=True)
    for name in ("../out", "", "a/../../b"):
        with pytest.raises(homerun.UsageError, match="cannot name a file"):
            artifact.add_reference("s3://b/k", name)
    with pytest.raises(homerun.UsageError, match="not a file"):
        artifact.add_file("gone.txt")
    with pytest.raises(ValueError, match="alphanumeric"):
        homerun.Artifact("a/b", "dataset")
    with pytest.raises(homerun.ArtifactNotLoggedError, match=r"Artifact\.version"):
        _ = artifact.version
    with pytest.raises(homerun.ArtifactNotLoggedError):
        artifact.wait()
    run.log_artifact(artifact)
    with pytest.raises(homerun.ArtifactFinalizedError, match="new_draft"):
        artifact.add_file("other.txt")
    draft = artifact.new_draft()
    draft.remove("a.txt")
    draft.add_file("other.txt")
    assert run.log_artifact(draft).version == "v1"
    assert [entry.path for entry in draft.files()] == ["other.txt"]
    with pytest.raises(KeyError, match="not contained"):
        draft.get_entry("a.txt")


def test_references_are_recorded_and_those_of_files_are_checked(run, here):
    path = written("far/a.txt", "far")
    artifact = homerun.Artifact("refs", "dataset")
    artifact.add_reference((here / "far").as_uri(), "far")
    artifact.add_reference("s3://user:secretsecret@bucket/key.bin")
    with pytest.raises(homerun.UsageError, match="must be URIs"):
        artifact.add_reference("far/a.txt")
    with pytest.raises(homerun.UsageError, match="more than 0"):
        artifact.add_reference((here / "far").as_uri(), "x", max_objects=0)
    run.log_artifact(artifact)
    found = run.use_artifact("refs:v0")
    assert found.get_entry("far/a.txt").ref_target() == (here / path).as_uri()
    assert "secretsecret" not in found.get_entry("key.bin").ref_target()
    with pytest.raises(homerun.UsageError, match="allow_missing_references"):
        found.download()
    root = Path(found.download(allow_missing_references=True))
    assert (root / "far/a.txt").read_text() == "far"
    path.write_text("new")
    with pytest.raises(homerun.UsageError, match="not to be had"):
        found.download("elsewhere", path_prefix="far")


def test_tables_and_pictures_come_back_from_an_artifact(run):
    artifact = homerun.Artifact("shown", "predictions")
    pixels = [[[0, 0, 0], [255, 255, 255]], [[255, 0, 0], [0, 0, 255]]]
    table = homerun.Table(columns=["x", "y"], data=[[1, "a"], [2, "b"]])
    assert artifact.add(table, "rows").path == "rows.table.json"
    picture = homerun.Image(np.array(pixels, dtype=np.uint8), caption="four")
    artifact["picture"] = picture
    run.log_artifact(artifact)
    found = run.use_artifact("shown")
    assert (found.get("rows").columns, found["rows"].data) == (table.columns, table.data)
    assert isinstance(found.get("picture"), homerun.Image)
    assert found.get("nothing") is None


def test_lineage_is_known_both_ways_and_outlives_runs(home, here):
    with homerun.init(project="digits") as maker:
        maker.log_artifact(data())
    with homerun.init(project="digits") as user:
        used = user.use_artifact("data:latest")
        user.log_model(written("m.pt"), "model")
        assert [one.name for one in user.logged_artifacts()] == ["model:v0"]
        assert [one.name for one in user.used_artifacts()] == ["data:v0"]
    assert used.logged_by().id == maker.id
    assert [run.id for run in used.used_by()] == [user.id]
    with Store(home) as store:
        store.delete([maker.id])
        assert [v.name for v in artifact_versions(store)] == ["data", "model"]
    assert used.logged_by() is None
    used.verify()


def test_models_are_logged_linked_and_used(run):
    written("out/weights.bin", "w")
    linked = run.link_model("out", "champions", "net", aliases=["prod"])
    assert (linked.name, linked.aliases) == ("champions:v0", ["latest", "prod"])
    assert linked.is_link
    assert linked.source_artifact.name == "net:v0"
    assert run.use_model("net:latest") == "artifacts/net:v0/weights.bin"
    assert Path(run.use_model("model-registry/champions:prod")).read_text() == "w"
    assert [one.name for one in linked.source_artifact.linked_artifacts] == ["champions:v0"]
    linked.unlink()
    with pytest.raises(homerun.NotFoundError):
        run.use_model("model-registry/champions:prod")
    run.log_artifact(data())
    with pytest.raises(homerun.UsageError, match="of type dataset"):
        run.use_model("data")


def test_numbers_of_deleted_versions_are_not_given_again(run):
    run.log_artifact(data("a"))
    second = run.log_artifact(data("b"), aliases=["best"])
    with pytest.raises(homerun.UsageError, match="delete_aliases"):
        second.delete()
    second.delete(delete_aliases=True)
    assert second.state == "DELETED"
    assert run.use_artifact("data:latest").version == "v0"
    assert run.log_artifact(data("c")).version == "v2"


def test_an_artifact_keeps_its_type(run, capsys):
    run.log_artifact(data("a"))
    other = homerun.Artifact("data", "model")
    assert run.log_artifact(other).type == "dataset"
    assert "stays of type dataset" in capsys.readouterr().err


def test_an_incremental_artifact_adds_to_the_latest(run):
    run.log_artifact(data("a"))
    more = homerun.Artifact("data", "dataset", incremental=True)
    with more.new_file("b.txt", "w") as file:
        file.write("b")
    run.log_artifact(more)
    assert sorted(run.use_artifact("data:v1").manifest.entries) == ["a.txt", "b.txt"]


def test_several_runs_make_one_artifact(home, here):
    for name in ("a", "b"):
        with homerun.init(project="digits", group="g") as run:
            run.upsert_artifact(written(f"{name}.txt", name), "joint", "dataset")
    with homerun.init(project="digits", group="g") as run:
        whole = run.finish_artifact(written("c.txt", "c"), "joint", "dataset")
        assert whole.version == "v0"
        assert sorted(whole.manifest.entries) == ["a.txt", "b.txt", "c.txt"]
    assert list((home / "artifacts/parts").iterdir()) == []
    folders = [path for path in (home / "artifacts").rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


def test_a_disabled_run_keeps_nothing(home, here):
    with homerun.init(mode="disabled") as run:
        artifact = run.log_artifact(data())
        assert artifact.state == "PENDING"
        run.log_model(written("m.pt"))
    assert not (home / "artifacts").exists()


def test_a_locked_database_stops_nothing(run, home):
    with sqlite3.connect(home / "homerun.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        artifact = run.log_artifact(data(), aliases=["best"])
        assert artifact.is_draft()
        with pytest.raises(homerun.WaitTimeoutError, match="locked"):
            artifact.wait(timeout=0.1)
        assert Path(artifact.download("there"), "a.txt").read_text() == "hello"
        other.execute("ROLLBACK")
    other.close()
    assert run.use_artifact("data:best").version == "v0"  # from the journal
    assert artifact.wait().version == "v0"
    assert run.log_artifact(data("new")).version == "v1"
    with Store(home) as store:
        settle(store)
        assert find_artifact(store, "data:latest").version == 1  # the journal changed nothing back


def test_a_home_that_cannot_be_written_stops_nothing(run, home, capsys):
    (home / "artifacts").write_text("in the way")
    artifact = run.log_artifact(data())
    assert artifact.is_draft()
    assert "is not logged" in capsys.readouterr().err
    run.log({"loss": 1.0})


def test_verify_finds_a_damaged_object_and_download_refuses_it(run, home):
    artifact = run.log_artifact(data())
    path = object_path(home, artifact.get_entry("a.txt").digest)
    path.chmod(0o600)
    path.write_text("hullo")
    with pytest.raises(ValueError, match="Digest mismatch for file"):
        artifact.verify()
    with pytest.raises(homerun.StoreError, match="damaged"):
        artifact.download()
    assert not Path("artifacts/data:v0/a.txt").exists()


def test_checkout_removes_what_does_not_belong(run):
    artifact = run.log_artifact(data())
    root = Path(artifact.download("there"))
    written(root / "old/x.txt")
    with pytest.raises(ValueError, match="not a member"):
        artifact.verify(str(root))
    artifact.checkout("there")
    assert [path.name for path in root.rglob("*")] == ["a.txt"]


def test_only_content_that_nobody_needs_is_freed(run, home):
    kept = run.log_artifact(data("kept"))
    gone = run.log_artifact(data("gone"))
    path = object_path(home, gone.get_entry("a.txt").digest)
    gone.delete()
    draft = data("draft")
    with Store(home) as store:
        assert unused_objects(store) == {}  # it is too new
        assert path in unused_objects(store, new_s=0)
        os.utime(path, (1, 1))
        assert free_objects(store) == 4
    assert not path.exists()
    kept.verify()
    assert run.log_artifact(draft).wait().version == "v2"


def test_two_processes_that_log_one_name_get_all_versions(home, here):
    program = """
import sys, homerun
with homerun.init(project="digits") as run:
    for i in range(50):
        artifact = homerun.Artifact("data", "dataset")
        with artifact.new_file("a.txt", "w") as file:
            file.write(f"{sys.argv[1]} {i}")
        run.log_artifact(artifact)
"""
    both = [python(program, name, stderr=subprocess.DEVNULL) for name in "ab"]
    assert [process.wait(60) for process in both] == [0, 0]
    with Store(home) as store:
        settle(store)
        versions = artifact_versions(store, name="data")
    assert [one.version for one in versions] == list(range(100))
    assert [one.version for one in versions if "latest" in one.aliases] == [99]


def test_a_process_killed_at_any_step_leaves_whole_versions_only(home, here):
    # Each child kills itself at its n-th file operation; the last one comes to the end.
    program = """
import os, signal, sys
import homerun
for n in range(1000):
    child = os.fork()
    if child:
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            sys.exit(0)
        print(n, flush=True)
        continue
    run = homerun.init(project="digits", settings={"console": "off"})
    left = n
    def step(event, _):
        global left
        if event in {"open", "os.rename", "os.chmod", "os.utime", "os.mkdir", "sqlite3.connect"}:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(step)
    artifact = homerun.Artifact("data", "dataset")
    artifact.add_file("a.txt")
    artifact.add_file("b.txt")
    run.log_artifact(artifact, aliases=["best"])
    os._exit(0)
"""
    written("a.txt", "a" * 1000)
    written("b.txt", "b" * 1000)
    with python(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        steps = process.stdout.read().split()
        assert process.wait(60) == 0
    assert len(steps) > 10
    with Store(home) as store:
        settle(store)
        versions = artifact_versions(store)
        assert [one.full_name for one in versions] == ["digits/data:v0"]
        assert versions[0].aliases == ("best", "latest")
        files = artifact_files(store, versions[0].number)
        assert [file.path for file in files] == ["a.txt", "b.txt"]
        assert all(digest_of(object_path(home, f.digest)) == f.digest for f in files)
        free_objects(store, new_s=0)
        assert list((home / "artifacts/tmp").iterdir()) == []
        assert all(object_path(home, file.digest).exists() for file in files)


def test_a_thousand_files_take_a_moment(run, here):
    for i in range(1000):
        written(f"many/{i % 10}/{i}.txt", str(i))
    start = time.monotonic()
    artifact = run.log_artifact("many", "many", "dataset")
    assert artifact.version == "v0"
    assert artifact.file_count == 1000
    assert time.monotonic() - start < 30  # on a busy machine; else about one second


def test_the_command_lists_shows_and_fetches(run, home):
    run.log_artifact(data(metadata={"rows": 3}), aliases=["best"])
    user = homerun.init(project="digits", reinit="create_new")
    user.use_artifact("data")
    user.log_model(written("m.pt"), "model")
    user.finish()
    listed = json.loads(call("artifact", "ls", "data", "--json").stdout)
    assert [(one["artifact"], one["aliases"]) for one in listed] == [
        ("digits/data:v0", ["best", "latest"])
    ]
    assert "digits/model:v0" in call("artifact", "ls").stdout
    shown = call("artifact", "show", "data:best").stdout
    assert "rows" in shown
    assert "a.txt" in shown
    assert call("artifact", "get", "data:v0", "-o", "there").exit_code == 0
    assert Path("there/a.txt").read_text() == "hello"
    lineage = call("artifact", "lineage", "data").stdout
    assert f"made by run 1 {run.name}" in lineage
    assert f"used by run 2 {user.name} for digits/model:v0" in lineage
    assert attempt("artifact", "show", "nothing").returncode == 1


def test_gc_shows_and_frees_what_no_artifact_holds(run, home):
    gone = run.log_artifact(data("x" * 5000))
    path = object_path(home, gone.get_entry("a.txt").digest)
    gone.delete()
    os.utime(path, (1, 1))
    assert "--artifacts" in json.loads(call("gc", "--json").stdout)["options"]
    assert json.loads(call("gc", "--artifacts", "-y", "--json").stdout)["freed"] == 5000
    assert not path.exists()


def test_a_repaired_home_still_has_its_artifacts(here, home):
    with homerun.init(project="digits") as run:
        artifact = run.log_artifact(data(), aliases=["best"])
    with Store(home) as store, store.write() as db:
        db.execute("DELETE FROM artifact_file")  # as if their pages could not be read
    salvage(home)
    with Store(home) as store:
        found = find_artifact(store, "data:best")
        assert (found.digest, found.files) == (artifact.digest, 1)
        assert artifact_files(store, found.number)[0].path == "a.txt"
        assert runs_of_artifact(store, found.number, "output") == [run.id]
