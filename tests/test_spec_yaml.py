"""Reading YAML: what its words mean, where its lines are, and what is refused."""

import json
import math

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from homerun import spec
from homerun.core import SpecError
from tests.sweep_strategies import GRID, RANDOM, TEXTS

SWEEP = """\
program: train.py  # the script
method: grid
parameters:
  lr:
    distribution: unifrom
    min: 1e-5
"""


def values(text):
    """Return the values of a one-line YAML list, as a sweep reads them."""
    (parameter,) = spec.parse(f"method: grid\nparameters: {{x: {{values: {text}}}}}").parameters
    return list(parameter.values)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("[1e-5, 3e6, 1E3, .5, 1., -1.5e+3]", [1e-5, 3e6, 1e3, 0.5, 1.0, -1500.0]),
        ("[0, 007, +12, -1, 0o17, 0x1F]", [0, 7, 12, -1, 15, 31]),
        ("[yes, no, on, off, Yes, y]", ["yes", "no", "on", "off", "Yes", "y"]),
        ("[true, True, FALSE, tRue]", [True, True, False, "tRue"]),
        ("[null, ~, Null, 'null']", [None, None, None, "null"]),
        ("[.inf, -.INF, +.Inf]", [math.inf, -math.inf, math.inf]),
        (
            "[1_000, 1:30, 2024-01-02, 0b1, 1e, e5]",
            ["1_000", "1:30", "2024-01-02", "0b1", "1e", "e5"],
        ),
        ("""["1e-5", '1', !!str 2]""", ["1e-5", "1", "2"]),
        ("[!!float 2, !!int '3', !!bool true]", [2.0, 3, True]),
        ("[{a: [1, {b: }]}, []]", [{"a": [1, {"b": None}]}, []]),
    ],
)
def test_words_mean_what_yaml_1_2_says(text, meant):
    found = values(text)
    assert json.dumps(found) == json.dumps(meant)  # 1, 1.0 and true differ


def test_nan_is_a_number():
    (value,) = values("[.nan]")
    assert math.isnan(value)


def test_anchors_and_merges():
    text = """
method: random
parameters:
  base: &base {distribution: uniform, min: 1, max: 2}
  same: *base
  wide: {<<: *base, max: 9}
  both: {<<: [{max: 5}, *base]}
"""
    assert {p.name: (p.min, p.max) for p in spec.parse(text).parameters} == {
        "base": (1, 2),
        "same": (1, 2),
        "wide": (1, 9),
        "both": (1, 5),
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "s.yaml: is empty; a sweep needs at least method: and parameters:"),
        ("# only a comment", "s.yaml: is empty"),
        ("- method", "s.yaml:1: is ['method']; a sweep needs keys such as method:"),
        ("method: grid\nmethod: random", "s.yaml:2: key 'method' appears twice"),
        ("1: 2", "s.yaml:1: key 1 is not text; put it in quotes"),
        ("? [a]\n: 1", "s.yaml:1: a key is a list or mapping; use text"),
        (
            "x: !!python/object:os.system ls",
            "s.yaml:1: tag 'tag:yaml.org,2002:python/object:os.sys",
        ),
        ("x: !mine [1]", "s.yaml:1: tag '!mine' is not allowed"),
        ("x: !!int one", "s.yaml:1: 'one' does not fit its tag"),
        ("x: 1e999", "s.yaml:1: 1e999 is too large a number"),
        (f"x: {'9' * 5000}", "s.yaml:1: 9999"),
        (f"x: 0x{'f' * 5000}", "s.yaml:1: 0xff"),
        ("x: *y", "s.yaml:1: *y stands before, or inside, its &y"),
        ("x: &x [*x]", "s.yaml:1: *x stands before, or inside, its &x"),
        ("x: {<<: 1}", "s.yaml:1: << takes a mapping"),
        ("x: {<<: {}, <<: {}}", "s.yaml:1: key '<<' appears twice"),
        ("a: 1\n---\nb: 1", "s.yaml:2: a second document begins"),
        ("- " * 100, "s.yaml:1: nested deeper than 64 levels"),
        ("[" * 100_000, "s.yaml:1: nested deeper than 64 levels"),
        ("a: \0", "s.yaml: not valid YAML: unacceptable character #x0000"),
        ('a: "\\0"', "s.yaml:1: a text holds a zero character"),
        ("a: \ud800", "s.yaml: half a character at position 3; use UTF-8"),
    ],
)
def test_refused_with_its_line(text, told):
    with pytest.raises(SpecError) as caught:
        spec.parse(text, source="s.yaml")
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nx: [1", r"s:[23]: not valid YAML: .*expected ',' or '\]'.* from line 2$"),
        ("a:\n\tb: 1", r"s:2: not valid YAML: found character .*; indent with spaces, not tabs$"),
        ("a: b: c", r"s:1: not valid YAML: mapping values are not allowed"),
    ],
)
def test_broken_yaml_is_explained(text, told):
    with pytest.raises(SpecError, match=told):
        spec.parse(text, source="s")


def test_aliases_cannot_unfold_without_end():
    bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]\n"
    for i in range(1, 12):
        bomb += f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 8)}]\n"
    with pytest.raises(SpecError, match="over 1,000,000 values when the aliases are unfolded"):
        spec.parse(bomb)
    deep = "a0: &a0 1\n" + "".join(f"a{i}: &a{i} [[[[[[[[*a{i - 1}]]]]]]]]\n" for i in range(1, 40))
    with pytest.raises(SpecError, match="nested deeper than 64 levels"):
        spec.parse(deep)


def test_file_and_dictionary_say_the_same():
    with pytest.raises(SpecError) as from_file:
        spec.parse(SWEEP, source="sweep.yaml")
    with pytest.raises(SpecError) as from_dict:
        spec.from_dict(yaml.safe_load(SWEEP), source="sweep.yaml")
    assert str(from_file.value) == str(from_dict.value).replace("sweep.yaml:", "sweep.yaml:5:")
    assert "parameters.lr.distribution: 'unifrom' is unknown; use one of" in str(from_dict.value)
    assert str(from_dict.value).endswith("; did you mean 'uniform'?")


def test_load(tmp_path):
    path = tmp_path / "sweep.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SWEEP.replace("unifrom", "constant").encode())
    with pytest.raises(SpecError, match=r"sweep.yaml:4: parameters.lr: constant needs value"):
        spec.load(path)
    path.write_text("method: grid\r\nparameters: {x: {values: [1]}}\r\n")
    assert spec.load(path).source == str(path)
    path.write_bytes(b"method: \xff")
    with pytest.raises(SpecError, match="byte 8 is not UTF-8"):
        spec.load(path)
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        spec.load(tmp_path / "none.yaml")
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        spec.load(tmp_path)


def test_json_is_yaml():
    assert (
        spec.parse('{"method": "grid", "parameters": {"x": {"values": [1e-5]}}}').method == "grid"
    )


@given(GRID | RANDOM)
def test_round_trip_through_the_store_and_through_yaml(mapping):
    sweep = spec.from_dict(mapping)
    assert spec.from_dict(sweep.spec) == sweep
    assert spec.from_dict(json.loads(json.dumps(sweep.spec))) == sweep
    tagged = yaml.safe_dump(mapping, allow_unicode=True, default_style='"', sort_keys=False)
    assert json.dumps(spec.parse(tagged).spec) == json.dumps(sweep.spec)


def test_numpy_values_and_tuples_are_plain_values():
    numpy = pytest.importorskip("numpy")
    sweep = spec.from_dict(
        {
            "method": "grid",
            "parameters": {
                "lr": {"values": numpy.array([0.5, 0.25])},
                "n": {"values": tuple(numpy.arange(2))},
                "k": {"values": range(3)},
                "s": {"value": numpy.float32(0.5)},
            },
        }
    )
    assert json.loads(json.dumps(sweep.spec))["parameters"] == {
        "lr": {"values": [0.5, 0.25]},
        "n": {"values": [0, 1]},
        "k": {"values": [0, 1, 2]},
        "s": {"value": 0.5},
    }


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.builds(lambda: 10**5000)
    | st.sampled_from([{1}, object(), "${args}", "grid", "random", ["a > 1"], "hyperband"]),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.dictionaries(
            st.sampled_from(
                "method parameters values value min max distribution q mu sigma probabilities "
                "metric name homerun constraints require when repeats type s eta command".split()
            ),
            inner,
        )
    ),
    max_leaves=12,
)


def refuses_or_reads(read, *given):
    """Call, and let nothing but a SpecError of one line come out."""
    try:
        read(*given)
    except SpecError as error:
        (line,) = str(error).splitlines()
        assert line.isprintable()


@given(st.dictionaries(st.sampled_from(["method", "parameters", "homerun", "metric"]), ODD) | ODD)
def test_any_dictionary_is_read_or_refused(value):
    refuses_or_reads(spec.from_dict, value)
    refuses_or_reads(spec.from_dict, {"method": "grid", "parameters": value})
    refuses_or_reads(spec.from_dict, {"method": "random", "parameters": {"x": value}})
    refuses_or_reads(spec.from_dict, {**FINE, "homerun": value})
    refuses_or_reads(spec.from_dict, {**FINE, "homerun": {"constraints": [value]}})
    refuses_or_reads(spec.from_dict, {**FINE, "metric": {"name": "x"}, "early_terminate": value})


FINE = {"method": "grid", "parameters": {"x": {"values": [1]}}}
YAML_BITS = st.sampled_from(
    "method: §grid\n§parameters:\n§  lr: §values: §[1, §]§{§}§- §? §&a §*a §<<: §!!int §|\n§>\n§'"
    '§"§\t§#§homerun:\n§---\n§%§1e-5§\n  §\n§: §,§\ufeff§\u2028§\x85§\0§é'.split("§")
)


@given(st.text() | st.lists(YAML_BITS | TEXTS, max_size=30).map("".join))
@example("homerun:\n\ufeff")
def test_any_text_is_read_or_refused(text):
    refuses_or_reads(spec.parse, text)
    refuses_or_reads(spec.wandb_yaml, text)


@given(content=st.binary())
def test_any_file_is_read_or_refused(content, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(content)
    refuses_or_reads(spec.load, path)
