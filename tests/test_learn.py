"""`homerun compare`, `importance`, `independence`, `settled`: of sweeps and of tables in files."""

import csv
import json
from itertools import product

import numpy as np
import pytest

from homerun.cli import app
from homerun.store import Store
from tests.cli_call import attempt, call
from tests.finished_sweeps import finish

SWEEP = {
    "method": "grid",
    "name": "pets",
    "command": ["true", "${args}"],
    "metric": {"name": "acc", "goal": "maximize"},
    "parameters": {
        "resize": {"values": ["crop", "squish"]},
        "optimizer": {"parameters": {"lr": {"values": [1e-4, 1e-3, 1e-2]}}},
        "model": {"values": ["convnext", "vit"]},
        "seed": {"values": [0, 1, 2]},
    },
}
QUESTIONS = ("importance", "independence", "settled")


def accuracy(resize, lr, model, place):
    bowl = 0.1 * (np.log10(lr) + 3) ** 2 + 0.3 * (model == "vit") + 0.1 * (resize == "squish")
    return 1 - float(0.05 * np.exp(bowl + 0.02 * np.random.default_rng(place).normal()))


def value(config, place):
    acc = accuracy(config["resize"], config["optimizer"]["lr"], config["model"], place)
    return {"acc": acc, "time": 1.0 + place % 5}


@pytest.fixture
def store(home, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with Store(home) as found:
        yield found


@pytest.fixture
def runs(tmp_path):
    """Return a table of the same runs in a file, the index of the repeat under an odd name."""
    path = tmp_path / "runs.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["resize", "lr", "model", "turn", "acc"])
        rows = product(["crop", "squish"], [1e-4, 1e-3, 1e-2], ["convnext", "vit"], range(3))
        for place, (resize, lr, model, turn) in enumerate(rows):
            writer.writerow([resize, lr, model, turn, accuracy(resize, lr, model, place)])
    return path


# a sweep


def test_compare(store):
    record = finish(store, SWEEP, value, n=36)
    done = call("compare", record.id, "resize")
    lines = done.stdout.splitlines()
    assert lines[0] == "tests > pets"
    assert lines[1].split() == ["resize", "RUNS", "acc", "COSTS", "WON", "RISK", "VERDICT"]
    assert lines[2].split()[-1] == "best"
    assert lines[3].split()[-1] == "worse"
    assert lines[5].startswith("resize: crop is better than squish: squish costs")
    assert max(map(len, lines)) <= 80
    assert f"next: homerun settled {record.id}" in done.stderr


def test_documents(store):
    record = finish(store, SWEEP, value, n=36)
    found = json.loads(call("compare", "pets", "optimizer.lr", "--json").stdout)
    assert (found["sweep"], found["metric"], found["goal"]) == (record.id, "acc", "maximize")
    assert found["verdict"] == "0.001"
    ranked = json.loads(call("importance", "pets", "--json").stdout)
    assert ranked["verdict"] == "ranked"
    assert ranked["table"][0]["parameter"] == "model"
    pairs = json.loads(call("independence", "pets", "--json").stdout)
    assert len(pairs["table"]) == 3
    settled = json.loads(call("settled", "pets", "--json").stdout)
    fixed = {row["parameter"]: row["value"] for row in settled["table"] if row["verdict"] == "fix"}
    assert fixed == {"resize": "crop", "optimizer.lr": "0.001", "model": "convnext"}


@pytest.mark.parametrize("question", QUESTIONS)
def test_text_fits(store, question):
    finish(store, SWEEP, value, n=36)
    done = call(question, "pets")
    lines = done.stdout.splitlines()
    assert lines[0] == "tests > pets"
    assert lines[1].startswith("PARAMETER")
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.stdout


def test_no_evidence_is_cut_off(store):
    finish(store, SWEEP, value, n=36)
    table = json.loads(call("settled", "pets", "--json").stdout)["table"]
    words = call("settled", "pets").stdout.split()
    for row in table:
        assert set(row["evidence"].split()) <= set(words)


def test_colours_only_where_wanted(store):
    finish(store, SWEEP, value, n=36)
    assert "\x1b[1m" in call("--color", "always", "compare", "pets", "resize", color=True).stdout
    assert "\x1b" not in call("--color", "never", "compare", "pets", "resize", color=True).stdout


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_runs_are_no_failure(store, question, n):
    record = finish(store, SWEEP, value, n=n)
    done = attempt(question, record.id)
    assert done.returncode == 0, done.stderr


def test_nothing_finished(store):
    record = finish(store, SWEEP, value, n=3)
    with store.write() as db:
        db.execute("UPDATE run SET state = 'failed', summary = '{}'")
    done = attempt("settled", record.id)
    assert done.returncode == 2
    assert "no finished run of 3 has a finite acc; nothing to learn yet" in done.stderr


def test_part_of_the_runs_and_of_the_parameters(store):
    finish(store, SWEEP, value, n=36)
    where = ("--where", "model == 'vit' and optimizer.lr < 0.005")
    found = json.loads(call("compare", "pets", "resize", "--json", *where).stdout)
    assert found["facts"]["runs"] == 12
    some = ("--param", "resize", "--param", "model")
    found = json.loads(call("settled", "pets", "--json", *some).stdout)
    assert {row["parameter"] for row in found["table"]} == {"resize", "model"}
    done = attempt("settled", "pets", "--where", "mode == 'vit'")
    assert done.returncode == 2
    assert "--where \"mode == 'vit'\"" in done.stderr


def test_another_metric(store):
    finish(store, SWEEP, value, n=36)
    options = ("--metric", "time", "--json")
    found = json.loads(call("compare", "pets", "resize", *options).stdout)
    assert (found["metric"], found["goal"]) == ("time", "minimize")
    done = attempt("importance", "pets", "--metric", "tme")
    assert done.returncode == 2
    assert "has no metric 'tme'; there is time" in done.stderr


def test_what_the_program_noted_is_no_parameter(store):
    record = finish(store, SWEEP, value, n=36)
    with store.write() as db:
        db.execute("UPDATE run SET config = json_set(config, '$.folder', '/tmp/' || id)")
    table = json.loads(call("settled", record.id, "--json").stdout)["table"]
    assert {row["parameter"] for row in table} == {"resize", "optimizer.lr", "model"}


def test_wrong_words(store):
    finish(store, SWEEP, value, n=36)
    for words, said in (
        (("compare", "pets", "rezise"), "the table has no column 'rezise'; there is resize"),
        (("compare", "nobody", "resize"), "nobody"),
        (("settled", "pets", "--margin", "2"), "use a share between 0 and 1"),
    ):
        done = attempt(*words)
        assert done.returncode != 0
        assert said in done.stderr


def test_sweep_ids_are_completed(store):
    record = finish(store, SWEEP, value, n=1)
    for name in ("compare", "report", *QUESTIONS):
        command = app.get_command(None, name)
        words = ["x", "y"] if name == "compare" else ["x"]
        found = command.params[0].shell_complete(command.make_context(name, words), "")
        assert record.id in [item.value for item in found]


# a table in a file


def test_a_file(runs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    options = ("--metric", "acc", "--goal", "maximize", "--repeat-column", "turn")
    done = call("compare", str(runs), "resize", *options)
    assert done.stdout.splitlines()[0] == str(runs)
    assert "crop is better than squish" in done.stdout.replace("\n", " ")
    assert not done.stderr
    found = json.loads(call("settled", str(runs), *options, "--json").stdout)
    assert found["table"][0]["verdict"] == "fix"
    assert call("report", str(runs), *options).stdout.startswith(str(runs))


def test_a_file_that_is_none(tmp_path, runs):
    (tmp_path / "empty.csv").write_text("")
    for words, said in (
        ((tmp_path / "no.csv",), "there is no file"),
        ((tmp_path / "empty.csv", "--metric", "acc"), "is no table"),
        ((runs,), "no metric says what is better: --metric NAME; there is lr, turn, acc"),
        ((runs, "--metric", "ac"), "has no metric 'ac'; there is acc"),
    ):
        done = attempt("settled", *words)
        assert done.returncode != 0
        assert said in done.stderr
