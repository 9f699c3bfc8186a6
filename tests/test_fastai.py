"""fast.ai of today trains for real and is recorded, by our callback and by its own one for W&B."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from homerun.spec import load
from homerun.store import Store, settle
from tests.cli_call import HOMERUN
from tests.environments import environment
from tests.track_program import points

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "tests" / "fastai_program.py"
EXAMPLE = ROOT / "examples" / "finetune"
NAMES = ("vision", "mixed", "text", "masks")  # of functions there and of the runs that they make


def run_in(folder, *command):
    """Run a command in a folder with a home of its own below; return what it printed."""
    env = {name: value for name, value in os.environ.items() if "HOMERUN_TEST" in name}
    env |= {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", str(folder))}
    env |= {"HOMERUN_HOME": str(folder / "home"), "HOMERUN_RUNTIME_DIR": str(folder / "runtime")}
    env |= {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def the_runs(folder):
    with Store(folder / "home") as store:
        settle(store)
        return {run.id: run for run in store.runs()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the folder in which the program has trained, and what it said."""
    folder = tmp_path_factory.mktemp("fastai")
    said = run_in(folder, environment("fastai"), PROGRAM, *NAMES, "tabular")
    return folder, said


def test_a_learner_is_described_in_readable_values(trained):
    run = the_runs(trained[0])["vision"]
    assert run.state == "finished"
    learner, data = run.config["Learner"], run.config["data"]
    assert (learner["arch"], learner["loss_func"]) == ("test_vit", "CrossEntropyLossFlat")
    assert (learner["opt_func"], learner["splitter"]) == ("Adam", "default_split")
    assert learner["moms"] == [0.95, 0.85, 0.95]
    assert run.config["batch size"] == 8
    assert [run.config[f"input 1 dim {i}"] for i in (1, 2, 3, 4)] == [8, 3, 32, 32]
    assert run.config["model parameters"] == run.config["trainable parameters"] > 100_000
    assert (data["train size"], data["valid size"], data["classes"]) == (16, 8, 2)
    assert run.config["transforms"]["item"]["Resize"]["method"] == "squish"
    assert run.config["transforms"]["batch"]["rotate_mat"]["max_deg"] == 10.0
    text = json.dumps(run.config)
    assert ".png" not in text
    assert "Linear(" not in text


def test_one_split_has_one_fingerprint(trained):
    runs = the_runs(trained[0])
    prints = {name: runs[name].config["data"]["valid fingerprint"] for name in ("vision", "mixed")}
    assert prints["vision"] == prints["mixed"] != runs["text"].config["data"]["valid fingerprint"]


def test_two_fits_go_on_in_one_run_and_searches_are_left_out(trained):
    folder, said = trained
    rows = points(folder / "home", "vision", "raw_loss")
    assert [step for step, _ in rows] == [0, 1, 2, 3]  # two epochs of two batches
    for key in ("train_loss", "lr_0", "mom_0", "wd_0", "train_samples_per_sec"):
        assert [step for step, _ in points(folder / "home", "vision", key)] == [0, 1, 2, 3]
    for key in ("valid_loss", "error_rate"):
        assert [step for step, _ in points(folder / "home", "vision", key)] == [1, 3]
    epochs = sorted(points(folder / "home", "vision", "epoch"))
    assert epochs == [(0, 0.5), (1, 1.0), (1, 1), (2, 1.5), (3, 2.0), (3, 2)]
    assert said.count("gradients and parameters are not recorded") == 1
    assert "shadowing" not in said


def test_the_summary_has_time_memory_and_both_errors(trained):
    summary = the_runs(trained[0])["vision"].summary
    assert summary["fit_time"] > 0
    assert 0 <= summary["tta_error_rate"] <= 1
    assert summary["plain_error_rate"] == summary["error_rate"]


def test_predictions_become_a_table(trained):
    folder, _ = trained
    runs, tables = the_runs(folder), {}
    for name in ("vision", "text", "masks"):
        record = runs[name].summary["Prediction_Samples"]
        path = folder / "home" / "runs" / name / "files" / record["path"]
        tables[name] = json.loads(path.read_text())
    shown = {name: (table["columns"][0], len(table["data"])) for name, table in tables.items()}
    assert shown == {"vision": ("Input image", 5), "text": ("Text", 6), "masks": ("Input Image", 1)}
    picture, truth, _ = tables["vision"]["data"][0]
    assert (picture["width"], truth in {"red", "green"}) == (32, True)
    _, truth, guess = tables["masks"]["data"][0]
    assert (*truth["masks"], *guess["masks"]) == ("Ground_Truth", "Prediction")


def test_the_model_is_an_artifact(trained):
    folder, _ = trained
    with Store(folder / "home") as store:
        rows = list(store.rows("SELECT name, type FROM artifact"))
    assert ("run-vision-model", "model") in [tuple(row) for row in rows]


def test_mixed_precision_and_an_early_end(trained):
    folder, _ = trained
    assert [s for s, _ in points(folder / "home", "mixed", "valid_loss")] == [1, 3]
    assert [s for s, _ in points(folder / "home", "mixed", "Prediction_Samples")] == [3]


def test_cancelled_epochs_and_errors_leave_the_run_sound(trained):
    folder, _ = trained
    runs = the_runs(folder)
    (name,) = set(runs) - set(NAMES)  # the callback has made the run itself
    assert runs[name].state == "finished"
    # 1 + 3 epochs of 2 batches, one cut short after a batch; one batch before the error; 2 more.
    rows = points(folder / "home", name, "raw_loss")
    assert [step for step, _ in rows] == list(range(2 + 5 + 1 + 2))
    assert len(points(folder / "home", name, "accuracy")) == 1 + 2 + 1
    assert runs[name].config["transforms"]["procs"].keys() >= {"Categorify", "Normalize"}


def test_their_callback_for_wandb_works_under_homerun(tmp_path):
    python = environment("fastai")
    said = run_in(tmp_path, HOMERUN, "run", "--", python, PROGRAM, "theirs")
    assert "could not" not in said
    assert "not able" not in said
    (run,) = the_runs(tmp_path).values()
    assert run.state == "finished"
    keys = {"train_loss", "raw_loss", "valid_loss", "error_rate", "accuracy", "lr_0", "epoch"}
    assert run.summary.keys() >= keys
    assert run.config["batch size"] == 16
    assert run.config["Learner"]["opt_func"] == "Adam"
    assert [s for s, _ in points(tmp_path / "home", run.id, "raw_loss")] == list(range(2 + 2 * 2))
    assert len(points(tmp_path / "home", run.id, "Prediction_Samples")) == 2


def test_the_example_sweeps(tmp_path):
    python = environment("fastai")
    text = (EXAMPLE / "bayes.yaml").read_text()
    text = text.replace("program: fine_tune.py", f"program: {EXAMPLE / 'fine_tune.py'}")
    (tmp_path / "bayes.yaml").write_text(text)
    run_in(tmp_path, HOMERUN, "run", "--python", python, "bayes.yaml")
    runs = list(the_runs(tmp_path).values())
    assert [run.state for run in runs] == ["finished"] * 2
    columns = {"error_rate", "valid_loss", "train_loss", "GPU_mem", "fit_time", "tta_error_rate"}
    for run in runs:
        assert run.summary.keys() >= columns | {"model_family"}
        assert run.config["transforms"]["item"]["Resize"]["method"] == run.config["resize_method"]
        assert 1e-5 <= run.config["learning_rate"] <= 1e-2


def test_the_examples_files_are_what_they_say():
    sweep = load(EXAMPLE / "sweep.yaml")
    assert sweep.method == "grid"
    assert load(EXAMPLE / "bayes.yaml").method == "bayes"
