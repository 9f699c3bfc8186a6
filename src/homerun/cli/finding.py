"""`homerun finding`: what sweeps taught, kept with its evidence, and withdrawn when it is wrong."""

import math
import textwrap
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from homerun.agent import Learned, learn, learn_by_hand
from homerun.cli import output, words
from homerun.cli.common import (
    Group,
    completion_of,
    json_option,
    location,
    open_home,
    values_completion,
)
from homerun.core import UsageError, counted
from homerun.spec import parse_edit
from homerun.store import Finding, Store, find_finding, findings, withdraw_finding


def _statements(store: Store) -> dict[str, str]:
    return {str(one.number): one.statement for one in findings(store)}


_number_argument = click.argument(
    "number",
    type=click.IntRange(min=1),
    metavar="N",
    shell_complete=values_completion(_statements),
)


@click.group("finding", cls=Group)
def finding_command() -> None:
    """Keep what sweeps taught: with its evidence, for what it holds, and until it is contradicted.

    New sweeps begin with it: homerun sweep FILE --defaults-from findings.

    \b
    homerun finding add x3k9a2bc
    homerun finding list
    """


@finding_command.command("add")
@click.argument("ref", metavar="[SWEEP]", required=False, shell_complete=completion_of("sweep"))
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="KEY=VALUE",
    help="For what it holds, besides what the runs tell: dataset=digits. May be given several "
    "times.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.02,
    metavar="SHARE",
    help="What is within it of the best is as good. Default: 0.02, 2 % of the metric.",
)
@click.option("--by-hand", metavar="TEXT", help="What you found, in your words; needs no sweep.")
@click.option("--parameter", metavar="NAME", help="By hand: the parameter it is about.")
@click.option("--value", metavar="VALUE", help="By hand: the value that is best.")
@click.option("--against", metavar="VALUE", help="By hand: the value it beats.")
@click.option("--effect", type=float, metavar="SHARE", help="What that costs: 0.04 is 4 % more.")
@click.option(
    "--interval", nargs=2, type=float, metavar="LOW HIGH", help="The 95 % interval of --effect."
)
@click.option("-p", "--project", help="By hand: its project.")
@json_option
def add_command(
    *,
    ref: str | None,
    scopes: Sequence[str],
    margin: float,
    by_hand: str | None,
    is_json: bool,
    **hand: Any,
) -> None:
    """Record what a sweep has settled, or what you have found by hand.

    Each parameter gets a finding: fix (a value), drop (one), extend (the range) or open. Older
    findings for the same data set, task and model that it contradicts are withdrawn.

    \b
    homerun finding add x3k9a2bc --scope dataset=digits
    homerun finding add --by-hand "crop beats squish" --parameter resize \\
        --value crop --against squish --effect 0.04 --interval 0.02 0.06
    """
    scope = dict(map(_pair, scopes))
    if (ref is None) == (by_hand is None):
        raise UsageError("give a SWEEP, or --by-hand TEXT")
    if by_hand is not None:
        learned = _by_hand(by_hand, scope, **hand)
    elif given := [f"--{name}" for name, value in hand.items() if value]:
        raise UsageError(f"{', '.join(given)} goes with --by-hand")
    else:
        with open_home() as store:
            learned = learn(store, store.sweep(str(ref)), scope=scope, margin=margin)
    if is_json:
        parts = {"findings": learned.findings, "known": learned.known}
        parts["withdrawn"] = learned.withdrawn
        output.print_json({name: [one.to_dict() for one in some] for name, some in parts.items()})
    else:
        _say(learned)


def _by_hand(
    text: str,
    scope: dict[str, Any],
    *,
    parameter: str | None,
    value: str | None,
    against: str | None,
    effect: float | None,
    interval: tuple[float, float] | None,
    project: str | None,
) -> Learned:
    from homerun.track import check_project, default_project  # noqa: PLC0415  loads much

    if parameter is None or value is None:
        raise UsageError("--by-hand needs --parameter and --value: what is it about, what is best?")
    if (effect is None) != (against is None) or (interval and effect is None):
        raise UsageError("--effect goes with --against, the value that costs so much")
    if effect is not None and effect <= -1:
        raise UsageError(f"--effect {effect} is a share of the metric above -1; 0.04 is 4 % more")
    low, high = interval or (None, None)
    if low is not None and high is not None and not -1 < low <= (effect or 0) <= high:
        raise UsageError(f"--interval {low:g} {high:g} does not hold the effect {effect:g}")
    with Store() as store:
        return learn_by_hand(
            store,
            text,
            project=check_project(project or default_project(Path.cwd())),
            parameter=parameter,
            value=parse_edit("fix", f"{parameter}={value}").value,
            against=against and parse_edit("fix", f"{parameter}={against}").value,
            effect=effect,
            low=low,
            high=high,
            scope=scope,
        )


def _say(learned: Learned) -> None:
    if not (learned.findings or learned.known):
        output.say("no parameter varies in it: there is nothing to learn")
    for one in learned.findings:
        click.echo(output.plain(f"finding {one.number}: {one.statement}"))
    for one in learned.known:
        output.say(output.plain(f"finding {one.number} says so already: {one.statement}"))
    for one in learned.withdrawn:
        lost = f"finding {one.number} is withdrawn ({one.statement})"
        output.say(output.plain(f"{lost}: {one.withdrawn_why}"))
    output.say("next: homerun finding list · homerun sweep FILE --defaults-from findings")


@finding_command.command("list")
@click.option("-p", "--project", help="Only of this project.")
@click.option("--parameter", metavar="NAME", help="Only about this parameter.")
@click.option("-a", "--all", "is_all", is_flag=True, help="Also what is open or withdrawn.")
@json_option
def list_command(
    *, project: str | None, parameter: str | None, is_all: bool, is_json: bool
) -> None:
    """List what was found, the newest last; about a parameter also what holds across data sets.

    \b
    homerun finding list
    homerun finding list --parameter resize_method
    """
    with open_home() as store:
        found = findings(store, project=project, parameter=parameter)
    stands = [one for one in found if one.withdrawn_at is None]
    shown = found if is_all else [one for one in stands if one.verdict != "open"]
    pooled = _pooled(stands, parameter) if parameter else None
    if is_json:
        listed = [one.to_dict() for one in shown]
        output.print_json({"findings": listed, "pooled": pooled.to_dict()} if pooled else listed)
        return
    if not shown:
        output.say("no finding here; homerun finding add SWEEP records what a sweep taught")
    elif output.is_pretty():
        _print(shown)
    else:
        titles = "number project parameter verdict value effect low high runs sweep".split()
        rows = [[one.to_dict()[name] for name in titles] for one in shown]
        output.print_tsv(titles, rows)
    if pooled:
        click.echo()
        for line in str(pooled).splitlines():
            click.echo(output.plain(line))
    hidden = len(found) - len(shown)
    if hidden:
        output.say(f"not shown: {counted(hidden, 'finding')} open or withdrawn; --all shows them")


def _pooled(stands: Sequence[Finding], parameter: str) -> Any:
    from homerun import insight  # noqa: PLC0415  loads pandas

    return insight.pool([one.to_dict() for one in stands], parameter) if stands else None


def _print(shown: Sequence[Finding]) -> None:
    now = time.time()
    verdicts = ["withdrawn" if one.withdrawn_at else one.verdict for one in shown]
    sure = [_interval(one) for one in shown]
    output.print_table(
        [
            output.Column("N", [str(one.number) for one in shown], is_number=True),
            output.Column("PARAMETER", [one.parameter for one in shown], narrow=20),
            output.Column("VERDICT", verdicts, is_whole=True),
            output.Column("VALUE", [words.exact(one.value) for one in shown]),
            output.Column("COSTS", sure, is_number=True, rank=2),
            output.Column("RUNS", [str(one.runs or "") for one in shown], is_number=True, rank=4),
            output.Column("SCOPE", [_told(one.scope) for one in shown], narrow=16, rank=1),
            output.Column("PROJECT", [one.project for one in shown], rank=5),
            output.Column("FOUND", [words.ago(one.created_at, now) for one in shown], rank=3),
        ]
    )


@finding_command.command("show")
@_number_argument
@json_option
def show_command(*, number: int, is_json: bool) -> None:
    """Show a finding with its evidence: what every value costs, on which data set.

    \b
    homerun finding show 3
    """
    with open_home() as store:
        one = find_finding(store, number)
    if is_json:
        output.print_json(one.to_dict())
        return
    evidence = one.evidence
    measured = f"{evidence.get('metric', '')} ({evidence.get('goal', '')})"
    facts = {
        "finding": f"{one.number}, {location(one.project, one.sweep or '')}",
        "says": one.statement,
        "costs": _interval(one) + (" (in all contexts)" if one.source == "settled" else ""),
        "runs": str(one.runs or ""),
        "metric": measured if "metric" in evidence else "",
        "scope": _told(one.scope),
        "found": f"{words.moment(one.created_at)}, {_by(one)}",
        "withdrawn": f"{words.moment(one.withdrawn_at)}: {one.withdrawn_why}"
        if one.withdrawn_at
        else "",
        "beware": " ".join(evidence.get("notes", [])),
    }
    width = max(map(len, facts))
    for key, value in facts.items():
        if value.strip():
            indent = " " * (width + 2)
            text = output.plain(f"{key:{width}}  {value}")
            click.echo(textwrap.fill(text, output.width(), subsequent_indent=indent))
    if rows := [(unit, level) for unit in evidence.get("units", []) for level in unit["levels"]]:
        click.echo()
        _print_evidence(rows)


def _print_evidence(rows: Sequence[tuple[Any, Any]]) -> None:
    output.print_table(
        [
            output.Column("DATASET", [unit["dataset"] or "-" for unit, _ in rows]),
            output.Column("VALUE", [words.exact(level["value"]) for _, level in rows]),
            *(
                output.Column(
                    name.upper(),
                    [_costs(level[name], unit["scale"]) for unit, level in rows],
                    is_number=True,
                )
                for name in ("costs", "low", "high")
            ),
            output.Column("RUNS", [str(unit.get("runs") or "") for unit, _ in rows], True, rank=1),
        ]
    )


@finding_command.command("withdraw")
@_number_argument
@click.option("--why", required=True, metavar="TEXT", help="What was wrong with it.")
def withdraw_command(*, number: int, why: str) -> None:
    """Withdraw a finding: it stays in the home, with the reason, and is used no more.

    \b
    homerun finding withdraw 3 --why "the labels were wrong"
    """
    with open_home() as store:
        known = find_finding(store, number)
        if known.withdrawn_at is not None:
            raise UsageError(f"finding {number} was withdrawn before: {known.withdrawn_why}")
        withdraw_finding(store, number, why)
    output.say(output.plain(f"finding {number} is withdrawn: {why}"))


def _costs(response: float | None, kind: str) -> str:
    """Return a difference on its scale (see docs/insight.md) as `4.0 %`, or as it is."""
    if response is None:
        return ""
    return words.number(response) if kind == "plain" else f"{100 * math.expm1(response):.2g} %"


def _interval(one: Finding) -> str:
    if one.effect is None:
        return ""
    effect = words.number(one.effect)
    if one.evidence.get("scale") != "plain":
        effect = f"{100 * one.effect:.2g} %"
    if one.low is None or one.high is None:
        return effect
    by = 1 if one.evidence.get("scale") == "plain" else 100
    return f"{effect} [{by * one.low:.2g}, {by * one.high:.2g}]"


def _told(scope: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{kind}={' or '.join(map(words.exact, value if isinstance(value, list) else [value]))}"
        for kind, value in scope.items()
    )


def _by(one: Finding) -> str:
    return "by hand" if one.source == "hand" else "by the statistics of its runs"


def _pair(text: str) -> tuple[str, Any]:
    key, found, value = text.partition("=")
    if not (key and found and value):
        raise UsageError(f"--scope {text!r} is no KEY=VALUE, such as dataset=digits")
    return key, value
