"""A sweep file without homerun's own key, for W&B to read."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import yaml

from homerun.core import SpecError
from homerun.spec.reader import read

_KEY = "homerun"
# Lines that belong to the block above them: comments that stand indented in it.
_INDENTED_COMMENTS = re.compile(r"(?:[ \t]+#[^\n]*(?:\n|\Z))*")


def wandb_yaml(text: str) -> str:
    """Return the text of a sweep file without `homerun:`; the rest stays, comments too."""
    data = read(text, "sweep").plain()
    if not isinstance(data, dict) or _KEY not in data:
        return text
    rest = {key: value for key, value in data.items() if key != _KEY}
    with suppress(yaml.YAMLError):  # this parser of positions refuses a few texts that are read
        shorter = _cut(text)
        if _reads_as(shorter, rest):
            return shorter
    # An anchor inside the block is used outside, or the file is laid out in an unusual way.
    return yaml.safe_dump(rest, sort_keys=False, allow_unicode=True)


def _cut(text: str) -> str:
    start, end, is_flow = _span(text)
    if is_flow:  # {method: grid, homerun: {...}, ...}: one comma goes too
        if comma := re.match(r"\s*,\s*", text[end:]):
            return text[:start] + text[end + comma.end() :]
        return re.sub(r",\s*\Z", "", text[:start]) + text[end:]
    line_start = text.rfind("\n", 0, start) + 1
    if text[end - 1] != "\n":
        end = text.find("\n", end) + 1 or len(text)
    comments = _INDENTED_COMMENTS.match(text, end)
    return text[:line_start] + text[comments.end() if comments else end :]


def _span(text: str) -> tuple[int, int, bool]:
    """Return where our key begins, where its value ends, and whether it stands in {braces}."""
    depth = nodes = start = end = 0
    is_inside = is_flow = False
    events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)  # exact positions
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            if depth == 0:
                break
        begin, stop = event.start_mark.index, event.end_mark.index
        if depth == 1 and nodes % 2 == 0 and isinstance(event, yaml.NodeEvent):
            if is_inside:
                break
            if isinstance(event, yaml.ScalarEvent) and event.value == _KEY:
                is_inside, start = True, begin
        if is_inside and stop > begin:
            end = stop
        if isinstance(event, yaml.CollectionStartEvent):
            is_flow = is_flow or (depth == 0 and bool(event.flow_style))
            depth += 1
        elif depth == 1:
            nodes += 1
    return start, end, is_flow


def _reads_as(text: str, data: dict[str, Any]) -> bool:
    try:
        return json.dumps(read(text, "sweep").plain()) == json.dumps(data)
    except SpecError:
        return False
