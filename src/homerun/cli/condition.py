"""`--where`: which runs a condition lets through, be they lines of a list or rows of a table."""

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from homerun.core import UsageError

if TYPE_CHECKING:
    from homerun.spec import Expression

WHERE_HELP = "Only runs for which it holds: 'lr < 0.01', 'loss == null' (that have no loss)."


def condition_of(text: str, names: Collection[str]) -> "Expression":
    """Return the condition over these names; raise UsageError where it cannot be read."""
    from homerun.spec import ExpressionError, parse_expression  # noqa: PLC0415  loads YAML

    try:
        return parse_expression(text, names)
    except ExpressionError as error:
        raise UsageError(f"--where {text!r}: {error}") from error


def holding(condition: "Expression", rows: Iterable[Mapping[str, Any]]) -> list[bool]:
    """Return for which runs a condition holds; not for those that lack a value it needs.

    Nor for those with a value of another kind; raise UsageError where there are no others.
    """
    from homerun.spec import ExpressionError  # noqa: PLC0415

    answers: list[bool | None] = []
    errors: list[ExpressionError] = []
    for values in rows:
        try:
            answers.append(condition.matches(values))
        except ExpressionError as error:
            answers.append(None)
            errors.append(error)
    if errors and all(answer is None for answer in answers):
        raise UsageError(f"--where {condition.text!r}: {errors[0]}") from errors[0]
    return [answer is True for answer in answers]
