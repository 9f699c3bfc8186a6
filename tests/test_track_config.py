"""run.config: every way in, no silent change, values of a sweep are locked, secrets marked."""

import json
from argparse import Namespace
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import numpy as np
import pytest

import homerun
from homerun.core import ConfigError, UsageError
from homerun.store import Store, fold
from tests.track_program import only_run


@pytest.fixture
def run(home):
    with homerun.init(project="p", config={"a": 1, "model": {"depth": 3}}) as run:
        yield run


def test_items_and_attributes_are_the_same(home, run):
    config = run.config
    config.b = 2
    config["c"] = 3
    assert (config["b"], config.c, config.get("d", 4)) == (2, 3, 4)
    assert list(config) == list(config.keys()) == ["a", "model", "b", "c"]
    assert dict(config.items()) == dict(config) == config.as_dict()
    assert "b" in config
    assert len(config) == 4
    assert vars(config)["_items"] == config.as_dict()
    with pytest.raises(AttributeError, match="no key 'nothing'"):
        _ = config.nothing
    with pytest.raises(KeyError):
        _ = config["nothing"]
    run.finish()
    assert only_run(home).config == {"a": 1, "model": {"depth": 3}, "b": 2, "c": 3}


@dataclass
class Options:
    a: int = 5
    sizes: list[int] = field(default_factory=lambda: [1, 2])


class Colour(Enum):
    RED = "red"


FORMS = {
    "dict": ({"a": 5}, {"a": 5}),
    "namespace": (Namespace(a=5, b=None), {"a": 5, "b": None}),
    "dataclass": (Options(), {"a": 5, "sizes": [1, 2]}),
    "nested": ({"x": {"y": {"z": 1}}}, {"x": {"y": {"z": 1}}}),
    "numpy": ({"v": np.float32(0.5), "w": np.arange(2)}, {"v": 0.5, "w": [0, 1]}),
    "set and tuple": ({"s": {2, 1}, "t": (1, "x")}, {"s": [1, 2], "t": [1, "x"]}),
    "path and enum": ({"p": Path("a/b"), "e": Colour.RED}, {"p": "a/b", "e": "red"}),
    "function": ({"f": np.linspace}, {"f": "numpy.linspace"}),
    "dataclass inside": ({"o": Options()}, {"o": {"a": 5, "sizes": [1, 2]}}),
    "numbers as keys": ({1: "one"}, {"1": "one"}),
}


@pytest.mark.parametrize(("given", "stored"), FORMS.values(), ids=FORMS)
def test_many_kinds_of_configuration(home, given, stored):
    with homerun.init(project="p", config=given) as run:
        for key, value in run.config.items():
            held = given[key] if isinstance(given, dict) and key in given else None
            assert held is None or value is held  # the program sees what it gave
    assert only_run(home).config == stored


@pytest.mark.parametrize(
    "text", ["lr: 1e-4\nname: no\n", "wandb_version: 1\nlr: {value: 1e-4}\nname: {value: 'no'}\n"]
)
def test_a_yaml_file(home, tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with homerun.init(project="p", config=str(tmp_path / "config.yaml")) as run:
        assert run.config.as_dict() == {"lr": 1e-4, "name": "no"}


def test_a_bad_yaml_file_is_one_line(home, tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        homerun.init(config=str(tmp_path / "none.yaml"))
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(UsageError, match="key: value"):
        homerun.init(config=str(tmp_path / "list.yaml"))


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"config_exclude_keys": ["a"]}, {"b", "c"}),
        ({"config_include_keys": ["a", "c"]}, {"a", "c"}),
        ({"config_include_keys": "a,b"}, {"a", "b"}),
    ],
)
def test_keys_can_be_chosen(home, options, keys):
    with homerun.init(project="p", config={"a": 1, "b": 2, "c": 3}, **options) as run:
        assert set(run.config) == keys


def test_including_and_excluding_is_refused(home):
    with pytest.raises(UsageError, match="use one of them"):
        homerun.init(config={}, config_exclude_keys=["a"], config_include_keys=["b"])


def test_a_changed_value_is_refused_in_wandbs_words(home, run):
    message = 'Attempted to change value of key "a" from 1 to 2'
    for change in (
        lambda: run.config.update({"new": 0, "a": 2}),
        lambda: run.config.__setitem__("a", 2),
        lambda: setattr(run.config, "a", 2),
    ):
        with pytest.raises(ConfigError, match=message):
            change()
    assert run.config.as_dict() == {"a": 1, "model": {"depth": 3}}
    run.config.update({"a": 1, "model": {"depth": 3}})  # no change
    run.config.update(Namespace(a=2), allow_val_change=True)
    run.finish()
    assert only_run(home).config["a"] == 2


def test_change_can_be_allowed_from_the_start(home):
    with homerun.init(project="p", config={"a": 1}, allow_val_change=True) as run:
        run.config.a = 2
        assert run.config.a == 2


def test_defaults_fill_gaps_only(run):
    run.config.setdefaults({"a": 9, "b": 9})
    assert (run.config.a, run.config.b) == (1, 9)


def test_a_change_deep_inside_is_recorded_at_the_end(home, run):
    run.config["model"]["depth"] = 4
    run.finish()
    assert only_run(home).config["model"] == {"depth": 4}


def claimed(home, config, **environ):
    """Claim a run of a sweep as an agent does, and write the file with its values."""
    with Store(home) as store:
        sweep = store.add_sweep({"method": "grid", "parameters": {}}, project="swept")
        store.propose(sweep, [(config, 0)], cursor=1)
        run = store.claim(sweep.id, agent="")
        (store.folder(run.id).make().path / "config.json").write_text(json.dumps(config))
    return run


@pytest.fixture
def swept(home, monkeypatch):
    run = claimed(home, {"lr": 0.1, "opt": {"name": "adam"}})
    monkeypatch.setenv("HOMERUN_RUN_ID", run.id)
    monkeypatch.setenv("HOMERUN_PROJECT", "swept")
    monkeypatch.setenv("WANDB_DIR", str(home / "runs" / run.id))
    return run


def test_values_of_a_sweep_win_and_stay(home, swept, capsys):
    given = {"lr": 0.5, "opt": {"name": "sgd", "beta": 0.9}, "epochs": 3}
    with homerun.init(project="other", id="mine", config=given) as run:
        assert (run.id, run.project, run.sweep_id) == (swept.id, "swept", swept.sweep)
        expected = {"lr": 0.1, "opt": {"name": "adam", "beta": 0.9}, "epochs": 3}
        assert run.config.as_dict() == expected
        run.config.lr = 7
        run.config.update({"lr": 8, "extra": 1}, allow_val_change=True)
        run.config.setdefaults({"lr": 9})
        assert run.config.lr == 0.1
    said = capsys.readouterr().err
    assert "init(id='mine') is ignored" in said
    assert "init(project='other') is ignored" in said
    assert "finished" not in said  # the supervisor tells how it ended
    with Store(home) as store:
        fold(store, run.id)
        recorded = store.run(run.id)
    assert recorded.config == {**expected, "extra": 1}
    assert recorded.state == "running"


def test_wandbs_own_agent_is_understood(home, tmp_path, monkeypatch):
    path = tmp_path / "config.yaml"
    path.write_text("wandb_version: 1\nlr: {value: 1e-3}\n")
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep1")
    monkeypatch.setenv("WANDB_RUN_ID", "run1")
    monkeypatch.setenv("WANDB_SWEEP_PARAM_PATH", str(path))
    with homerun.init(config={"lr": 5, "b": 1}) as run:
        assert (run.id, run.sweep_id) == ("run1", "sweep1")
        assert run.config.as_dict() == {"lr": 0.001, "b": 1}


def test_config_before_init(home):
    early = homerun.config
    with pytest.raises(
        UsageError, match=r"You must call homerun.init\(\) before homerun.config.lr"
    ):
        _ = early.lr
    with pytest.raises(UsageError, match=r"before homerun.summary"):
        homerun.summary["x"] = 1
    with homerun.init(project="p", config={"lr": 1}) as run:
        assert early.lr == early["lr"] == homerun.config.lr == 1
        early.b = 2
        assert run.config.b == 2
        assert homerun.config is run.config
        assert homerun.summary is run.summary
