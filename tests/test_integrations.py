"""Real libraries with the callbacks that are W&B's by name and ours: each trains for a moment."""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

import homerun
from homerun.agent import wandb_env
from homerun.store import Store, settle
from tests.environments import environment

PROGRAMS = Path(__file__).parent / "integrations"
SOURCE = Path(homerun.__file__).parents[1]


class Trained(NamedTuple):
    """What the home knows of a run."""

    config: dict[str, object]
    summary: dict[str, object]
    points: dict[str, list[object]]
    files: set[str]


@pytest.fixture
def train(home, tmp_path):
    """Return a function that runs a program of a library and returns what was kept of it."""

    def run(library: str) -> Trained:
        env = {
            **os.environ,
            **wandb_env({"PYTHONPATH": str(SOURCE)}),
            "KERAS_BACKEND": "torch",
            "OMP_NUM_THREADS": "1",
        }
        program = [str(environment("integrations")), str(PROGRAMS / f"use_{library}.py")]
        done = subprocess.run(
            program, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        with Store(home) as store:
            settle(store)
            (made,) = store.runs()
            assert (made.state, made.project) == ("finished", library)
            rows = store.rows(
                "SELECT key, value FROM history WHERE run = ? ORDER BY key, step", (made.id,)
            )
            files = store.rows("SELECT name FROM artifact ORDER BY name")
        points: dict[str, list[object]] = {}
        for key, value in rows:
            points.setdefault(key, []).append(value)
        return Trained(made.config, made.summary, points, {name for (name,) in files})

    return run


def test_xgboost(train):
    trained = train("xgboost")
    losses = trained.points["valid-logloss"]
    assert losses == sorted(losses, reverse=True)
    assert len(losses) == len(trained.points["valid-auc"]) == 8
    assert trained.points["epoch"] == list(range(8))
    assert trained.summary["valid-auc"] == {"max": max(trained.points["valid-auc"])}
    assert trained.summary["best_iteration"] >= 0
    assert trained.summary["Feature Importance"]["_type"] == "custom-chart"
    assert trained.config["learner"]["objective"]["name"] == "binary:logistic"
    assert any(name.endswith("_model.json") for name in trained.files)


def test_lightgbm(train):
    trained = train("lightgbm")
    assert trained.points["iteration"] == list(range(6))
    assert trained.summary["valid_l2"] == {"min": min(trained.points["valid_l2"])}
    assert trained.summary["best_score"].keys() == {"valid"}
    assert trained.config["num_leaves"] == 7
    assert any(name.startswith("model_") for name in trained.files)


def test_catboost(train):
    trained = train("catboost")
    assert len(trained.points["validation-Logloss"]) == len(trained.points["learn-Logloss"]) == 6
    assert trained.points["iteration@metric-period-1"] == [1, 2, 3, 4, 5, 6]
    assert trained.config["iterations"] == 6
    assert "validation" in trained.summary["best_score"]
    assert any(name.startswith("model_") for name in trained.files)


def test_stable_baselines3(train, tmp_path):
    trained = train("sb3")
    assert trained.points["global_step"] == [64, 128, 192]
    assert len(trained.points["rollout/ep_rew_mean"]) == 3
    assert trained.config["algo"] == "PPO"
    assert trained.config["policy_type"] == "MlpPolicy"
    assert (tmp_path / "models" / "model.zip").exists()


def test_keras(train):
    trained = train("keras")
    assert trained.points["epoch/epoch"] == [0, 0, 1, 1]  # of two loggers
    assert trained.points["epoch"] == [0, 1]
    assert trained.points["batch/batch_step"] == [0, 2, 4, 6]
    assert trained.points["epoch/learning_rate"] == pytest.approx([0.05] * 4)
    assert trained.summary["best_val_loss"] == min(trained.points["epoch/val_loss"])
    assert trained.summary["val_data"]["nrows"] == trained.summary["eval_data"]["nrows"] == 4
    assert any(name.endswith("_model") for name in trained.files)


def test_scikit_learn(train):
    charts = {
        "calibration_curve",
        "class_proportions",
        "confusion_matrix",
        "elbow_curve",
        "feature_importances",
        "learning_curve",
        "outlier_candidates",
        "precision_recall",
        "residuals",
        "roc",
        "silhouette_plot",
        "summary_metrics",
    }
    summary = train("sklearn").summary
    assert charts <= summary.keys()
    assert {summary[chart]["_type"] for chart in charts} == {"custom-chart", "table-file"}
