"""What sweeps taught: recorded with its scope, withdrawn when it is contradicted, used again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from typing import Any

from homerun import insight
from homerun.agent.sweeps import PROJECT
from homerun.core import MissingExtraError, SweepRecord, UsageError
from homerun.spec import Sweep, nest, usable
from homerun.store import Finding, Store, find_finding, findings, record_findings, runs_frame

_ENOUGH = 3  # data sets from which a common default is taken to another one


@dataclass(frozen=True, kw_only=True)
class Learned:
    """New findings, and the older ones that they withdraw."""

    findings: tuple[Finding, ...]
    known: tuple[Finding, ...]  # that say exactly the same already
    withdrawn: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class Start:
    """What earlier findings say to a new sweep."""

    values: Mapping[str, Any] = field(default_factory=dict)  # by dotted name: to begin with
    lines: tuple[str, ...] = ()  # why these
    warnings: tuple[str, ...] = ()  # what holds elsewhere, disagrees or does not fit


def learn(
    store: Store,
    record: SweepRecord,
    *,
    scope: Mapping[str, str] | None = None,
    margin: float = 0.02,
) -> Learned:
    """Record what is settled of each parameter of a sweep, and what is still open.

    What is open is kept, too: pooled without it, only the striking data sets would count. `scope`
    adds to what the runs tell. Raises UsageError for a sweep without a metric or a result.
    """
    _check_extra()
    metric = record.metric
    if metric is None:
        raise UsageError(f"sweep {record.id} has no metric; findings need one")
    df = runs_frame(store, sweep=record.id)
    config = {name: df[name].dropna().tolist() for name in df.attrs.get("config", [])}
    asked = {"metric": metric.name, "goal": metric.goal}
    if asked["metric"] not in df.columns:
        raise UsageError(f"no run of sweep {record.id} has logged {asked['metric']} yet")
    about = _about(record, scope or {})
    new = [
        Finding(
            project=record.project,
            sweep=record.id,
            source="settled",
            scope={**insight.scope_of(config, of=lesson["parameter"]), **about},
            **_named(lesson, about.get("dataset")),
        )
        for lesson in insight.learned(df, **asked, margin=margin)
    ]
    return _record(store, new)


def learn_by_hand(
    store: Store,
    statement: str,
    *,
    project: str,
    parameter: str,
    value: Any,
    against: Any = None,
    effect: float | None = None,
    low: float | None = None,
    high: float | None = None,
    scope: Mapping[str, Any] | None = None,
) -> Learned:
    """Record what a person has found; with an effect it is pooled with the rest."""
    _check_extra()
    numbers: dict[str, Any] = {"effect": effect, "low": low, "high": high}
    scope = _kinds(scope or {})
    dataset = str(scope.get("dataset", ""))
    one = Finding(
        project=project,
        parameter=parameter,
        statement=statement,
        verdict="fix",
        value=value,
        scope=scope,
        evidence=insight.by_hand(value, against=against, dataset=dataset, **numbers),
        **numbers,
    )
    return _record(store, [one])


def learned_start(store: Store, sweep: Sweep, *, project: str | None) -> Start:
    """Return the values with which a new sweep begins by what was found before.

    In their scope (data set, model, project) findings count as they are. Outside of it only those
    do that hold over three data sets and more, pooled; the others are said.
    """
    _check_extra()
    here = insight.scope_of({p.name: p.values for p in sweep.parameters if p.values})
    here["project"] = project or sweep.project or PROJECT
    start = Start()
    for p in sweep.parameters:
        known = [one for one in findings(store, parameter=p.name) if one.withdrawn_at is None]
        if known and p.distribution != "constant":
            mine = {kind: value for kind, value in here.items() if kind != insight.kind_of(p.name)}
            start = _joined(start, _of_parameter(sweep, p.name, known, mine))
    return start


def _of_parameter(
    sweep: Sweep, name: str, known: Sequence[Finding], here: Mapping[str, Any]
) -> Start:
    inside = [one for one in known if not insight.differences(_scope(one), here)]
    dropped = [
        f"{name}={insight.show(one.value)} is still tried: {_source(one)}"
        for one in inside
        if one.verdict == "drop" and _fits(sweep, name, one.value)
    ]
    fixed = [one for one in inside if one.verdict == "fix"]
    start = _found_here(name, fixed, inside) if fixed else _found_elsewhere(name, known, here)
    if start.values and not _fits(sweep, name, start.values[name]):
        unfit = f"{start.lines[0]}; not used, it is none of its values here"
        start = Start(warnings=(unfit,))
    return replace(start, warnings=(*dropped, *start.warnings))


def _found_here(name: str, fixed: Sequence[Finding], inside: Sequence[Finding]) -> Start:
    """Return the value that findings of this scope agree on, or that they do not."""
    values = {insight.show(one.value): one.value for one in fixed}
    if len(values) > 1:
        start = _common(name, inside, least=2)
        found = ", ".join(f"{insight.show(one.value)} (finding {one.number})" for one in fixed)
        return start or Start(warnings=(f"{name}: findings disagree, none is used: {found}",))
    line = f"{name}={next(iter(values))}: {'; '.join(map(_source, fixed))}"
    return Start(values={name: fixed[-1].value}, lines=(line,))


def _found_elsewhere(name: str, known: Sequence[Finding], here: Mapping[str, Any]) -> Start:
    """Return the value that is best across data sets, else what was found outside of the scope."""
    start = _common(name, known, least=_ENOUGH)
    if start is not None:
        apart = insight.differences(insight.joined(map(_scope, known)), here)
        reasons = "; ".join(apart) or "in other combinations"
        found = f"{name}={insight.show(start.values[name])} was found elsewhere: {reasons}"
        return replace(start, warnings=(found,))
    return Start(
        warnings=tuple(
            f"{name}={insight.show(one.value)} is not used, it was found elsewhere: "
            f"{'; '.join(insight.differences(_scope(one), here))} ({_source(one)})"
            for one in known
            if one.verdict == "fix"
        )
    )


def _common(name: str, found: Sequence[Finding], *, least: int) -> Start | None:
    """Return the best common default of so many data sets at least, None where nothing tells."""
    pooled = insight.pool([one.to_dict() for one in found], name)
    if pooled.verdict in {"cannot tell", "no difference"} or pooled.facts["data_sets"] < least:
        return None
    value = pooled.facts["default"]
    numbers = ", ".join(str(one.number) for one in found)
    text = pooled.sentence.removeprefix(f"{name}: ")
    line = f"{name}={insight.show(value)}: findings {numbers}: {text}"
    return Start(values={name: value}, lines=(line,))


def _record(store: Store, new: Sequence[Finding]) -> Learned:
    """Record what is new, and withdraw the older findings that it contradicts."""
    older = [one for one in findings(store) if one.withdrawn_at is None]
    known = [old for old in older if any(map(partial(_is_same, old), new))]
    why = {}
    for old in older:
        said = (insight.contradiction(one.to_dict(), old.to_dict()) for one in new)
        reason = next(filter(None, said), "")
        if reason and old not in known:
            why[old.number] = reason
    unknown = [one for one in new if not any(map(partial(_is_same, one), known))]
    recorded = record_findings(store, unknown, withdrawn=why)
    return Learned(
        findings=tuple(recorded),
        known=tuple(known),
        withdrawn=tuple(find_finding(store, number) for number in why),
    )


def _is_same(one: Finding, other: Finding) -> bool:
    return replace(one, number=0, created_at=0.0) == replace(other, number=0, created_at=0.0)


def _about(record: SweepRecord, given: Mapping[str, str]) -> dict[str, Any]:
    """Return what the sweep and a person say of the scope."""
    program = record.spec.get("program")
    return {**({"program": program} if program else {}), **_kinds(given)}


def _kinds(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scope by the words that are used here: `data_set` is `dataset`."""
    return {insight.kind_of(name) or name: value for name, value in given.items()}


def _named(lesson: dict[str, Any], dataset: str | None) -> dict[str, Any]:
    """Return a lesson whose only data set has the name that was given."""
    units = lesson["evidence"]["units"]
    if dataset and len(units) == 1 and not units[0]["dataset"]:
        units = [{**units[0], "dataset": dataset}]
    return {**lesson, "evidence": {**lesson["evidence"], "units": units}}


def _scope(finding: Finding) -> dict[str, Any]:
    return {"project": finding.project, **finding.scope}


def _fits(sweep: Sweep, name: str, value: Any) -> bool:
    return name not in usable(sweep, nest([(tuple(name.split(".")), value)]))[1]


def _source(finding: Finding) -> str:
    """Return where a finding comes from: `finding 3, dataset=digits: crop: fix ...`."""
    text = finding.statement.removeprefix(f"{finding.parameter}: ")
    return f"finding {finding.number}, {insight.told(_scope(finding))}: {text}"


def _joined(one: Start, other: Start) -> Start:
    return Start(
        values={**one.values, **other.values},
        lines=one.lines + other.lines,
        warnings=one.warnings + other.warnings,
    )


def _check_extra() -> None:
    if not all(map(find_spec, ("pandas", "scipy"))):
        raise MissingExtraError("findings need: pip install 'homerun[insight]'")
