"""Why a run has the configuration it has: what proposed it, what was expected, what came out."""

from collections.abc import Mapping
from typing import Any

import click

from homerun.cli import output, words
from homerun.cli.common import location
from homerun.core import NotFoundError, Run, RunState, SweepRecord, counted, flat
from homerun.store import Store, source_of, suggestion_of

_LABEL = 10
_BY = {
    "default": "it is one of the configurations that the sweep begins with",
    "start": "it fills the space, before there are enough runs for a model",
    "gaussian": "the Gaussian process of the portfolio expects much of it",
    "forest": "the forest of the portfolio expects much of it",
    "random": "it was drawn at random, so that nothing is overlooked",
    "repeat": "it is the best so far once more, to tell how much runs differ by chance",
    "sobol": "it is the next point of a sequence that fills the space",
}
_METHODS = {
    "grid": "it is a point of the grid, all of which are run",
    "random": "method: random drew it",
}


def explain(store: Store, run: Run, *, is_json: bool) -> None:
    """Print why a run was suggested."""
    facts = explanation(store, run)
    if is_json:
        output.print_json(facts)
        return
    sweep = _sweep_of(store, run)
    title = location(run.project, sweep.name if sweep else "", run.name)
    click.echo(output.styled(output.plain(f"{title} (run {run.number})"), "bold"))
    lines = {
        "config": words.settings(flat(run.config)),
        "why": facts["why"],
        "expected": _expected(facts),
        "best then": _best(facts),
        "came out": _outcome(run, facts),
    }
    for label, text in lines.items():
        if text:
            shown = output.styled(f"{label:{_LABEL}}", "dim")
            click.echo(f"{shown}  {output.plain(text)}")
    output.say(f"\nnext: homerun show {run.number}{f' · homerun best {sweep.id}' if sweep else ''}")


def explanation(store: Store, run: Run) -> dict[str, Any]:
    """Return why a run was suggested, as --json prints it."""
    sweep = _sweep_of(store, run)
    metric = sweep.metric if sweep else None
    return {
        "run": run.number,
        "id": run.id,
        "sweep": run.sweep,
        "state": run.state,
        "config": run.config,
        "why": why(store, run),
        "suggestion": suggestion_of(store, run.id) or None,
        "promoted_from": source_of(store, run.id) or None,
        "metric": metric.name if metric else None,
        "observed": metric.value_in(run.summary) if metric else None,
    }


def why(store: Store, run: Run) -> str:
    """Return in one sentence why a run has the configuration it has."""
    sweep = _sweep_of(store, run)
    if sweep is None:
        return "it is of no sweep: whoever started it chose its configuration"
    source = source_of(store, run.id)
    if source:
        return f"it repeats {_named(store, source)}, which was promoted"
    reason = suggestion_of(store, run.id)
    if reason:
        by = str(reason.get("by"))
        text = _BY.get(by, f"{by} suggested it")
        note = reason.get("note")
        if by == "random" and note:
            text = "it was drawn at random"
        known = f" ({counted(reason['runs'], 'finished run')} known)" if reason.get("runs") else ""
        return f"{text}{known}{f': {note}' if note else ''}"
    if "configs" in (sweep.spec.get("homerun") or {}):
        return "the sweep lists it under homerun.configs"
    return _METHODS.get(str(sweep.spec.get("method")), "nothing was noted when it was proposed")


def why_line(store: Store, run: Run) -> str:
    """Return the same for the page of a run, with what was expected; empty without a model."""
    reason = suggestion_of(store, run.id)
    if not reason and not source_of(store, run.id):
        return ""
    expected = _expected({"suggestion": reason, "metric": None})
    return why(store, run) + (f"; expected {expected}" if expected else "")


def _expected(facts: Mapping[str, Any]) -> str:
    reason = facts["suggestion"] or {}
    if reason.get("mean") is None:
        return ""
    named = f"{facts['metric']} " if facts["metric"] else ""
    text = f"{named}{words.number(reason['mean'])}"
    if reason.get("low") is not None and reason.get("high") is not None:
        text += f" [{words.number(reason['low'])}, {words.number(reason['high'])}]"
    return text


def _best(facts: Mapping[str, Any]) -> str:
    reason = facts["suggestion"] or {}
    if reason.get("best") is None:
        return ""
    text = f"{words.number(reason['best'])} was the best mean until then"
    if reason.get("improvement") is not None:
        text += f"; it was expected to improve on that by {words.number(reason['improvement'])}"
    return text


def _outcome(run: Run, facts: Mapping[str, Any]) -> str:
    """Return what the run gave, and whether that was expected."""
    value, reason = facts["observed"], facts["suggestion"] or {}
    if value is None:
        ended = f": {run.reason}" if run.reason else ""
        return f"nothing: it is {run.state}{ended}" if run.state != RunState.PENDING else ""
    text = f"{facts['metric']} {words.number(value)}"
    low, high = reason.get("low"), reason.get("high")
    if low is None or high is None:
        return text
    within = "inside" if low <= value <= high else ("below" if value < low else "above")
    noise = "" if within == "inside" else ", which leaves out the noise of a single run"
    return f"{text}, {within} the interval{noise}"


def _named(store: Store, run_id: str) -> str:
    try:
        run = store.run(run_id)
    except NotFoundError:
        return f"run {run_id}, which was removed since"
    sweep = _sweep_of(store, run)
    return f"run {run.number}{f' of {sweep.name}' if sweep else ''}"


def _sweep_of(store: Store, run: Run) -> SweepRecord | None:
    try:
        return store.sweep(run.sweep) if run.sweep else None
    except NotFoundError:
        return None
