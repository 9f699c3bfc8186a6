"""Searches of others: functions of the user, optuna's samplers and W&B's `scheduler:`."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from homerun import search, spec
from homerun.core import HomerunError, MissingExtraError, RunState, SpecError
from homerun.search import Observation, bridge, suggest_runs
from tests.environments import environment

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What tests/optuna_program.py found in a Python that has optuna."""
    program = Path(__file__).parent / "optuna_program.py"
    done = subprocess.run(
        [environment("optuna"), "-W", "error", program, tmp_path_factory.mktemp("sources")],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert not done.stderr  # optuna tells nothing of its own
    return json.loads(done.stdout)


def test_samplers_keep_to_the_space_and_learn(told):
    losses = told["samplers_keep_to_the_space"]
    assert len(losses) == 5
    for name in ("TPESampler", "CmaEsSampler"):
        first, last = losses[name]
        assert last < first


def test_samplers_see_what_runs_and_end_with_the_space(told):
    assert told["pending_ones_are_seen"] == {"distinct": 7, "at once": 7, "after": 0}


def test_one_seed_one_sequence_of_a_sampler(told):
    one, same, other = told["one_seed_one_sequence"]
    assert one == same != other
    assert len({json.dumps(config) for config in one}) == 3


def test_samplers_take_several_goals(told):
    volumes = told["several_goals"]
    assert volumes["NSGAIISampler"] > volumes["RandomSampler"]


def test_samplers_are_refused_in_one_line(told):
    refusals = told["refusals"]
    assert not any("\n" in text for text in refusals.values())
    assert "did you mean TPESampler?" in refusals["TPESample"]
    assert (
        "needs search_space; make it in a function that scheduler: names"
        in (refusals["GridSampler"])
    )
    assert refusals["GPSampler"].endswith("optuna:GPSampler needs: pip install torch")
    assert "multi-objective optimization, CmaEsSampler cannot be used" in refusals["CmaEsSampler"]


def test_scheduler_with_an_optimizer_of_the_user(told):
    found = told["schedulers"]
    assert found["by"] == "mine.py:make"
    assert len(set(found["make"])) == 12
    assert sum(abs(lr - 0.3) < 0.25 for lr in found["make"]) > 5  # where it is good
    assert [config["fold"] for config in found["plain"]] == [1, 1]
    points = {(config["lr"], config["act"]) for config in found["grid"]}
    assert points == {(lr, act) for lr in (0.1, 0.2) for act in ("relu", "gelu")}
    assert found["ends"] == [1, 0]


def test_scheduler_with_a_search_space_of_the_user(told):
    configs = told["schedulers"]["space"]
    for one in configs:
        assert set(one) == {"kind", *(["c", "deep"] if one["kind"] == "svm" else ["trees"])}
    late = configs[15:]
    assert sum(one["kind"] == "svm" for one in late) > len(late) / 2
    assert min(abs(one.get("c", 1e9) - 10) for one in late) < 5


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("wrong_way", "would maximize, and the goals are minimize loss; make them the same"),
        ("no_study", "no_study returned dict; return an optuna.Study, or"),
        ("breaks", "scheduler.optimizer: breaks: ZeroDivisionError: division by zero (mine.py:"),
        ("nobody", "nobody is not there in "),
        ("no_dict", "scheduler.search_space: no_dict returned float; return a dict of the values"),
        ("renames", "renames asked the trial for x and returned no value of that name; return"),
    ],
)
def test_functions_of_scheduler_are_checked(told, name, text):
    assert text in told["schedulers"][name]


@pytest.mark.parametrize(
    ("name", "package"), [("optuna:TPESampler", "optuna"), ("ax", "ax-platform")]
)
def test_a_missing_package_is_named(name, package):
    with pytest.raises(MissingExtraError, match=f"need: pip install {package}$"):
        bridge(name)


SWEEP = {
    "method": "bayes",
    "metric": {"name": "loss"},
    "parameters": {
        "lr": {"min": 0.0, "max": 1.0},
        "opt": {"parameters": {"name": {"values": ["adam", "sgd"]}, "eps": {"value": 1e-8}}},
        "n": {"min": 1, "max": 4},
    },
    "homerun": {"constraints": ["n < 4 or lr < 0.5"]},
}
RUNS = (
    Observation(
        config={"lr": 0.5, "opt": {"name": "adam", "eps": 1e-8}, "n": 1},
        values={"loss": 0.25},
        runtime_s=3.0,
        id="abc",
    ),
    Observation(
        config={"lr": 0.1, "opt": {"name": "adam", "eps": 1e-8}, "n": 2}, state=RunState.RUNNING
    ),
)


def asked(folder, code, *, n=2, runs=RUNS):
    """Return the configurations of a function `propose` of mysearch.py in a folder."""
    (folder / "mysearch.py").write_text(code)
    sweep = spec.from_dict({**SWEEP, "homerun": {**SWEEP["homerun"], "search": "mysearch:propose"}})
    found = suggest_runs(sweep, runs, n=n, seed="7", folder=str(folder))
    assert all(one.by == "mysearch:propose" for one in found)
    return [one.config for one in found]


def test_function_of_the_user_sees_the_runs_and_proposes(tmp_path):
    (tmp_path / "helper.py").write_text("NAMES = ['sgd', 'adam']\n")
    code = """
import json
import numpy as np
from helper import NAMES

def propose(spec, runs, rng, n):
    import helper  # the folder is on the path while it runs, too
    with open(__file__ + ".seen", "w") as file:
        json.dump([spec, runs, n], file)
    spec["parameters"].clear(), runs[0]["config"].clear()  # copies: nothing of ours is changed
    return [{"lr": np.float64(rng.random()) / 2, "opt": {"name": one}, "n": np.int64(3)}
            for one in NAMES]
"""
    configs = asked(tmp_path, code)
    assert [config["opt"] for config in configs] == [
        {"name": "sgd", "eps": 1e-8},
        {"name": "adam", "eps": 1e-8},
    ]
    assert [type(config["n"]) for config in configs] == [int, int]
    assert asked(tmp_path, code) == configs
    given, runs, n = json.loads((tmp_path / "mysearch.py.seen").read_text())
    assert given["parameters"] == SWEEP["parameters"]
    assert n == 2
    assert runs[0] == {
        "id": "abc",
        "sweep": "",
        "config": RUNS[0].config,
        "state": "finished",
        "value": 0.25,
        "values": {"loss": 0.25},
        "runtime": 3.0,
    }
    assert (runs[1]["state"], runs[1]["value"]) == ("running", None)


def test_functions_of_the_same_name_in_two_folders_are_two(tmp_path):
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        code = f"def propose(spec, runs, rng, n):\n    return [{POINT | {'n': number}}]\n"
        assert asked(folder, code) == [POINT | {"n": number}]


def test_fewer_than_asked_is_the_end(tmp_path):
    assert asked(tmp_path, "def propose(spec, runs, rng, n): return []\n") == []


POINT = {"lr": 0.25, "opt": {"name": "sgd", "eps": 1e-8}, "n": 3}
SAME = {"lr": 0.5, "opt": {"name": "adam"}, "n": 1}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("None", "returned NoneType; return a list of configurations"),
        ("[3]", "returned as number 1 int; each must be a dict of parameters"),
        ("[{'lr': 0.1, 'n': 1}]", "which lacks opt.name; give each parameter"),
        (f"[{POINT | {'lr': 2.0}}]", "with a wrong lr; give each parameter a value it may have"),
        (f"[{POINT | {'n': 'x'}}]", "with a wrong n;"),
        (f"[{POINT | {'momentum': 1}}]", "; momentum is no parameter of the sweep"),
        (f"[{POINT | {'opt': {'name': 'sgd', 'beta': 1}}}]", "; opt.beta is no parameter"),
        (f"[{POINT | {'n': 4, 'lr': 0.9}}]", "which homerun.constraints: exclude: not n < 4"),
        (f"[{POINT}, {SAME}]", "returned as number 2 a configuration that the sweep has already"),
        (f"[{POINT}, {POINT}]", "returned as number 2 a configuration that the sweep has already"),
        ("1 / 0", "ZeroDivisionError: division by zero (mysearch.py:2)"),
        ("__import__('no_such_thing')", "needs: pip install no_such_thing"),
    ],
)
def test_answers_of_the_user_are_checked(tmp_path, answer, text):
    with pytest.raises(HomerunError) as caught:
        asked(tmp_path, f"def propose(spec, runs, rng, n):\n    return {answer}\n")
    message = str(caught.value)
    assert message.startswith("sweep: homerun.search: mysearch:propose")
    assert text in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nowhere:propose", "there is no module nowhere in .*nor is one installed; write the"),
        ("json:propose", "propose is not there in .*; name a function of it"),
        ("json:__name__", "__name__ is no function in "),
    ],
)
def test_functions_that_are_not_there(tmp_path, name, text):
    sweep = spec.from_dict(SWEEP)
    with pytest.raises(SpecError, match=text):
        bridge(name, str(tmp_path))(sweep, RUNS, np.random.default_rng(0), 1)


def test_scheduler_of_wandb_is_our_own_search():
    sweep = spec.from_dict(SWEEP | {"scheduler": {"engine": "wandb"}})
    assert not sweep.notes
    (one,) = suggest_runs(sweep, RUNS, n=1, seed="1")
    assert one.by == "start"


def test_a_sweep_whose_parameters_a_function_defines():
    raw = {
        "method": "custom",
        "metric": {"name": "loss"},
        "scheduler": {"engine": "optuna", "source": "mine.py", "search_space": "space"},
        "run_cap": 9,
    }
    sweep = spec.from_dict(raw)
    assert search.count(sweep).planned == 9
    config = {"model": "svm", "deep": {"c": 1.5}}
    assert spec.placing(sweep)(config) == (config, "")
    assert spec.part_of(sweep, config) == config
    with pytest.raises(SpecError, match="goes only with engine: optuna; name the parameters"):
        search.check(spec.from_dict(raw | {"scheduler": raw["scheduler"] | {"engine": "ax"}}))
