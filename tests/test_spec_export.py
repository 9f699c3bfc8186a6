"""The file without `homerun:`, as `homerun sweep --wandb-yaml` prints it."""

import json

import pytest
import yaml
from hypothesis import given

from homerun import spec
from homerun.core import SpecError
from tests.sweep_strategies import GRID, RANDOM

TEXT = """\
# pets  \u00e9
program: train.py   # the script

# ours
homerun:  # not for others
  seed: 1

  # more of ours
  constraints:
    - "x > 0"   # why
  # the end of ours

# theirs again
method: grid
parameters:
  x: {values: [1e-5, 2]}
"""


def test_comments_stay():
    assert (
        spec.wandb_yaml(TEXT)
        == """\
# pets  \u00e9
program: train.py   # the script

# ours

# theirs again
method: grid
parameters:
  x: {values: [1e-5, 2]}
"""
    )


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a: 1\nhomerun: {seed: 1}\n", "a: 1\n"),
        ("a: 1\nhomerun:\n  seed: 1", "a: 1\n"),
        ("'homerun': {seed: 1}\na: 1", "a: 1"),
        ("a: 1\nhomerun:\n", "a: 1\n"),
        ("a: 1\nhomerun: |\n  text\nb: 2\n", "a: 1\nb: 2\n"),
        ("a: 1\nhomerun:\n- x\n- y\nb: 2\n", "a: 1\nb: 2\n"),
        ("{a: 1, homerun: {seed: 1}, b: 2}", "{a: 1, b: 2}"),
        ("{a: 1, homerun: {seed: 1}}", "{a: 1}"),
        ('{"homerun": {"seed": 1}, "a": 1}', '{"a": 1}'),
        ("a: {homerun: 1}\n", "a: {homerun: 1}\n"),
        ("a: 1\r\nhomerun:\r\n  seed: 1\r\nb: 2\r\n", "a: 1\r\nb: 2\r\n"),
        ("\ufeffhomerun: 1\na: 1\n", "a: 1\n"),
    ],
)
def test_only_our_key_goes(text, left):
    assert spec.wandb_yaml(text) == left


def test_anchors_inside_our_key_are_resolved():
    text = "homerun: {constraints: [&c 'x > 1']}\nx: *c\ny: 1e-5\n"
    assert yaml.safe_load(spec.wandb_yaml(text)) == {"x": "x > 1", "y": 1e-5}


def test_broken_files_are_refused():
    with pytest.raises(SpecError):
        spec.wandb_yaml("a: [")


@given(GRID | RANDOM)
def test_the_rest_reads_as_before(mapping):
    for style in (False, True):
        text = yaml.safe_dump(mapping, default_flow_style=style, default_style='"')
        left = spec.wandb_yaml(text)
        rest = {key: value for key, value in mapping.items() if key != "homerun"}
        assert json.dumps(spec.parse(left).spec, sort_keys=True) == json.dumps(rest, sort_keys=True)
