"""The command line and parameter files of a run: W&B's macros, literally."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given

from homerun import spec
from homerun.core import SpecError
from tests.sweep_strategies import TEXTS, VALUES

CONFIG = {"flag": False, "lr": 0.1, "opt": {"a": 1}}
FOLDER = Path("/data/pets")


def argv(*command, config=CONFIG, environ=None, program="train.py", **settings):
    """Return what these items of `command:` become."""
    sweep = spec.from_dict(
        {
            "method": "grid",
            "parameters": {"x": {"value": 1}},
            "command": list(command),
            **({"program": program} if program else {}),
            "homerun": settings,
        }
    )
    return spec.command_line(
        sweep, config, run_id="RID", sweep_id="SID", folder=FOLDER, environ=environ or {}
    )


@pytest.mark.parametrize(
    ("macro", "gives"),
    [
        ("${env}", ["/usr/bin/env"]),
        ("${interpreter}", ["python"]),
        ("${program}", ["train.py"]),
        ("${args}", ["--flag=False", "--lr=0.1", "--opt={'a': 1}"]),
        ("${args_no_hyphens}", ["flag=False", "lr=0.1", "opt={'a': 1}"]),
        ("${args_no_boolean_flags}", ["--lr=0.1", "--opt={'a': 1}"]),
        ("${args_json}", ['{"flag": false, "lr": 0.1, "opt": {"a": 1}}']),
        ("${args_json_file}", ["/data/pets/wandb/sweep-SID/config-RID.json"]),
        ("${args_no_equals}", ["--flag", "False", "--lr", "0.1", "--opt", "{'a': 1}"]),
        ("${args_append_hydra}", ["+flag=False", "+lr=0.1", "+opt={'a': 1}"]),
        ("${args_override_hydra}", ["++flag=False", "++lr=0.1", "++opt={'a': 1}"]),
    ],
)
def test_macros(macro, gives):
    assert argv("run", macro, "end") == ["run", *gives, "end"]


def test_default_command():
    args = ["--flag=False", "--lr=0.1", "--opt={'a': 1}"]
    assert argv() == ["/usr/bin/env", "python", "train.py", *args]


def test_true_flags_stand_alone():
    config = {"fast": True, "slow": False, "one": 1, "zero": 0, "none": None}
    assert argv("${args_no_boolean_flags}", config=config) == [
        *("--fast", "--one=1", "--zero=0", "--none=None"),
    ]


def test_macros_only_as_whole_items():
    assert argv("run", "pre${args}", "${args} ", "${nothing}", 3, True, 0.5) == [
        *("run", "pre${args}", "${args} ", "3", "True", "0.5"),
    ]


def test_odd_macros_are_remarked():
    sweep = spec.parse("""
method: grid
parameters: {x: {value: 1}}
command: [python, "pre${args}", "${arg}", "${envvar:HOME}/${x}"]
""")
    assert sweep.notes == (
        "command[1]: ${args} stays as it is: a macro must be a whole item",
        "command[2]: ${arg} is no macro and vanishes, as in W&B; did you mean '${args}'?",
    )


def test_environment_variables():
    environ = {"DATA": "/data/a b", "X_1": "${args}"}
    assert argv("${envvar:DATA}", "--d=${envvar:DATA}/x/${envvar:DATA}", environ=environ) == [
        *("/data/a b", "--d=/data/a b/x//data/a b"),
    ]
    assert argv("${envvar:UNSET}", "a-${envvar:UNSET}-b") == ["UNSET", "a-UNSET-b"]
    assert argv("x", "${envvar:lower}", "a${envvar:lower}") == ["x", "a${envvar:lower}"]


def test_hyphens():
    config = {"learning_rate": 0.1, "use_gpu": True}
    given = ["${args}", "${args_no_equals}", "${args_no_boolean_flags}"]
    assert argv(*given, config=config, args_style="hyphen") == [
        *("--learning-rate=0.1", "--use-gpu=True"),
        *("--learning-rate", "0.1", "--use-gpu", "True"),
        *("--learning-rate=0.1", "--use-gpu"),
    ]
    # These name configuration keys, not arguments.
    keys = ["${args_no_hyphens}", "${args_append_hydra}", "${args_json}"]
    assert argv(*keys, config={"a_b": 1}, args_style="hyphen") == ["a_b=1", "+a_b=1", '{"a_b": 1}']


@pytest.mark.parametrize(
    "value",
    ["; rm -rf ~", "$(reboot)", "a\nb", "-rf", "--", "'", '"', "", " ", "*", "é", "${args}"],
)
def test_a_value_is_one_item_and_no_shell_reads_it(value):
    (item,) = argv("${args_no_hyphens}", config={"x": value})
    assert item == f"x={value}"
    echo = "import json, sys; print(json.dumps(sys.argv[1:]))"
    told = subprocess.run([sys.executable, "-c", echo, item], capture_output=True, check=True)
    assert json.loads(told.stdout) == [item]


def test_a_program_is_needed_only_where_it_is_named():
    assert argv("bash", "run.sh", program=None) == ["bash", "run.sh"]
    with pytest.raises(SpecError, match=r"sweep: has no program:; name the script to run"):
        argv(program=None)
    with pytest.raises(SpecError, match="comes out empty"):
        argv("${nothing}")


def test_parameter_files():
    files = spec.parameter_files(FOLDER, run_id="RID", sweep_id="SID")
    assert files.yaml == FOLDER / "wandb" / "sweep-SID" / "config-RID.yaml"
    assert files.json == FOLDER / "wandb" / "sweep-SID" / "config-RID.json"
    assert spec.parameter_yaml({"lr": 0.1, "opt": {"a": [1, None]}, "n": "1e-5"}) == (
        "wandb_version: 1\n\nlr:\n  value: 0.1\nopt:\n  value:\n    a:\n    - 1\n    - null\n"
        "n:\n  value: '1e-5'\n"
    )
    assert spec.parameter_yaml({}) == "wandb_version: 1"
    assert spec.parameter_json({"lr": 0.1}) == '{"lr": 0.1}'


@given(VALUES)
def test_parameter_files_keep_every_value(value):
    config = {"x": value, "y": value}
    assert json.loads(spec.parameter_json(config)) == config
    text = spec.parameter_yaml(config)
    wrapped = {"x": {"value": value}, "y": {"value": value}}
    assert yaml.safe_load(text) == {"wandb_version": 1, **wrapped}  # as W&B reads it
    body = text.removeprefix("wandb_version: 1\n\n").replace("\n", "\n  ")
    read_by_us = spec.parse(f"method: grid\nparameters:\n  {body}")  # as YAML 1.2
    assert json.dumps([p.values[0] for p in read_by_us.parameters]) == json.dumps([value, value])


@given(TEXTS)
def test_values_come_through_unchanged(text):
    assert argv("x", "${args_no_equals}", config={"k": text}) == ["x", "--k", text]
