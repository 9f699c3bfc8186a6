"""The example really learns, and its way of resizing really matters."""

import functools
import importlib
import json
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from homerun import spec
from tests.cli_call import environment

DIGITS = Path(__file__).resolve().parent.parent / "examples" / "digits"


@pytest.fixture(scope="module")
def digits():
    """Return the example's modules; its data is read only once."""
    sys.path.insert(0, str(DIGITS))
    names = ("train", "data", "models")
    try:
        modules = {name: importlib.import_module(name) for name in names}
        modules["data"].read = functools.cache(modules["data"].read)
        yield Namespace(**modules)
    finally:
        sys.path.remove(str(DIGITS))
        for name in names:
            del sys.modules[name]


def last_epoch(digits, **config):
    defaults = {"learning_rate": 0.008, "resize_method": "crop", "num_experiments": 1}
    defaults |= {"epochs": 5, "batch_size": 64, "size": 12}
    config = Namespace(**(defaults | config))
    data = digits.data.load(config.dataset, config.size, config.resize_method)
    *_, metrics = digits.train.train(config, *data)
    return metrics


@pytest.mark.parametrize(
    ("dataset", "model_name", "bound"),
    [
        ("digits", "linear", 0.12),
        ("digits", "mlp", 0.08),
        ("digits", "convnet", 0.12),
        ("mnist", "linear", 0.14),
        ("mnist", "mlp", 0.11),
        ("mnist", "convnet", 0.11),
    ],
)
def test_every_model_learns(digits, dataset, model_name, bound):
    metrics = last_epoch(digits, dataset=dataset, model_name=model_name)
    assert metrics["error_rate"] < bound
    assert metrics["epoch"] == 4


def test_one_seed_one_result(digits):
    first, again, other = (
        last_epoch(digits, dataset="digits", model_name="mlp", num_experiments=seed, epochs=2)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_crop_and_squish_differ_and_matter(digits):
    images, _ = digits.data.read("digits")
    rows = digits.data.in_a_row(images, np.random.default_rng(0))
    assert rows.shape == (1797, 8, 16)
    crop, squish = (digits.data.resize(rows, 12, method) for method in ("crop", "squish"))
    assert crop.shape == squish.shape == (1797, 12, 12)
    np.testing.assert_allclose(digits.data.resize(rows, 8, "crop"), images, atol=1e-6)
    np.testing.assert_allclose(squish.mean((1, 2)), rows.mean((1, 2)), atol=1e-5)
    errors = {
        method: last_epoch(
            digits, dataset="mnist", model_name="linear", resize_method=method, epochs=2
        )["error_rate"]
        for method in ("crop", "squish")
    }
    assert errors["crop"] < errors["squish"]


def test_wrong_names_are_refused(digits):
    for changed in ({"dataset": "cats"}, {"model_name": "resnet"}, {"resize_method": "pad"}):
        config = {"dataset": "digits", "model_name": "mlp"} | changed
        with pytest.raises(ValueError, match="is unknown; use one of"):
            last_epoch(digits, **config)
    with pytest.raises(ValueError, match="use an even number"):
        last_epoch(digits, dataset="digits", model_name="convnet", size=11)


def test_program_records_its_run(home, tmp_path):
    command = [sys.executable, DIGITS / "train.py", "--epochs", "2", "--num_experiments", "7"]
    subprocess.run(command, cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    code = "import homerun; print(homerun.runs().to_json(orient='records'))"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout
    (run,) = json.loads(output)
    assert run["state"] == "finished"
    assert (run["num_experiments"], run["dataset"], run["epochs"]) == (7, "digits", 2)
    assert run["error_rate"] < 0.5
    assert run["fit_time"] > 0


QUICK = """
import math, sys, homerun
given = dict(word.removeprefix("--").split("=") for word in sys.argv[1:])
rate, turn = float(given["learning_rate"]), int(given["num_experiments"])
with homerun.init() as run:
    log = 0.3 * (given["resize_method"] == "squish") - 0.4 * math.log(rate)
    run.log({"error_rate": 0.001 * math.exp(log + 0.02 * math.sin(17 * turn + 999 * rate))})
"""
SMALL = """
program: train.py
method: grid
project: digits
metric: {name: error_rate, goal: minimize}
parameters:
  learning_rate: {values: [0.0005, 0.002, 0.008]}
  resize_method: {values: [crop, squish]}
  num_experiments: {values: [1, 2]}
"""


def test_demo_says_what_it_taught(home, tmp_path):
    folder = tmp_path / "digits"
    folder.mkdir()
    shutil.copy(DIGITS / "demo.sh", folder)
    (folder / "train.py").write_text(QUICK)  # the script is tested here, not the training
    (folder / "sweep.yaml").write_text(SMALL)
    done = subprocess.run(
        ["bash", folder / "demo.sh", "2"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    taught = done.stdout.partition("What this sweep taught\n")[2]
    for about in ("Best:", "Settled:", "Matters:", "Together:", "Next:"):
        assert f"\n{about}" in taught
    assert "resize_method crop" in taught
    assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")
    (rates,) = (
        p for p in spec.load(tmp_path / "next.yaml").parameters if p.name == "learning_rate"
    )
    assert max(rates.values) > 0.008
