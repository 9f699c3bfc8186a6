"""The small language of constraints, such as `model != 'vit' or size == 224`.

    all   = both {"or" both}            both  = truth {"and" truth}
    truth = "not" truth | sum {("==" "!=" "<" "<=" ">" ">=" "in" "not in") sum}
    sum   = term {("+" "-") term}       term  = sign {("*" "/" "//" "%") sign}
    sign  = "-" sign | value            value = number | text | true | false | null | name
          | "[" all, ... "]" | "(" all ")" | ("min" "max" "abs" "len" "startswith") "(" all, ... ")"

Names are parameters, nested ones with dots; any name can stand in backticks. Nothing of Python is
evaluated: an expression becomes a chain of small functions of the parameters' values.

Asked of runs, a name may have no value. What is computed from it is then unknown, as in SQL, and so
is the whole unless the rest decides it, as `true or unknown`; only null tells: `x == null`.
"""

import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from homerun.spec.place import nearest, shown

MAX_LENGTH = 10_000  # characters
MAX_DEPTH = 30  # parentheses, lists, signs and `not` inside each other

_LISTED = 10  # names in a message

Values = Mapping[str, Any]
Function = Callable[[Values], Any]


class ExpressionError(Exception):
    """The expression cannot be read, or not be computed for some values."""


@dataclass(frozen=True)
class Expression:
    """A readable expression, the parameters it names and what it computes."""

    text: str
    names: frozenset[str]
    # Each name with the texts and numbers it is compared with: to find misspelt values.
    compared: tuple[tuple[str, Any], ...]
    compute: Function = field(compare=False, repr=False)

    def holds(self, values: Values) -> bool:
        """Return whether the expression is true; ExpressionError if it cannot be said."""
        result = self.compute(values)
        if not isinstance(result, bool):
            raise ExpressionError(f"`{self.text}` gives {shown(result)}, not true or false")
        return result

    def matches(self, values: Values) -> bool | None:
        """Return whether it is true of a run that may lack values; None where that is unknown.

        A run lacks what is absent, None or NaN.
        """
        try:
            return self.holds(_Present(values))
        except KeyError:
            return None


class _Present(dict[str, Any]):
    """The values that a run has; looking for any other raises KeyError."""

    def __init__(self, values: Values) -> None:
        super().__init__()
        self._values = values

    def __missing__(self, name: str) -> Any:
        value = self._values[name]
        if value is None or (isinstance(value, float) and math.isnan(value)):
            raise KeyError(name)
        return value


class _Token(NamedTuple):
    kind: str  # number, text, constant, word, name (in backticks), sign, end
    value: Any
    at: int  # character, from 1


_PATTERN = r"""\s*(?:
    (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)
  | (?P<text>'[^']*'|"[^"]*")
  | `(?P<name>[^`]*)`
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
  | (?P<sign>==|!=|<=|>=|//|&&|\|\||[-+*/%<>=!()\[\],])
  | (?P<end>\Z)
    )"""
_CONSTANTS = {"true": True, "false": False, "null": None, "True": True, "False": False}
_CONSTANTS["None"] = None
_LITERALS = ("number", "text", "constant")
_INSTEAD = {"=": "==", "&&": "and", "||": "or", "!": "not"}


def parse_expression(text: str, known: Collection[str]) -> Expression:
    """Return the expression over the known names; ExpressionError if it cannot be read.

    Of an unknown name the nearest is told, or the first of those known.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH:,} characters")
    parser = _Parser(_tokens(text), dict.fromkeys(known))
    compute = parser.either(0)
    if parser.token.kind != "end":
        parser.fail("end or an operator")
    return Expression(text, frozenset(parser.names), tuple(parser.compared), compute)


def _tokens(text: str) -> list[_Token]:
    token = re.compile(_PATTERN, re.VERBOSE)  # not before it is needed: that takes milliseconds
    tokens: list[_Token] = []
    at = 0
    while not tokens or tokens[-1].kind != "end":
        match = token.match(text, at)
        if match is None or match.lastgroup is None:
            rest = text[at:].lstrip()
            what = "an unclosed quote" if rest[0] in "'\"`" else shown(rest[0])
            raise ExpressionError(f"cannot read {what} at character {len(text) - len(rest) + 1}")
        kind, value = match.lastgroup, match[match.lastgroup]
        if kind == "text":
            value = value[1:-1]
        elif kind == "word" and value in _CONSTANTS:
            kind, value = "constant", _CONSTANTS[value]
        elif kind == "number":
            if len(value) > 40:
                raise ExpressionError(f"{value[:20]}... is too long a number")
            value = float(value) if set(value) & set(".eE") else int(value)
        tokens.append(_Token(kind, value, match.start(match.lastgroup) + 1))
        at = match.end()
    return tokens


class _Parser:
    """Recursive descent; each method returns the function that computes its part."""

    def __init__(self, tokens: list[_Token], known: Collection[str]) -> None:
        self.tokens = tokens
        self.known = known
        self.next = 0
        self.names: set[str] = set()
        self.compared: list[tuple[str, Any]] = []

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def take(self, *spellings: str) -> str:
        """Step over one of these words or signs and return it; "" when none is there."""
        kind, value, _ = self.token
        if kind in ("word", "sign") and value in spellings:
            self.next += 1
            return str(value)
        return ""

    def at_word(self, word: str) -> bool:
        return self.token[:2] == ("word", word)

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            self.fail(sign)

    def fail(self, wanted: str) -> NoReturn:
        kind, value, at = self.token
        hint = f"; write {_INSTEAD[value]!r}" if kind == "sign" and value in _INSTEAD else ""
        found = "the end" if kind == "end" else f"{value!r} at character {at}"
        raise ExpressionError(f"{wanted} expected, but found {found}{hint}")

    def either(self, depth: int) -> Function:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"nested deeper than {MAX_DEPTH} levels")
        sides = [self.both(depth)]
        while self.take("or"):
            sides.append(self.both(depth))
        if len(sides) == 1:
            return sides[0]
        return lambda v: _decided(sides, v, "or")

    def both(self, depth: int) -> Function:
        sides = [self.negation(depth)]
        while self.take("and"):
            sides.append(self.negation(depth))
        if len(sides) == 1:
            return sides[0]
        return lambda v: _decided(sides, v, "and")

    def negation(self, depth: int) -> Function:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"nested deeper than {MAX_DEPTH} levels")
        if self.take("not"):
            inner = self.negation(depth + 1)
            return lambda v: not _truth(inner(v), "not")
        return self.comparison(depth)

    def comparison(self, depth: int) -> Function:
        sides: list[Function] = []
        holds: list[Callable[[Any, Any], bool]] = []
        left: list[_Token] = []
        start, name = self.next, ""
        while True:
            sides.append(self.sum(depth))
            side = self.tokens[start : self.next]
            if name:
                self.remember(left, name, side)
                if _tells_null(name, side):
                    sides[-2] = _or_null(sides[-2])
                if _tells_null(name, left) and name != "in":
                    sides[-1] = _or_null(sides[-1])
            name = self.comparator()
            if not name:
                return _chained(sides, holds)
            holds.append(_COMPARISONS[name])
            left, start = side, self.next

    def comparator(self) -> str:
        if self.at_word("not") and self.tokens[self.next + 1][:2] == ("word", "in"):
            self.next += 2
            return "not in"
        return self.take("==", "!=", "<=", ">=", "<", ">", "in")

    def remember(self, left: list[_Token], comparison: str, right: list[_Token]) -> None:
        """Note which texts and numbers a lone name is compared with for equality."""
        is_list = right[0][:2] == ("sign", "[") and comparison in ("in", "not in")
        is_value = len(right) == 1 and comparison in ("==", "!=")
        if len(left) == 1 and left[0].kind in ("word", "name") and (is_list or is_value):
            literals = [token.value for token in right if token.kind in ("text", "number")]
            self.compared += [(left[0].value, literal) for literal in literals]

    def sum(self, depth: int) -> Function:
        return self.chain(self.term, ("+", "-"), depth)

    def term(self, depth: int) -> Function:
        return self.chain(self.signed, ("*", "//", "/", "%"), depth)

    def chain(
        self, part: Callable[[int], Function], signs: tuple[str, ...], depth: int
    ) -> Function:
        """Read a row of parts that are computed from left to right."""
        first, rest = part(depth), []
        while sign := self.take(*signs):
            rest.append((sign, part(depth)))
        if not rest:
            return first

        def compute(values: Values) -> Any:
            result = first(values)
            for sign, side in rest:
                result = _arithmetic(sign, result, side(values))
            return result

        return compute

    def signed(self, depth: int) -> Function:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"nested deeper than {MAX_DEPTH} levels")
        if self.take("-"):
            inner = self.signed(depth + 1)
            return lambda v: -_number(inner(v), "-")
        return self.value(depth)

    def value(self, depth: int) -> Function:
        kind, value, _ = self.token
        if self.take("("):
            inner = self.either(depth + 1)
            self.expect(")")
            return inner
        if self.take("["):
            return self.listed(depth)
        if kind in _LITERALS:
            self.next += 1
            return lambda _: value
        if kind == "word" and self.tokens[self.next + 1][:2] == ("sign", "("):
            return self.call(value, depth)
        if kind == "name" or (kind == "word" and value not in ("and", "or", "not", "in")):
            return self.name(value)
        return self.fail("a name or a value")

    def listed(self, depth: int) -> Function:
        start = self.next
        items = self.items("]", depth)
        inside = self.tokens[start : self.next - 1]
        if all(token.kind in _LITERALS or token[:2] == ("sign", ",") for token in inside):
            constant = [item({}) for item in items]  # often long: the names of many models
            return lambda _: constant
        return lambda v: [item(v) for item in items]

    def name(self, name: str) -> Function:
        if name not in self.known:
            listed = ", ".join(list(self.known)[:_LISTED])
            more = f" and {len(self.known) - _LISTED} more" if len(self.known) > _LISTED else ""
            hint = nearest(name, self.known) or f"; use one of {listed}{more}"
            raise ExpressionError(f"{name!r} is unknown here{hint}")
        self.next += 1
        self.names.add(name)
        return operator.itemgetter(name)

    def items(self, closing: str, depth: int) -> list[Function]:
        items: list[Function] = []
        while not self.take(closing):
            if items:
                self.expect(",")
            items.append(self.either(depth + 1))
        return items

    def call(self, name: str, depth: int) -> Function:
        if name not in _FUNCTIONS:
            raise ExpressionError(
                f"{name!r} is no function; use {', '.join(_FUNCTIONS)}{nearest(name, _FUNCTIONS)}"
            )
        self.next += 2
        arguments = self.items(")", depth)
        function, fewest, most = _FUNCTIONS[name]
        if not fewest <= len(arguments) <= most:
            raise ExpressionError(f"{name} takes {'one value' if most == 1 else 'two values'}")
        return lambda v: function(*[argument(v) for argument in arguments])


def _decided(sides: list[Function], values: Values, word: str) -> bool:
    """Return what `and` or `or` makes of its sides; KeyError where one that is unknown decides."""
    deciding, unknown = word == "or", None
    for side in sides:
        try:
            if _truth(side(values), word) == deciding:
                return deciding
        except KeyError as error:
            unknown = error
    if unknown:
        raise unknown
    return not deciding


def _tells_null(comparison: str, side: list[_Token]) -> bool:
    """Return whether a side is the null, or a list with the null, that a missing value equals."""
    has_null = any(token.kind == "constant" and token.value is None for token in side)
    if comparison in ("in", "not in"):
        return has_null and side[0].value == "["
    return has_null and len(side) == 1 and comparison in ("==", "!=")


def _or_null(side: Function) -> Function:
    """Return the function that gives None where a value is missing."""

    def compute(values: Values) -> Any:
        try:
            return side(values)
        except KeyError:
            return None

    return compute


def _truth(value: Any, word: str) -> bool:
    if isinstance(value, bool):
        return value
    raise ExpressionError(f"`{word}` takes true or false, not {shown(value)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any, sign: str) -> int | float:
    if _is_number(value):
        return value  # type: ignore[no-any-return]
    raise ExpressionError(f"`{sign}` takes numbers, not {shown(value)}")


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def _arithmetic(sign: str, left: Any, right: Any) -> Any:
    try:
        return _OPERATORS[sign](_number(left, sign), _number(right, sign))
    except ZeroDivisionError:
        raise ExpressionError(f"{shown(left)} {sign} 0 has no value") from None
    except OverflowError:
        raise ExpressionError(f"{shown(left)} {sign} {shown(right)} is too large") from None


def same(left: Any, right: Any) -> bool:
    """Return whether two values are equal; 1 equals 1.0, but true is not 1."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _ordered(sign: str, compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(left: Any, right: Any) -> bool:
        both_text = isinstance(left, str) and isinstance(right, str)
        if both_text or (_is_number(left) and _is_number(right)):
            return compare(left, right)
        raise ExpressionError(f"`{sign}` cannot compare {shown(left)} with {shown(right)}")

    return holds


def _inside(left: Any, right: Any) -> bool:
    if isinstance(right, list):
        return left in right and any(same(left, item) for item in right)
    if isinstance(left, str) and isinstance(right, str):
        return left in right
    raise ExpressionError(f"`in` takes a list, or two texts, not {shown(left)} in {shown(right)}")


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": same,
    "!=": lambda left, right: not same(left, right),
    "<": _ordered("<", operator.lt),
    "<=": _ordered("<=", operator.le),
    ">": _ordered(">", operator.gt),
    ">=": _ordered(">=", operator.ge),
    "in": _inside,
    "not in": lambda left, right: not _inside(left, right),
}


def _chained(sides: list[Function], holds: list[Callable[[Any, Any], bool]]) -> Function:
    """Return the function of `a < b < c`: every neighbouring pair must hold."""
    if len(sides) == 1:
        return sides[0]
    if len(sides) == 2:
        (left, right), (compare,) = sides, holds
        return lambda v: compare(left(v), right(v))

    def compute(values: Values) -> bool:
        results = [side(values) for side in sides]
        return all(map(lambda compare, a, b: compare(a, b), holds, results, results[1:]))

    return compute


def _smallest(*values: Any) -> Any:
    return min(_number(value, "min") for value in values)


def _largest(*values: Any) -> Any:
    return max(_number(value, "max") for value in values)


def _length(value: Any) -> int:
    if isinstance(value, str | list | dict):
        return len(value)
    raise ExpressionError(f"`len` takes a text or a list, not {shown(value)}")


def _starts_with(text: Any, beginning: Any) -> bool:
    if isinstance(text, str) and isinstance(beginning, str):
        return text.startswith(beginning)
    raise ExpressionError(f"`startswith` takes two texts, not {shown(text)}, {shown(beginning)}")


# name: function, fewest and most arguments
_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "min": (_smallest, 2, MAX_LENGTH),
    "max": (_largest, 2, MAX_LENGTH),
    "abs": (lambda value: abs(_number(value, "abs")), 1, 1),
    "len": (_length, 1, 1),
    "startswith": (_starts_with, 2, 2),
}
