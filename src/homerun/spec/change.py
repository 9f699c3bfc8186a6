"""Changes of a sweep file that is in use: a value more or less, a parameter fixed, a setting."""

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from homerun.core import SpecError
from homerun.spec.defaults import PROGRAM
from homerun.spec.fits import can_be, meant, usable
from homerun.spec.grid import axis_of
from homerun.spec.parameters import Parameter
from homerun.spec.place import nearest, shown
from homerun.spec.reader import plain, read
from homerun.spec.schema import from_dict
from homerun.spec.sweep import Sweep

Verb = Literal["set", "fix", "drop", "add"]

_KEYS = ("run_cap", "method", "program", "name")  # beside parameters and `homerun.` what can be set
_LISTED = 1_000  # values of a range that may be written out as a list


@dataclass(frozen=True)
class Edit:
    """One change; `set` is for parameters, which it fixes, and for settings."""

    verb: Verb
    key: str  # dotted name of a parameter, or of a setting such as homerun.order
    value: Any  # null takes a setting back

    @property
    def shown(self) -> str:
        """Return the value as a person writes it."""
        return self.value if isinstance(self.value, str) else json.dumps(self.value)

    @property
    def text(self) -> str:
        """Return the change in a few words."""
        if self.verb in ("drop", "add"):
            return f"{self.key}={self.shown} {'dropped' if self.verb == 'drop' else 'added'}"
        if self.verb == "fix":
            return f"{self.key} fixed to {self.shown}"
        return f"{self.key} removed" if self.value is None else f"{self.key} set to {self.shown}"


def parse_edit(verb: Verb, text: str) -> Edit:
    """Return the change that KEY=VALUE means; the value is read as in a sweep file."""
    key, sign, value = text.partition("=")
    key = key.strip()
    if not sign or not key:
        raise SpecError(f"--{verb} {text}: give KEY=VALUE, such as --{verb} resize_method=crop")
    source = f"--{verb} {key}"
    read_value = read(value, source).plain() if value.strip() else None
    return Edit(verb, key, plain(read_value, source))


def edited(sweep: Sweep, edits: Iterable[Edit]) -> tuple[Sweep, tuple[Edit, ...]]:
    """Return the changed sweep, checked, and the changes as they were understood."""
    done = []
    for edit in edits:
        spec = copy.deepcopy(dict(sweep.spec))
        done.append(_done(spec, sweep, edit))
        sweep = from_dict(spec, source=sweep.source)
    return sweep, tuple(done)


def remarks(sweep: Sweep, edits: Iterable[Edit]) -> list[str]:
    """Return what is odd about changes of a sweep: a value fixed that its parameter never had."""
    notes = []
    for edit in edits:
        p = _by_name(sweep).get(edit.key)
        if p and edit.verb in ("fix", "set") and not can_be(p, sweep.method, edit.value):
            texts = [value for value in p.values if isinstance(value, str)]
            hint = nearest(edit.value, texts) if isinstance(edit.value, str) else ""
            notes.append(f"{edit.key} has not been {shown(edit.value)} so far{hint}")
    return notes


def _done(spec: dict[str, Any], sweep: Sweep, edit: Edit) -> Edit:
    """Carry out a change; return it as it was understood."""
    p = _by_name(sweep).get(edit.key)
    if p is None:
        _set(spec, sweep, edit)
        return edit
    value = edit.value
    if edit.verb != "add" and not can_be(p, sweep.method, value):
        known = meant(p, sweep.method, value)
        value = value if known is None else known
    if edit.verb in ("drop", "add"):
        _write(spec, p, _with_values(spec, sweep, p, Edit(edit.verb, edit.key, value)))
        done = Edit(edit.verb, edit.key, value)
    else:
        _write(spec, p, {"value": value})
        done = Edit("fix", edit.key, value)
    if sweep.settings.defaults:
        _keep_fitting_defaults(spec, sweep)
    return done


def _keep_fitting_defaults(spec: dict[str, Any], sweep: Sweep) -> None:
    """Take values out of `homerun.defaults` that the changed parameters cannot have."""
    ours = {key: value for key, value in spec["homerun"].items() if key != "defaults"}
    changed = from_dict({**spec, "homerun": ours}, source=sweep.source)
    kept: list[Any] = [PROGRAM] if sweep.settings.begins_with_program else []
    kept += filter(None, (usable(changed, config)[0] for config in sweep.settings.defaults))
    spec["homerun"] = {**ours, "defaults": kept} if kept else ours


def _set(spec: dict[str, Any], sweep: Sweep, edit: Edit) -> None:
    """Change a setting."""
    names = list(_by_name(sweep))
    place, key = spec, edit.key
    if edit.verb == "set" and key.startswith("homerun."):
        place, key = spec.setdefault("homerun", {}), key.removeprefix("homerun.")
    elif edit.verb != "set" or key not in _KEYS:
        allowed = [*names, *_KEYS] if edit.verb == "set" else names
        others = f"; or {', '.join(_KEYS)}, homerun.SETTING" if edit.verb == "set" else ""
        raise SpecError(
            f"--{edit.verb} {key}: is no parameter of the sweep; use "
            f"{', '.join(names)}{others}{nearest(key, allowed)}"
        )
    if edit.value is None:
        place.pop(key, None)
    else:
        place[key] = edit.value


def _with_values(spec: dict[str, Any], sweep: Sweep, p: Parameter, edit: Edit) -> dict[str, Any]:
    """Return the body of a parameter with a value more or less."""
    body, has_it = _body(spec, p), can_be(p, sweep.method, edit.value)
    option = f"--{edit.verb} {edit.key}={shown(edit.value)}"
    values = _values(sweep, p)
    if values is None:
        raise SpecError(
            f"{option}: {p.name} is a range of endless values ({p.distribution}); "
            "only --fix and --set can change it"
        )
    if edit.verb == "add":
        if has_it:
            raise SpecError(f"{option}: {p.name} has this value already")
        if "probabilities" in body:
            raise SpecError(f"{option}: {p.name} has probabilities; make a new sweep with new ones")
        return {"values": [*values, edit.value]}
    if not has_it:
        texts = [value for value in values if isinstance(value, str)]
        listed = ", ".join(map(shown, values[:8])) + (", ..." if len(values) > 8 else "")
        raise SpecError(f"{option}: {p.name} is {listed}{nearest(edit.value, texts)}")
    text = json.dumps(edit.value, sort_keys=True)
    left = [i for i, one in enumerate(values) if json.dumps(one, sort_keys=True) != text]
    if not left:
        raise SpecError(f"{option}: it is the only value; put another in its place with --fix")
    if "probabilities" in body:
        chances = [body["probabilities"][i] for i in left]
        if not sum(chances):
            raise SpecError(f"{option}: the other values have the probability 0; use --fix")
        shares = [chance / sum(chances) for chance in chances]
        return {"values": [values[i] for i in left], "probabilities": shares}
    return {"values": [values[i] for i in left]}


def _values(sweep: Sweep, p: Parameter) -> list[Any] | None:
    """Return all values of a parameter, in their order; None for too many."""
    if p.values:
        return list(p.values)
    axis = axis_of(p, sweep.method)
    if axis is None or axis.size > _LISTED:
        return None
    return [axis.value(i) for i in range(axis.size)]


def _by_name(sweep: Sweep) -> dict[str, Parameter]:
    return {p.name: p for p in sweep.parameters}


def _body(spec: dict[str, Any], p: Parameter) -> Any:
    body: Any = spec
    for name in p.path:
        body = body["parameters"][name]
    return body


def _write(spec: dict[str, Any], p: Parameter, body: dict[str, Any]) -> None:
    inner: Any = spec
    for name in p.path[:-1]:
        inner = inner["parameters"][name]
    inner["parameters"][p.path[-1]] = body
