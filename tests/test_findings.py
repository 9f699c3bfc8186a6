"""Findings: recorded with scope and evidence, contradicted, withdrawn, and begun with."""

import json
import math
import random
from pathlib import Path

import pytest

from homerun.store import Store, find_finding, findings, runs_frame
from homerun.store.salvage import salvage
from tests.cli_call import attempt, call
from tests.finished_sweeps import finish

COSTS = {"crop": 0.0, "squish": 0.1}
SPEC = {
    "method": "grid",
    "command": ["true", "${args}"],
    "metric": {"name": "error_rate"},
    "parameters": {
        "resize_method": {"values": ["crop", "squish"]},
        "lr": {"values": [0.001, 0.01, 0.1]},
        "epochs": {"value": 3},
    },
    "homerun": {"repeats": 3},
}


@pytest.fixture
def store(home):
    with Store(home) as opened:
        yield opened


def sweep_of(store, dataset, *, costs=COSTS, seed=0, project=None, model=None):
    """Make a finished sweep in which values of resize_method cost so much (log of error)."""
    rng = random.Random(f"{dataset}{seed}")
    more = {"dataset": {"value": dataset}, **({"model_name": {"value": model}} if model else {})}
    spec = {**SPEC, "parameters": {**SPEC["parameters"], **more}}
    level = {"digits": 0.02, "mnist": 0.2}.get(dataset, 0.1)

    def error(config, _):
        by_lr = 0.3 * (math.log10(config["lr"]) + 2) ** 2
        return level * math.exp(by_lr + costs[config["resize_method"]] + rng.gauss(0, 0.005))

    record = finish(store, spec, error, n=18)
    if project:
        with store.write() as db:
            db.execute("UPDATE sweep SET project = ? WHERE id = ?", (project, record.id))
    return store.sweep(record.id)


def about(store, parameter="resize_method", *, standing=True):
    found = findings(store, parameter=parameter)
    return [one for one in found if one.withdrawn_at is None] if standing else found


def test_what_a_sweep_settled_is_recorded_with_scope_and_evidence(store):
    record = sweep_of(store, "digits", model="vit")
    done = call("finding", "add", record.id)
    assert "finding 1: " in done.stdout
    one = about(store)[0]
    assert (one.verdict, one.value, one.source, one.sweep) == ("fix", "crop", "settled", record.id)
    assert one.low < math.expm1(0.1) < one.high
    assert one.runs == len(runs_frame(store, sweep=record.id)) == 18
    assert one.scope == {"dataset": "digits", "model": "vit"}
    assert [level["value"] for level in one.evidence["units"][0]["levels"]] == ["crop", "squish"]
    assert about(store, "lr")[0].value == 0.01
    again = call("finding", "add", record.id)
    assert "says so already" in again.stderr
    assert not again.stdout
    assert len(findings(store)) == 2


def test_new_evidence_withdraws_what_it_contradicts(store):
    old = sweep_of(store, "digits")
    call("finding", "add", old.id)
    elsewhere = sweep_of(store, "mnist", costs={"crop": 0.1, "squish": 0.0})
    assert "withdrawn" not in call("finding", "add", elsewhere.id).stderr
    new = sweep_of(store, "digits", costs={"crop": 0.1, "squish": 0.0}, seed=1)
    done = call("finding", "add", new.id, "--json")
    document = json.loads(done.stdout)
    assert [one["parameter"] for one in document["withdrawn"]] == ["resize_method"]
    lost = find_finding(store, document["withdrawn"][0]["number"])
    assert lost.sweep == old.id
    assert lost.withdrawn_why.startswith("crop costs 1")
    assert "against squish" in lost.withdrawn_why
    assert {(one.scope["dataset"], one.value) for one in about(store)} == {
        ("mnist", "squish"),
        ("digits", "squish"),
    }
    shown = call("finding", "show", str(lost.number)).stdout
    assert "withdrawn" in shown


def test_a_sweep_that_went_on_replaces_what_it_taught(store):
    record = sweep_of(store, "digits")
    call("finding", "add", record.id)
    done = call("finding", "add", record.id, "--margin", "0.3")
    assert "was looked at again" in done.stderr
    assert len(about(store)) == 1


def test_by_hand(store):
    crop = ["--by-hand", "crop beats squish", "--parameter", "resize_method", "--value", "crop"]
    effect = ["--against", "squish", "--effect", "0.04", "--interval", "0.02", "0.06"]
    call("finding", "add", *crop, *effect, "--scope", "data_set=digits", "-p", "vision")
    call("finding", "add", "--by-hand", "low", "--parameter", "lr", "--value", "1e-4", "-p", "v")
    one, other = findings(store)
    assert (one.statement, one.value, one.effect, one.project) == (
        "crop beats squish",
        "crop",
        0.04,
        "vision",
    )
    assert one.scope == {"dataset": "digits"}
    assert other.value == 1e-4
    record = sweep_of(store, "digits", costs={"crop": 0.1, "squish": 0.0})
    assert "finding 1 is withdrawn" in call("finding", "add", record.id).stderr
    listed = json.loads(call("finding", "list", "--parameter", "resize_method", "--json").stdout)
    assert [found["value"] for found in listed["findings"]] == ["squish"]
    assert listed["pooled"]["verdict"] == "cannot tell"


def test_a_withdrawn_finding_keeps_its_reason(store):
    call("finding", "add", "--by-hand", "x", "--parameter", "lr", "--value", "1", "-p", "v")
    call("finding", "withdraw", "1", "--why", "the labels were wrong")
    assert find_finding(store, 1).withdrawn_why == "the labels were wrong"
    done = attempt("finding", "withdraw", "1", "--why", "again")
    assert done.returncode == 2
    assert "withdrawn before: the labels were wrong" in done.stderr
    assert "1 finding open or withdrawn" in call("finding", "list").stderr
    assert "lr" in call("finding", "list", "--all").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add"], "give a SWEEP, or --by-hand TEXT"),
        (["add", "--by-hand", "x"], "--parameter and --value"),
        (
            ["add", "--by-hand", "x", "--parameter", "a", "--value", "1", "--effect", "1"],
            "--against",
        ),
        (["add", "abc", "--value", "1"], "--value goes with --by-hand"),
        (["add", "abc", "--scope", "x"], "no KEY=VALUE"),
        (["show", "7"], "there is no finding 7"),
    ],
)
def test_bad_input_is_one_line(store, arguments, said):
    done = attempt("finding", *arguments)
    assert done.returncode in {1, 2}
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def new_sweep(tmp_path, monkeypatch, *, method="bayes", dataset="digits", **more):
    monkeypatch.chdir(tmp_path)
    parameters = {**SPEC["parameters"], "dataset": {"value": dataset}, **more}
    spec = {**SPEC, "method": method, "project": "tests", "parameters": parameters, "run_cap": 5}
    Path("new.json").write_text(json.dumps(spec))
    return attempt("sweep", "new.json", "--defaults-from", "findings")


def defaults_of(store, done):
    return store.sweep(done.stdout.strip()).spec["homerun"].get("defaults")


def test_a_sweep_begins_with_what_was_found_in_its_scope(store, tmp_path, monkeypatch):
    call("finding", "add", sweep_of(store, "digits").id)
    done = new_sweep(tmp_path, monkeypatch)
    assert defaults_of(store, done) == [{"resize_method": "crop", "lr": 0.01}]
    number = about(store)[0].number
    assert f"found before: resize_method=crop: finding {number}, project=tests" in done.stderr
    assert "beware" not in done.stderr
    done = new_sweep(tmp_path, monkeypatch, method="grid")
    assert defaults_of(store, done) is None
    assert "found before: resize_method=crop" in done.stderr
    assert "method: grid begins with no values" in done.stderr
    call("finding", "withdraw", str(number), "--why", "wrong")
    done = new_sweep(tmp_path, monkeypatch)
    assert defaults_of(store, done) == [{"lr": 0.01}]


def test_what_holds_elsewhere_is_said_and_used_only_when_three_data_sets_agree(
    store, tmp_path, monkeypatch
):
    call("finding", "add", sweep_of(store, "mnist").id)
    done = new_sweep(tmp_path, monkeypatch)
    assert defaults_of(store, done) is None
    assert "resize_method=crop is not used, it was found elsewhere" in done.stderr
    assert "dataset mnist, here digits" in done.stderr
    for dataset in ("birds", "cars"):
        call("finding", "add", sweep_of(store, dataset).id)
    done = new_sweep(tmp_path, monkeypatch)
    assert defaults_of(store, done)[0]["resize_method"] == "crop"
    assert "beware: resize_method=crop was found elsewhere: dataset mnist, birds, cars, here" in (
        done.stderr
    )
    assert "best common default" in done.stderr


def test_another_project_and_values_that_do_not_fit_are_said(store, tmp_path, monkeypatch):
    call("finding", "add", sweep_of(store, "digits", project="other").id)
    done = new_sweep(tmp_path, monkeypatch)
    assert defaults_of(store, done) is None
    assert "project other, here tests" in done.stderr
    call("finding", "add", sweep_of(store, "digits").id)
    only = {"values": ["squish", "pad"]}
    done = new_sweep(tmp_path, monkeypatch, resize_method=only)
    assert defaults_of(store, done) == [{"lr": 0.01}]
    assert "none of its values here" in done.stderr


def test_a_repair_keeps_findings(store, home):
    call("finding", "add", "--by-hand", "x", "--parameter", "lr", "--value", "1", "-p", "v")
    before = findings(store)
    store.close()
    assert salvage(home).rows["finding"] == 1
    with Store(home) as repaired:
        assert findings(repaired) == before


def test_findings_outlive_their_sweep(store):
    record = sweep_of(store, "digits")
    call("finding", "add", record.id)
    store.delete_sweep(record.id)
    kept = about(store)[0]
    assert kept.value == "crop"
    shown = call("finding", "show", str(kept.number)).stdout
    assert "squish costs 1" in shown
    assert max(map(len, shown.splitlines())) <= 80
