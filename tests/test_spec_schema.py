"""W&B's schema and the key `homerun:`: what is accepted, what it means, what is refused."""

from pathlib import Path
from typing import Any

import pytest

from homerun import search, spec
from homerun.core import SpecError

FILES = Path(__file__).parent / "sweeps"
PLAIN = {"method": "random", "parameters": {"x": {"values": [1, 2]}}}


def sweep(**keys):
    return spec.from_dict({**PLAIN, **keys})


def parameter(**keys):
    (found,) = spec.from_dict({"method": "random", "parameters": {"x": keys}}).parameters
    return found


def refusal(mapping):
    with pytest.raises(SpecError) as caught:
        spec.from_dict(mapping)
    return str(caught.value)


@pytest.mark.parametrize(("name", "runs"), [("one_rate", 1020), ("two_rates", 2040)])
def test_real_sweeps(name, runs):
    real = spec.load(FILES / f"{name}.yaml")
    assert search.count(real) == search.Count(points=runs, excluded=0, planned=runs)
    filled = search.fill(real, cursor=0, n=5000)
    assert len(filled.proposals) == runs
    assert filled.exhausted
    models = {proposal.config["model_name"] for proposal in filled.proposals}
    assert len(models) == 85


def test_every_top_level_key():
    full = spec.parse("""
apiVersion: v1
kind: sweep
method: custom
name: crop or squish
description: two ways to resize
entity: me
project: pets
program: train.py
job: a/b/c:latest
image_uri: registry/image:1
command: [nice, -n, 10, "${program}"]
run_cap: 40
metrics: [{name: error}, {name: seconds, goal: minimize, target: 3}]
controller: {type: cloud, anything: else}
scheduler: {engine: optuna, source: opt.py, optimizer: make, search_space: space}
parameters:
  lr: {value: 0.1}
""")
    assert (full.name, full.description, full.entity) == (
        "crop or squish",
        "two ways to resize",
        "me",
    )
    assert (full.project, full.program, full.run_cap) == ("pets", "train.py", 40)
    assert full.command == ("nice", "-n", "10", "${program}")
    assert full.metrics == (spec.Metric(name="error"), spec.Metric(name="seconds", target=3))
    assert full.scheduler == spec.Scheduler(
        engine="optuna", source="opt.py", optimizer="make", search_space="space"
    )
    explained = {note.split(":")[0] for note in full.notes}
    assert explained == {
        *("job", "image_uri", "entity", "apiVersion", "kind", "controller"),
    }


def test_defaults():
    found = sweep()
    assert found.command == ("${env}", "${interpreter}", "${program}", "${args}")
    assert found.settings == spec.Settings(
        seed=0,
        repeats=1,
        order="grid",
        retries=0,
        timeout_s=None,
        slots=None,
        gpus=None,
        max_failures=5,
        args_style="underscore",
        constraints=(),
    )
    assert (found.metric, found.run_cap, found.early_terminate, found.notes) == (
        None,
        None,
        None,
        (),
    )
    assert sweep(metric={"name": "loss"}).metric == spec.Metric(
        name="loss",
        goal="minimize",
        target=None,
        impute="worst",
        impute_while_running="false",
    )


def test_hyperband():
    metric = {"name": "loss", "goal": "maximize"}
    early = {"type": "hyperband", "min_iter": 3}
    found = sweep(metric=metric, early_terminate=early).early_terminate
    assert found == spec.Hyperband(min_iter=3, max_iter=None, s=None, eta=3, strict=True)
    early = {"type": "hyperband", "max_iter": 27, "s": 2, "eta": 2.5, "strict": False}
    found = sweep(metric=metric, early_terminate=early)
    assert found.early_terminate == spec.Hyperband(max_iter=27, s=2, eta=2.5, strict=False)
    assert found.notes == ()
    assert found.rule == found.early_terminate
    early = {"type": "hyperband", "max_iter": 2, "s": 1}
    (note,) = sweep(metric=metric, early_terminate=early).notes
    assert note == "early_terminate: has no band: max_iter / eta is below 1, so no run is stopped"


def test_rules_of_our_own():
    metric = {"name": "loss"}
    found = sweep(metric=metric, homerun={"early_terminate": {"type": "median"}})
    assert found.rule == spec.Median(
        min_runs=4, min_fraction=0.2, min_iter=1, budget=None, patience=1
    )
    assert found.notes == ()
    rule = {"type": "asha", "min_runs": 6, "min_fraction": 0.1, "min_iter": 3, "eta": 2}
    found = sweep(metric=metric, homerun={"early_terminate": {**rule, "budget": "epochs"}})
    assert found.rule == spec.Asha(min_runs=6, min_fraction=0.1, min_iter=3, eta=2, budget="epochs")
    (note,) = found.notes
    assert note.startswith("homerun.early_terminate.budget: epochs is no parameter; where the")
    rule = {"type": "median", "budget": next(iter(PLAIN["parameters"]))}
    assert sweep(metric=metric, homerun={"early_terminate": rule}).notes == ()
    rule = {"type": "median", "budget": 12.5, "patience": 0}
    assert sweep(metric=metric, homerun={"early_terminate": rule}).rule.budget == 12.5


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (None, ": is None; write `{type: median}` or `{type: asha}`"),
        ({}, ".type: None is unknown; use one of median, asha"),
        ({"type": "hyperband"}, ": type hyperband is W&B's own: move it out of homerun:"),
        ({"type": "median", "eta": 3}, ".eta: is unknown; median takes type, min_runs"),
        ({"type": "asha", "patience": 1}, ".patience: is unknown; asha takes type, min_runs"),
        ({"type": "asha", "min_run": 1}, "; did you mean 'min_runs'?"),
        ({"type": "asha", "eta": 1}, ".eta: must be above 1, not 1"),
        ({"type": "median", "min_runs": 0}, ".min_runs: must be a whole number of at least 1"),
        ({"type": "median", "min_iter": 0}, ".min_iter: must be a whole number of at least 1"),
        ({"type": "median", "patience": -1}, ".patience: must be a whole number of at least 0"),
        ({"type": "median", "min_fraction": 1}, ".min_fraction: must be above 0 and below 1"),
        ({"type": "median", "min_fraction": "x"}, ".min_fraction: must be a number, not 'x'"),
        ({"type": "median", "budget": 0}, ".budget: must be at least 1, not 0"),
        ({"type": "median", "budget": True}, ".budget: must be a number of logged values, or"),
        ({"type": "median", "budget": " "}, ".budget: must be a number of logged values, or"),
        ({"type": "median", "budget": float("inf")}, ".budget: must be a finite number"),
    ],
)
def test_refused_rules(rule, told):
    keys = {"metric": {"name": "x"}, "homerun": {"early_terminate": rule}}
    assert f"homerun.early_terminate{told}" in refusal({**PLAIN, **keys}) or told[0] == ";"
    assert told in refusal({**PLAIN, **keys})


def test_rules_do_not_mix_and_need_a_metric():
    ours = {"homerun": {"early_terminate": {"type": "median"}}}
    assert "homerun.early_terminate: needs metric:" in refusal({**PLAIN, **ours})
    both = {"early_terminate": {"type": "hyperband", "min_iter": 1}, "metric": {"name": "x"}}
    assert "does not go with W&B's early_terminate:" in refusal({**PLAIN, **ours, **both})


def test_all_settings():
    found = sweep(
        homerun={
            "seed": -3,
            "repeats": 2,
            "order": "balanced",
            "retries": 1,
            "timeout": "1h30m",
            "slots": 4,
            "gpus": 0,
            "max_failures": 0,
            "args_style": "hyphen",
            "constraints": ["x == 1"],
        }
    )
    (constraint,) = found.settings.constraints
    assert constraint.text == "x == 1"
    assert found.settings == spec.Settings(
        seed=-3,
        repeats=2,
        order="balanced",
        retries=1,
        timeout_s=5400.0,
        slots=4,
        gpus=0,
        max_failures=0,
        args_style="hyphen",
        constraints=(constraint,),
    )
    assert found.notes == ("homerun.order: only orders a grid; other methods choose their own",)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (30, 30),
        (0.5, 0.5),
        ("90s", 90),
        ("30m", 1800),
        ("4h", 14400),
        ("1d", 86400),
        ("1.5h", 5400),
    ],
)
def test_timeouts(given, seconds):
    assert sweep(homerun={"timeout": given}).settings.timeout_s == seconds


@pytest.mark.parametrize(
    ("keys", "distribution"),
    [
        ({"value": [1, {"a": None}]}, "constant"),
        ({"values": [0]}, "categorical"),
        ({"values": ["a", "b"], "probabilities": [0.25, 0.75]}, "categorical_w_probabilities"),
        ({"min": 1, "max": 5}, "int_uniform"),
        ({"min": 1.0, "max": 5.0}, "uniform"),
        ({"min": 1, "max": 5.5}, "uniform"),
        ({"min": 0.5, "max": 5}, "uniform"),
    ],
)
def test_implied_distributions(keys, distribution):
    assert parameter(**keys).distribution == distribution
    assert parameter(**keys, distribution=distribution) == parameter(**keys)


@pytest.mark.parametrize("name", spec.DISTRIBUTIONS)
def test_each_distribution_by_name(name):
    keys: dict[str, dict[str, Any]] = {
        "constant": {"value": 0},
        "categorical": {"values": [0, False, None]},
        "categorical_w_probabilities": {"values": [1, 2], "probabilities": [1, 0]},
    }
    bounds = {"min": 1, "max": 3} if "uniform" in name else {}
    found = parameter(distribution=name, **keys.get(name, bounds))
    assert found.distribution == name
    assert (found.mu, found.sigma, found.a, found.b, found.q) == (0, 1, 1, 1, 1)
    more: dict[str, float] = {"q": 2} if name.startswith("q_") else {}
    more |= {"mu": 3, "sigma": 2} if "normal" in name else {}
    more |= {"a": 2, "b": 5} if "beta" in name else {}
    if name == "q_beta":
        more["q"] = 0.5
    assert parameter(distribution=name, **keys.get(name, bounds), **more)


def test_nested_parameters_are_sorted_at_each_level():
    found = spec.from_dict(
        {
            "method": "grid",
            "parameters": {
                "z": {"value": 1},
                "opt": {
                    "parameters": {
                        "wd": {"values": [0, 1]},
                        "adam": {"parameters": {"eps": {"value": 1}}},
                    }
                },
                "Batch": {"value": 2},
            },
        }
    )
    assert [p.name for p in found.parameters] == ["Batch", "opt.adam.eps", "opt.wd", "z"]
    assert search.fill(found, cursor=0, n=1).proposals[0].config == {
        "Batch": 2,
        "opt": {"adam": {"eps": 1}, "wd": 0},
        "z": 1,
    }


def test_exponents_are_explained():
    (note,) = spec.from_dict(
        {
            "method": "random",
            "parameters": {"lr": {"distribution": "log_uniform", "min": -9.21, "max": 0}},
        }
    ).notes
    assert note == (
        "parameters.lr: log_uniform takes base-e exponents, so values lie between 0.0001 and 1; "
        "use log_uniform_values to give the values themselves"
    )


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"parametrs": {}}, "parametrs: is unknown; use method, parameters, metric"),
        ({"parametrs": {}}, "; did you mean 'parameters'?"),
        (
            {"method": "gird"},
            "method: 'gird' is unknown; use one of grid, random, bayes, custom; did",
        ),
        ({"method": 3}, "method: 3 is unknown"),
        ({"kind": "sweeps"}, "kind: 'sweeps' is unknown; use sweep"),
        ({"program": ""}, "program: is empty; give a text or remove the line"),
        ({"project": None}, "project: is empty"),
        ({"name": 2024}, "name: must be text, not 2024; put it in quotes"),
        ({"run_cap": 0}, "run_cap: must be a whole number of at least 1, not 0"),
        ({"run_cap": 2.5}, "run_cap: must be a whole number"),
        ({"run_cap": True}, "run_cap: must be a whole number"),
        ({"run_cap": 2**63}, "is too large; use at most 9223372036854775807"),
        ({"command": "python train.py"}, "command: must be a list such as"),
        ({"command": ["python", None]}, "command[1]: must be text or a number, not None"),
        ({"command": [["python"]]}, "command[0]: must be text or a number"),
        ({"metric": {"goal": "minimize"}}, "metric: has no name: the key your program logs"),
        (
            {"metric": {"name": "x", "goal": "min"}},
            "metric.goal: 'min' is unknown; use one of mini",
        ),
        (
            {"metric": {"name": "x", "target": "0.9"}},
            "metric.target: must be a number, not '0.9'; re",
        ),
        ({"metric": {"name": "x", "imput": "best"}}, "metric.imput: is unknown; use name, goal"),
        ({"metric": "loss"}, "metric: is 'loss'; a metric needs keys such as name:"),
        ({"metrics": [{"name": "x"}]}, "metrics: goes only with method: custom"),
        (
            {"method": "custom", "metrics": [{"name": "x"}]},
            "metrics: must list at least two metrics",
        ),
        ({"metric": {"name": "x"}, "metrics": []}, "metrics: does not go with metric:"),
        ({"method": "bayes"}, "method bayes needs metric:"),
        (
            {"controller": {"type": "remote"}},
            "controller.type: 'remote' is unknown; use one of cloud",
        ),
        ({"controller": "local"}, "controller: is 'local'; write `controller: {type: local}`"),
        (
            {"scheduler": {"engine": "optuna"}},
            "scheduler.engine: optuna goes with method custom, not",
        ),
        (
            {"scheduler": {"engine": "hyperopt"}},
            "scheduler.engine: 'hyperopt' is unknown; use one of",
        ),
        ({"scheduler": {"engine": "wandb", "optimizer": "f"}}, "scheduler: needs source:"),
        (
            {"scheduler": {"engine": "wandb"}, "controller": {"type": "local"}},
            "scheduler: does not go with controller type local",
        ),
        (
            {"scheduler": {"engine": "wandb"}, "early_terminate": {"type": "hyperband"}},
            "early_terminate: does not go with scheduler:",
        ),
        ({"homerun": None}, "homerun: is None; give settings such as `seed: 1` below it"),
        ({"homerun": {"sead": 1}}, "homerun.sead: is unknown; use seed, repeats"),
        ({"homerun": {"sead": 1}}, "; did you mean 'seed'?"),
        ({"homerun": {"seed": "1"}}, "homerun.seed: must be a whole number, not '1'"),
        (
            {"homerun": {"repeats": 0}},
            "homerun.repeats: must be a whole number of at least 1, not 0",
        ),
        ({"homerun": {"gpus": -1}}, "homerun.gpus: must be a whole number of at least 0, not -1"),
        ({"homerun": {"slots": True}}, "homerun.slots: must be a whole number of at least 1"),
        (
            {"homerun": {"order": "random"}},
            "homerun.order: 'random' is unknown; use one of grid, shu",
        ),
        (
            {"homerun": {"args_style": "-"}},
            "homerun.args_style: '-' is unknown; use one of undersc",
        ),
        (
            {"homerun": {"timeout": "5 minutes"}},
            "homerun.timeout: must be seconds above 0, or text",
        ),
        ({"homerun": {"timeout": 0}}, "homerun.timeout: must be seconds above 0"),
        ({"homerun": {"timeout": float("nan")}}, "homerun.timeout: must be seconds above 0"),
        ({"homerun": {"constraints": "x > 1"}}, "homerun.constraints: is 'x > 1'; give a list of"),
    ],
)
def test_refused_keys(keys, told):
    assert told in refusal({**PLAIN, **keys})


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({}, "early_terminate.type: None is unknown; use hyperband"),
        ({"type": "median"}, "early_terminate.type: 'median' is unknown; use hyperband, or write"),
        (
            {"type": "hyperband"},
            "early_terminate: hyperband needs min_iter, or both max_iter and s",
        ),
        ({"type": "hyperband", "max_iter": 9}, "early_terminate: hyperband needs min_iter"),
        (
            {"type": "hyperband", "min_iter": 0},
            "early_terminate.min_iter: must be a whole number of",
        ),
        ({"type": "hyperband", "min_iter": 1, "max_iter": 9}, "early_terminate.max_iter: needs s:"),
        (
            {"type": "hyperband", "min_iter": 1, "eta": 1},
            "early_terminate.eta: must be above 1, not 1",
        ),
        (
            {"type": "hyperband", "max_iter": 9, "s": 0},
            "early_terminate.s: must be at least 1, not 0",
        ),
        (
            {"type": "hyperband", "min_iter": 1, "strict": "no"},
            "strict: must be true or false, not",
        ),
        ({"type": "hyperband", "min_it": 1}, "early_terminate.min_it: is unknown"),
    ],
)
def test_refused_hyperband(rule, told):
    assert told in refusal({**PLAIN, "metric": {"name": "x"}, "early_terminate": rule})


def test_hyperband_needs_a_metric():
    rule = {"type": "hyperband", "min_iter": 1}
    assert "early_terminate: needs metric:" in refusal({**PLAIN, "early_terminate": rule})


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, "parameters.x: needs value, values, both min and max, or a distribution"),
        (0.1, "parameters.x: is 0.1; write {value: 0.1} for one fixed value"),
        ([1, 2], "parameters.x: is a list; write {values: [...]} to sweep over it"),
        ({"lr": {"value": 1}}, "parameters.x.lr: is unknown; use value, values"),
        ({"vales": [1]}, "did you mean 'values'?"),
        ({"values": []}, "parameters.x.values: is []; give a list of at least one value"),
        ({"values": "abc"}, "parameters.x.values: is 'abc'; give a list"),
        (
            {"value": 1, "values": [1]},
            "parameters.x.values: does not go with constant, which takes va",
        ),
        ({"min": 1}, "parameters.x: needs value, values, both min and max, or a distribution"),
        ({"min": 2, "max": 1}, "parameters.x.min: 2 must be less than max, 1"),
        ({"min": 1, "max": 1}, "parameters.x.min: 1 must be less than max, 1"),
        ({"min": True, "max": 3}, "parameters.x.min: must be a number, not True"),
        (
            {"min": "1e-4", "max": 3},
            "parameters.x.min: must be a number, not '1e-4'; remove the quotes",
        ),
        ({"min": 0.0, "max": float("inf")}, "parameters.x.max: must be a finite number, not inf"),
        (
            {"min": 1, "max": 3, "q": 1},
            "parameters.x: has q but no distribution; add `distribution: q_",
        ),
        ({"mu": 1}, "parameters.x: has mu but no distribution; add `distribution: normal`"),
        (
            {"min": 1, "max": 9, "distribution": "normal"},
            "x.min: does not go with normal, which takes",
        ),
        ({"distribution": "uniform"}, "parameters.x: uniform needs min and max"),
        (
            {"distribution": "unifrom", "min": 1, "max": 2},
            "'unifrom' is unknown; use one of constant",
        ),
        (
            {"distribution": "int_uniform", "min": 1, "max": 2.5},
            "x.max: must be a whole number, not 2.5",
        ),
        (
            {"distribution": "log_uniform_values", "min": 0, "max": 1},
            "x.min: must be above 0 for log_un",
        ),
        (
            {"distribution": "log_uniform", "min": 1, "max": 2000},
            "e**2000 is too large; use log_uniform_",
        ),
        (
            {"distribution": "normal", "sigma": 0},
            "x.sigma: must be above 0, not 0; use value: for a",
        ),
        ({"distribution": "log_normal", "mu": 800}, "mu 800 and sigma 1.0 give values too large"),
        ({"distribution": "beta", "a": 0}, "parameters.x.a: must be from 0.01 to 1e6, not 0"),
        (
            {"distribution": "q_uniform", "min": 1, "max": 4, "q": 5},
            "no multiple of 5 lies between 1 a",
        ),
        ({"distribution": "q_uniform", "min": 0, "max": 1, "q": 0}, "x.q: must be above 0, not 0"),
        (
            {"distribution": "q_normal", "q": 1e-320},
            "1e-320 is too small a step for values up to 9",
        ),
        ({"values": [1, 2], "probabilities": [1]}, "x.probabilities: has 1 numbers for 2 values"),
        ({"values": [1, 2], "probabilities": [0.5, 0.6]}, "add up to 1.1; they must add up to 1"),
        ({"values": [1, 2], "probabilities": [-1, 2]}, "has -1; a probability is at least 0"),
        (
            {"values": [1, 2], "probabilities": 0.5},
            "x.probabilities: is 0.5; give a list of numbers",
        ),
        ({"parameters": {}}, "parameters.x.parameters: must name at least one parameter"),
        (
            {"parameters": {"y": {"value": 1}}, "value": 2},
            "x.value: does not go with parameters: on the",
        ),
        ({"parameters": {"y": 2}}, "parameters.x.parameters.y: is 2; write {value: 2}"),
    ],
)
def test_refused_parameters(keys, told):
    assert told in refusal({"method": "random", "parameters": {"x": keys}})


@pytest.mark.parametrize("name", ["1x", "-x", "a b", "x;rm", "é", "", "a\n", ".x"])
def test_refused_names(name):
    assert "cannot be a parameter's name" in refusal(
        {"method": "random", "parameters": {name: {"value": 1}}}
    )


def test_refused_spaces():
    assert "parameters: must name at least one" in refusal({"method": "grid", "parameters": {}})
    assert "has no parameters:" in refusal({"method": "grid"})
    assert "has no method:; use one of grid" in refusal({"parameters": {"x": {"value": 1}}})
    assert "two parameters are called a.b; rename one" in refusal(
        {
            "method": "grid",
            "parameters": {"a.b": {"value": 1}, "a": {"parameters": {"b": {"value": 1}}}},
        }
    )


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            {"min": 0.1, "max": 1},
            "x: uniform cannot be in a grid, which takes constant, categorical, ",
        ),
        ({"distribution": "normal"}, "normal cannot be in a grid"),
        (
            {"values": [1, 2], "probabilities": [0.5, 0.5]},
            "categorical_w_probabilities cannot be in a grid, which takes constant, categorical, "
            "int_uniform, q_uniform; remove probabilities:, or use method: random",
        ),
    ],
)
def test_refused_in_a_grid(keys, told):
    grid = {"method": "grid", "parameters": {"y": {"parameters": {"x": keys}}}}
    assert f"parameters.y.parameters.{told}" in refusal(grid) or told in refusal(grid)


def test_search_space_by_scheduler_needs_no_parameters():
    found = spec.from_dict(
        {"method": "custom", "scheduler": {"engine": "ax", "source": "a.py", "search_space": "f"}}
    )
    assert found.parameters == ()


def test_a_custom_search_needs_something_to_go_for():
    with pytest.raises(SpecError, match="method custom needs metric: or metrics:"):
        search.check(sweep(method="custom"))
    search.check(sweep(method="custom", homerun={"search": "mylab:halton"}))
