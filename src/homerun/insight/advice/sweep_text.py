"""A sweep file as text, each line with the reason for it as a comment above."""

import json
import math
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from homerun.core import printable

Path = tuple[str, ...]

_WIDTH = 80
_BLOCKS = ("parameters", "homerun")  # keys whose mappings take a line for each item
# A text that means itself, in every version of YAML.
_PLAIN = re.compile(r"[A-Za-z_][\w./+-]*(?: [\w./+-]+)*", re.ASCII)
_WORDS = frozenset("null true false yes no on off y n".split())


def sweep_text(
    sweep: Mapping[str, Any], reasons: Mapping[Path, str], *, head: Sequence[str] = ()
) -> str:
    """Return a sweep as YAML; `reasons` are by the path of keys, `head` are the first comments."""
    lines = [line for text in head for line in _comment(text, "")]
    lines += _mapping(sweep, reasons, ())
    return "".join(f"{line}\n" for line in lines)


def _mapping(level: Mapping[str, Any], reasons: Mapping[Path, str], path: Path) -> Iterator[str]:
    indent = "  " * len(path)
    for key, value in level.items():
        here = (*path, key)
        if here in reasons:
            yield from _comment(reasons[here], indent)
        is_block = (
            isinstance(value, Mapping)
            and value
            and (key in _BLOCKS or any(name in value for name in _BLOCKS))
        )
        line = f"{indent}{flow(key)}: {flow(value)}"
        if not is_block and (len(line) <= _WIDTH or not isinstance(value, Mapping | list)):
            yield line
            continue
        yield f"{indent}{flow(key)}:"
        if isinstance(value, Mapping):
            yield from _mapping(value, reasons, here)
        else:
            yield from (f"{indent}  - {flow(item)}" for item in value)


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        " ".join(printable(text).split()),
        _WIDTH,
        initial_indent=f"{indent}# ",
        subsequent_indent=f"{indent}# ",
        break_on_hyphens=False,
    )


def flow(value: Any) -> str:
    """Return a value in one line of YAML 1.2 that other versions read alike."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        quoted = json.dumps(value, ensure_ascii=False)
        return "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in quoted)
    return json.dumps(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    mantissa, e, exponent = repr(value).partition("e")
    # YAML 1.1 takes 1e-05 for a text.
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else f"{mantissa}{e}{exponent}"
