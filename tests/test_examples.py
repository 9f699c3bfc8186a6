"""The example really learns, and its way of resizing really matters."""

import functools
import importlib
import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

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
