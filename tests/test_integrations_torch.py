"""Libraries around PyTorch say `import wandb`, unmodified, and are recorded."""

import pytest

from tests.environments import environment
from tests.test_fastai import ROOT, run_in, the_runs
from tests.track_program import points

PROGRAM = ROOT / "tests" / "torch_program.py"
NAMES = ("transformers", "lightning", "accelerate", "timm", "ultralytics")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return the home and the runs by project, made in one program."""
    folder = tmp_path_factory.mktemp("torch")
    shim = f"{ROOT / 'src/homerun/shim'}:{ROOT / 'src'}"
    said = run_in(folder, "env", f"PYTHONPATH={shim}", environment("fastai"), PROGRAM, *NAMES)
    assert "Traceback" not in said
    return folder / "home", {run.project: run for run in the_runs(folder).values()}


def steps(home, run, key):
    return [step for step, _ in points(home, run.id, key)]


def test_a_trainer_of_transformers(trained):
    home, runs = trained
    run = runs["huggingface"]
    assert (run.name, run.state) == ("tiny-bert", "finished")
    assert (run.config["hidden_size"], run.config["num_train_epochs"]) == (8, 2)
    assert run.config["model/num_parameters"] > 500
    assert len(steps(home, run, "train/loss")) == 4
    assert len(steps(home, run, "eval/loss")) == 2
    assert run.summary["train/global_step"] == 4


def test_the_logger_of_lightning(trained):
    home, runs = trained
    run = runs["lightning"]
    assert (run.name, run.state, run.config["width"]) == ("net", "finished", 3)
    assert len(steps(home, run, "train_loss")) == 8
    assert run.summary["trainer/global_step"] == 7


def test_the_tracker_of_accelerate(trained):
    home, runs = trained
    run = runs["accelerate"]
    assert (run.name, run.tags, run.config) == ("line", ("tiny",), {"lr": 0.1})
    assert steps(home, run, "loss") == [0, 1, 2]


def test_the_loop_of_timm(trained):
    home, runs = trained
    run = runs["timm"]
    assert (run.name, run.config) == ("resnet", {"model": "test_resnet"})
    assert steps(home, run, "train_loss") == steps(home, run, "eval_top1") == [0, 1]


def test_the_callback_of_ultralytics(trained):
    home, runs = trained
    run = runs["squares"]
    assert (run.name, run.config["epochs"], run.config["imgsz"]) == ("tiny", 2, 64)
    assert steps(home, run, "train/box_loss") == [0, 1]
    assert run.summary["model/parameters"] > 1_000_000
