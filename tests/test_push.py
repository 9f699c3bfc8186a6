"""Pushing runs to W&B with its own client, offline, and reading back what it wrote."""

import json
import time

import pytest

from homerun.compat.importing import Columns, Importer, find_sources
from homerun.core import Run
from homerun.store import Store, history_rows
from homerun.store import journal as jr
from tests.cli_call import attempt, call
from tests.cli_home import add_sweep, end, train, write_journal
from tests.environments import environment


@pytest.fixture
def offline(home, tmp_path, monkeypatch):
    """Return the folder of what the real client writes."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_RUN_ID", "another1")  # of a run that has nothing to do with it
    for name in ("CONFIG", "CACHE", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / name.lower()))
    return tmp_path / "wandb"


def log(store: Store, run: Run, steps: range) -> None:
    rows = [
        [jr.ROW, step, 1_700_000_000.5 + step, {"loss": 1 / (step + 3), "text": "ü", "big": 10**12}]
        for step in steps
    ]
    write_journal(store, run.id, rows)


def push(*arguments: str) -> str:
    done = call("push", "wandb", *arguments, "--python", str(environment("wandb")))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_what_is_pushed_comes_back_the_same(home, offline, tmp_path):
    with Store(home) as store:
        run = store.add_run(
            "mine1234",
            project="digits",
            name="a name",
            config={"lr": 1e-5, "opt": {"name": "adam"}},
            tags=["a"],
            notes="note",
            group="g",
        )
        log(store, run, range(0, 60, 3))
        write_journal(store, run.id, [[jr.SUMMARY, {"best": 0.5}, []]])
        end(store, store.run(run.id))
    assert "20 new rows" in push("mine1234")
    assert "nothing new" in push("mine1234")
    assert len(list(offline.glob("offline-run-*"))) == 1
    with Store(tmp_path / "second") as second, Store(home) as first:
        importer = Importer(second)
        for source in find_sources([offline], columns=Columns()):
            importer.take(source)
        run, before = second.run("mine1234"), first.run("mine1234")
        assert history_rows(second, run.id) == history_rows(first, run.id)
        assert (run.config, run.name, run.tags) == (before.config, before.name, before.tags)
        assert (run.notes, run.group, run.project) == ("note", "g", "digits")
        assert run.summary["best"] == 0.5
        assert run.state == "finished"


def test_a_run_that_went_on_gives_only_what_is_new(home, offline):
    with Store(home) as store:
        run = store.add_run("mine1234", project="digits")
        hold = store.folder(run.id).make().hold()
        assert hold is not None
        log(store, run, range(5))
        assert "5 new rows" in push("mine1234")
        log(store, run, range(5, 8))
        assert "3 new rows" in push("mine1234")
        assert "8 new rows" in push("mine1234", "--again")


def test_a_sweep_is_pushed_with_all_its_started_runs(home, offline):
    with Store(home) as store:
        sweep = add_sweep(store, sweep_id="x3k9a2bc")
        end(store, train(store, sweep, error=0.1))
    pushed = json.loads(push("x3k9a2bc", "--json"))
    assert [(one["rows"], one["is_news"]) for one in pushed] == [(5, True)]


def test_without_the_client_one_line_says_what_to_do(home):
    with Store(home) as store:
        run = store.add_run("mine1234", project="digits", config={"at": time.time()})
        end(store, run)
    done = attempt("push", "wandb", "mine1234")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "pip install wandb" in done.stderr
