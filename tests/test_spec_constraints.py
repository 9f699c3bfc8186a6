"""The language of constraints: what it computes, what it refuses, and that nothing else happens."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homerun import search, spec
from homerun.core import SpecError

PARAMETERS = {
    "model": {"values": ["vit_tiny", "convnext"]},
    "size": {"values": [128, 224]},
    "batch-size": {"values": [8]},
    "min": {"values": [3]},
    "flag": {"values": [True]},
    "zero": {"values": [0]},
    "none": {"values": [None]},
    "sizes": {"values": [[224, 128]]},
    "opt": {
        "parameters": {"lr": {"values": [1e-3]}, "adam": {"parameters": {"eps": {"value": 1}}}}
    },
}
VALUES = {
    "model": "vit_tiny",
    "size": 224,
    "batch-size": 8,
    "min": 3,
    "flag": True,
    "zero": 0,
    "none": None,
    "sizes": [224, 128],
    "opt.lr": 1e-3,
    "opt.adam.eps": 1,
}


def sweep(*constraints, parameters=PARAMETERS, **settings):
    return spec.from_dict(
        {
            "method": "grid",
            "parameters": parameters,
            "homerun": {"constraints": list(constraints), **settings},
        }
    )


def holds(expression):
    (constraint,) = sweep(expression).settings.constraints
    return constraint.refusal(VALUES) is None


def refusal(*constraints, **keys):
    with pytest.raises(SpecError) as caught:
        sweep(*constraints, **keys)
    return str(caught.value)


@pytest.mark.parametrize(
    "true",
    [
        "model == 'vit_tiny' and size == 224",
        'model != "x" or size == 1',
        "not model == 'convnext'",
        "not not flag",
        "flag",
        "true and not false",
        "size in [128, 224]",
        "size not in [1, 2]",
        "size in sizes",
        "'vit' in model or size > 1",
        "128 <= size <= 224",
        "1 < 2 < 3 != 4",
        "not 1 < 3 < 2",
        "size % 32 == 0",
        "size // 100 >= 1 and size / 2 >= 64.0",
        "1 + 2 * 3 - 4 / 2 == 5",
        "(1 + 2) * 3 == 9",
        "-size < 0 and --size > 0 and 2 - -2 == 4",
        "-7 // 2 == -4 and -7 % 3 == 2",
        "opt.lr == 1e-3 and opt.adam.eps == 1.0",
        "`batch-size` == 8",
        "batch == 8 or true",
        "min == 3 and `min` == 3 and min(min, 1, 2) == 1",
        "max(1, size) >= 128 and abs(-2) == 2 and len(model) > 2 and len(sizes) == 2",
        "startswith(model, 'vit') or startswith(model, 'conv')",
        "zero == 0 and zero != false and flag != 1 and flag == true",
        "none == null and none == None and not (none == 0)",
        "'a' < 'b' and 'it' in 'vit'",
        "size == 224 or\n  size == 128",
        "[1, 2] == [1, 2] and [] != [1]",
    ],
)
def test_true(true):
    parameters = PARAMETERS | ({"batch": {"value": 8}} if "batch ==" in true else {})
    (constraint,) = sweep(true, parameters=parameters).settings.constraints
    assert constraint.refusal(VALUES | {"batch": 8}) is None
    (constraint,) = sweep(f"not ({true})", parameters=parameters).settings.constraints
    assert constraint.refusal(VALUES | {"batch": 8}) is not None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sise == 224", "'sise' is unknown here; did you mean 'size'?"),
        ("batch == 8", "'batch' is unknown here; did you mean 'batch-size'?"),
        ("opt == 1", "'opt' is unknown here"),
        ("zzz == 1", "; use one of batch-size, flag, min, model"),
        ("size = 224", "end or an operator expected, but found '=' at character 6; write '=='"),
        ("flag && flag", "found '&&' at character 6; write 'and'"),
        ("flag || flag", "found '||' at character 6; write 'or'"),
        ("!flag", "found '!' at character 1; write 'not'"),
        ("size ==", "a name or a value expected, but found the end"),
        ("", "a name or a value expected, but found the end"),
        ("(size == 1", ") expected, but found the end"),
        ("size in [1 2]", ", expected, but found 2 at character 12"),
        ("size == 1)", "end or an operator expected, but found ')' at character 10"),
        ("model == 'vit", "an unclosed quote at character 10"),
        ("size == @", "'@' at character 9"),
        ("size; import os", "';' at character 5"),
        ("size ** 9 == 1", "a name or a value expected, but found '*' at character 7"),
        ("open('x') == 1", "'open' is no function; use min, max, abs, len, startswith"),
        ("absolute(1) == 1", "is no function; use min, max, abs, len, startswith"),
        ("size.bit_length() == 1", "'size.bit_length' is no function"),
        ("__import__('os') == 1", "'__import__' is no function"),
        ("(lambda: 1)() == 1", "cannot read ':' at character 8"),
        ("abs(1, 2) == 1", "abs takes one value"),
        ("max(1) == 1", "max takes two values"),
        ("size", "`size` gives 128, not true or false"),
        ("size and flag", "`and` takes true or false, not 128"),
        ("not size", "`not` takes true or false, not 128"),
        ("model > 3", "`>` cannot compare 'vit_tiny' with 3 (for model = 'vit_tiny')"),
        ("flag > 0", "`>` cannot compare True with 0"),
        ("none < 1", "`<` cannot compare None with 1"),
        ("size in 3", "`in` takes a list, or two texts"),
        ("size / zero > 1", "128 / 0 has no value (for size = 128, zero = 0)"),
        ("model + 1 == 2", "`+` takes numbers, not 'vit_tiny'"),
        ("model * 9 == 2", "`*` takes numbers"),
        ("-model == 2", "`-` takes numbers"),
        ("len(size) == 1", "`len` takes a text or a list, not 128"),
        ("startswith(size, 'a')", "`startswith` takes two texts"),
        ("min(model, 1) == 1", "`min` takes numbers"),
        ("1e308 * 10 // 1 == " + "9" * 41, "is too long a number"),
        ("(" * 200 + "flag" + ")" * 200, "nested deeper than 30 levels"),
        ("not " * 200 + "flag", "nested deeper than 30 levels"),
        ("-" * 200 + "1 == 1", "nested deeper than 30 levels"),
        ("flag or " * 2000 + "flag", "longer than 10,000 characters"),
    ],
)
def test_refused_when_read(text, told):
    message = refusal(text)
    assert message.startswith("sweep: homerun.constraints[0]: ")
    assert told in message


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (3, "constraints[0]: is 3; give an expression in quotes, or {require"),
        ({"when": "flag"}, "constraints[0]: has no require:"),
        (
            {"require": "flag", "reson": "x"},
            "reson: is unknown; use require, when, reason; did you",
        ),
        ({"require": True}, "require: must be text, not True; put it in quotes"),
        ({"require": "flag", "when": "flg"}, "constraints[0].when: 'flg' is unknown here"),
    ],
)
def test_refused_items(item, told):
    assert told in refusal(item)


def test_guards_protect_what_follows():
    parameters = {"size": {"values": [224, "auto"]}, "n": {"values": [0, 2]}}
    assert "cannot compare 'auto' with 300" in refusal("size < 300", parameters=parameters)
    assert sweep("size == 'auto' or size < 300", "n == 0 or 4 / n == 2", parameters=parameters)
    assert sweep({"require": "size < 300", "when": "size != 'auto'"}, parameters=parameters)


def test_when_and_reason():
    vit = {"require": "size == 224", "when": "startswith(model, 'vit')", "reason": "ViT takes 224"}
    (constraint,) = sweep(vit).settings.constraints
    assert constraint.names == {"model", "size"}
    assert constraint.text == "size == 224 when startswith(model, 'vit')"
    assert constraint.refusal({"model": "vit_tiny", "size": 128}) == "ViT takes 224"
    assert constraint.refusal({"model": "vit_tiny", "size": 224}) is None
    assert constraint.refusal({"model": "convnext", "size": 128}) is None
    (bare,) = sweep("size == 224").settings.constraints
    assert bare.refusal({"size": 128}) == "not size == 224"


def test_what_cannot_be_computed_is_not_allowed():
    # Only the ends of a long range are tried when the file is read.
    parameters = {"n": {"min": -1000, "max": 1001}}
    found = sweep("1 / n < 2", parameters=parameters)
    assert found.settings.constraints[0].refusal({"n": 0}) == "1 / 0 has no value"
    assert search.count(found).excluded == 1


def test_values_that_a_parameter_never_has_are_remarked():
    found = sweep("model != 'vit_tni' or size in [224, 256]", "1 == 1 or 'x' == model")
    assert found.notes == (
        "homerun.constraints[0]: 'vit_tni' is no value of model; did you mean 'vit_tiny'?",
        "homerun.constraints[0]: 256 is no value of size",
    )


NUMBERS = st.integers(-99, 99) | st.floats(-99, 99, allow_nan=False).map(lambda x: round(x, 3))
ARITHMETIC = st.recursive(
    NUMBERS.map(lambda n: f"({n})"),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({' '.join(t)})"),
    max_leaves=8,
)


@given(ARITHMETIC, ARITHMETIC, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
def test_arithmetic_is_that_of_python(left, right, sign):
    expected = eval(f"{left} {sign} {right}")  # text made of digits and signs alone
    assert holds(f"{left} {sign} {right}") is expected


ATOMS = st.sampled_from(["flag", "not flag", "size == 224", "true", "false"])


@given(st.lists(st.tuples(ATOMS, st.sampled_from(["and", "or"])), max_size=8), ATOMS)
def test_logic_is_that_of_python(row, last):
    text = " ".join(f"{atom} {word}" for atom, word in row) + f" {last}"
    python = text.replace("true", "True").replace("false", "False")
    assert holds(text) is eval(python, {"flag": True, "size": 224})


PIECES = st.sampled_from(
    "size model flag opt.lr zero none sizes `min` min max abs len startswith and or not in true "
    "null ( ) [ ] , + - * / // % == != < <= > >= 1 0 1e9 .5 'vit' \"x\" ' ` = ; é".split()
)


@given(st.lists(PIECES, max_size=14).map(" ".join) | st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        found = sweep(text)
    except SpecError as error:
        (line,) = str(error).splitlines()
        assert "homerun.constraints[0]" in line
    else:
        found.settings.constraints[0].refusal(VALUES)


@given(st.sampled_from([operator.lt, operator.eq]), NUMBERS, NUMBERS)
def test_dictionary_and_text_agree(compare, left, right):
    sign = {operator.lt: "<", operator.eq: "=="}[compare]
    assert holds({"require": f"{left} {sign} {right}"}) is bool(compare(left, right))
