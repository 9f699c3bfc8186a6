"""`homerun promote` and sweeps that list their configurations."""

import json

import pytest

from homerun.cli import app
from homerun.core import SpecError, config_hash
from homerun.search import Proposal, count, ends, fill
from homerun.spec import fits, from_dict
from homerun.store import Store, source_of
from tests.cli_call import attempt, call, start
from tests.finished_sweeps import finish

SPEC = {
    "method": "random",
    "name": "models",
    "command": ["true", "${args}"],
    "run_cap": 12,
    "metric": {"name": "acc", "goal": "maximize"},
    "early_terminate": {"type": "hyperband", "min_iter": 3},
    "parameters": {
        "model": {"values": ["resnet18", "vit"]},
        "size": {"values": [128, 224, 288]},
        "flip": {"values": [True, False]},
        "opt": {"parameters": {"lr": {"values": [0.1, 0.01]}, "kind": {"value": "adam"}}},
        "epochs": {"value": 3},
    },
    "homerun": {"retries": 2, "constraints": ["size != 224 or model == 'vit'"], "seed": 4},
}


def accuracy(config, _):
    """Return what makes large resnets with a small learning rate the best."""
    return config["size"] / 1000 + (config["model"] == "resnet18") / 4 - config["opt"]["lr"]


@pytest.fixture
def store(home):
    with Store(home) as found:
        yield found


@pytest.fixture
def models(store):
    return finish(store, SPEC, accuracy, n=12)


@pytest.fixture
def resnet(store, models):
    """Return the number of a run with the model resnet18."""
    runs = store.runs(sweep=models.id)
    return str(next(run.number for run in runs if run.config["model"] == "resnet18"))


def made(store, *arguments):
    """Promote, and return the sweep that was made with its runs."""
    done = call("promote", *arguments)
    record = store.sweep(done.stdout.strip())
    return record, store.runs(sweep=record.id)


# homerun promote


def test_the_best_few_run_again(store, models):
    record, runs = made(store, models.id, "--top", "2", "--repeats", "3")
    best = [one["number"] for one in json.loads(call("best", models.id, "--json").stdout)["top"]]
    assert (record.project, record.cwd, record.planned) == (models.project, models.cwd, 6)
    assert record.name == "promoted: models"
    assert [run.repeat for run in runs] == [0, 0, 1, 1, 2, 2]
    assert [store.run(source_of(store, run.id)).number for run in runs] == best[:2] * 3
    assert [run.config for run in runs[:2]] == [store.run(str(n)).config for n in best[:2]]
    assert runs[0].retries == 2
    assert runs[0].config["size"] == 288
    spec = from_dict(record.spec)
    assert (spec.metric, spec.command) == (from_dict(models.spec).metric, ("true", "${args}"))
    assert (spec.early_terminate, spec.settings.constraints) == (None, ())


def test_for_longer_on_more_seeds_with_larger_models(store, models, resnet):
    before = store.run(resnet).config
    _, runs = made(
        store,
        *(models.id, resnet, "--set", "epochs=20", "--set", "seed=1,2"),
        *("--map", "model=resnet18:resnet50"),
    )
    wanted = {**before, "epochs": 20, "model": "resnet50"}
    assert [run.config for run in runs] == [{**wanted, "seed": 1}, {**wanted, "seed": 2}]
    _, (run,) = made(store, models.id, resnet, "--set", "opt.lr=[5e-2]")
    assert run.config["opt"] == {"lr": [0.05], "kind": "adam"}


def test_configurations_that_become_the_same_run_once(store, models):
    done = call("promote", models.id, "--top", "3", "--set", "size=96", "--set", "opt.lr=0.1")
    runs = store.runs(sweep=done.stdout.strip())
    assert len({json.dumps(run.config, sort_keys=True) for run in runs}) == len(runs) < 3
    assert "it counts once" in done.stderr


def test_a_dry_run_makes_nothing(store, models, resnet):
    done = call("promote", models.id, resnet, "--set", "seed=1,2", "--dry-run")
    assert f"like run {resnet}  seed=1" in done.stdout
    assert "first  true --epochs=3" in done.stdout
    assert "seed is no parameter of models; the program is given it" in done.stdout
    assert len(store.sweeps()) == 1
    document = json.loads(call("promote", models.id, resnet, "--dry-run", "--json").stdout)
    assert (document["id"], document["planned"]) == (None, 1)
    assert document["configurations"][0]["run"] == int(resnet)


def test_an_agent_runs_it_to_its_end(store, models):
    record, _ = made(store, models.id, "--top", "1", "--repeats", "2", "--name", "again")
    done = start("agent", record.id)
    assert (done.returncode, store.sweep(record.id).state) == (0, "finished")
    assert record.name == "again"
    assert "it repeats run" in call("sweep", "--explain", str(13)).stdout


def test_of_a_function_the_next_step_is_its_agent(store):
    spec = {key: value for key, value in SPEC.items() if key != "command"}
    record = store.add_sweep(spec, project="tests", name="models")
    store.propose(record, [(fill(from_dict(spec), cursor=0, n=1).proposals[0].config, 0)], cursor=1)
    done = call("promote", record.id, "1")
    assert f"next: homerun.agent('{done.stdout.strip()}', function)" in done.stderr


def test_a_promoted_sweep_can_be_promoted(store, models):
    first, _ = made(store, models.id, "--top", "2")
    number = str(store.runs(sweep=first.id)[0].number)
    second, (run,) = made(store, first.id, number)
    assert source_of(store, run.id) == store.run(number).id
    assert second.name == "promoted: promoted: models"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--set", "epochs"], "write KEY=VALUE"),
        (["--set", "=3"], "write KEY=VALUE"),
        (["--map", "model=vit"], "write KEY=OLD:NEW"),
        (["--map", "size=999:1"], "none of the chosen runs has 999; they have 288"),
        (["--map", "none=1:2"], "no parameter of the sweep; it has epochs"),
        (["1", "--top", "2"], "--top chooses the runs"),
        (["--set", "epochs=[1"], "not valid YAML"),
    ],
)
def test_what_makes_no_sense_is_refused(store, models, arguments, text):
    done = attempt("promote", models.id, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr
    assert len(store.sweeps()) == 1


def test_runs_of_elsewhere_are_refused(store, models):
    store.add_run("alone", project="tests")
    assert "is not of sweep" in attempt("promote", models.id, "alone").stderr
    empty = finish(store, {**SPEC, "name": "empty"}, accuracy, n=0)
    assert "name the RUNs to promote" in attempt("promote", empty.id).stderr


def test_a_value_that_is_listed_cannot_be_dropped(store, models):
    record, runs = made(store, models.id, "--top", "2")
    size = runs[0].config["size"]
    done = attempt("sweep", record.id, "--set", "homerun.repeats=2")
    assert (done.returncode, store.sweep(done.stdout.strip()).planned) == (0, 4)
    again = attempt("sweep", done.stdout.strip(), "--set", f"size={size + 1}")
    assert again.returncode == 2
    assert "is none of its values" in again.stderr


def test_it_is_listed():
    assert {"best", "promote"} <= set(app.list_commands(None))


# homerun.configs


def listed(configs, **more):
    return from_dict(
        {
            "method": "grid",
            "parameters": {
                "a": {"values": [0, 1, 2, 7]},
                "b": {"parameters": {"c": {"value": 3}, "d": {"values": [{"x": 5}, 0, 1, 3]}}},
            },
            "homerun": {"configs": configs, **more.pop("homerun", {})},
            **more,
        }
    )


def test_exactly_these_are_proposed():
    sweep = listed([{"a": 1, "b.d": {"x": 5}}, {"a": 7, "b": {"c": 3, "d": 3}}])
    one, other = {"a": 1, "b": {"c": 3, "d": {"x": 5}}}, {"a": 7, "b": {"c": 3, "d": 3}}
    filled = fill(sweep, cursor=0, n=9)
    assert filled.proposals == (Proposal(one), Proposal(other))
    assert filled.exhausted
    assert count(sweep).planned == 2
    assert ends(sweep) == (Proposal(one), Proposal(other))
    assert fits(sweep, one)
    assert not fits(sweep, {**one, "a": 2})


def test_repeats_cap_and_what_was_seen():
    configs = [{"a": a, "b.d": 0} for a in range(3)]
    sweep = listed(configs, homerun={"repeats": 2}, run_cap=5)
    first = fill(sweep, cursor=0, n=2)
    rest = fill(sweep, cursor=first.cursor, n=9)
    runs = [(one.config["a"], one.repeat) for one in (*first.proposals, *rest.proposals)]
    assert runs == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)]
    assert (first.exhausted, rest.exhausted, count(sweep).planned) == (False, True, 5)
    seen = {(config_hash(first.proposals[1].config), 0)}
    again = fill(sweep, cursor=0, n=9, seen=seen)
    assert [(one.config["a"], one.repeat) for one in again.proposals] == [runs[0], *runs[2:]]


@pytest.mark.parametrize(
    ("configs", "more", "text"),
    [
        ([{"a": 1}], {}, "configs[0]: has no value of b.d"),
        ([{"a": 1, "b.d": 1, "q": 2}], {}, "'q' is no parameter of the sweep; it has a, b.c, b.d"),
        ([{"a": 1, "b.d": 1}] * 2, {}, "configs[1]: is the same configuration as configs[0]"),
        ([{"a": 9, "b.d": 1}], {}, "configs[0]: a: 9 is none of its values"),
        ([{"a": 1, "b.d": True}], {}, "b.d: True is none of its values"),
        ([], {}, "must list configurations"),
        ("all", {}, "must list configurations"),
        ([3], {}, "must name parameters and their values"),
        (
            [{"a": 1, "b.d": 1}],
            {"method": "random"},
            "goes with method: grid or custom, not random",
        ),
        ([{"a": 1, "b.d": 1}], {"homerun": {"order": "shuffle"}}, "does not go with configs:"),
    ],
)
def test_lists_that_make_no_sense_are_refused(configs, more, text):
    with pytest.raises(SpecError) as refused:
        listed(configs, **more)
    assert text in str(refused.value)
