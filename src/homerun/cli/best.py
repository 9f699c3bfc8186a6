"""`homerun best`: which run of a sweep is best, by a model of all of them."""

from collections.abc import Sequence
from typing import Any

import click

from homerun.agent import recommended
from homerun.cli import output, words
from homerun.cli.common import argument, json_option, location, open_home
from homerun.core import SweepRecord, UsageError, flat
from homerun.search import Candidate, Recommendation
from homerun.spec import Metric
from homerun.store import Store

_TOP = 5
_WIDE = 16  # characters to which the values of a parameter are shortened, at least


@click.command("best")
@argument("ref", "sweep", metavar="SWEEP")
@click.option("--metric", "name", metavar="NAME", help="By this metric; default: the sweep's.")
@click.option(
    "--goal", type=click.Choice(["minimize", "maximize"]), help="With --metric; default: minimize."
)
@click.option(
    "-n", "limit", type=click.IntRange(min=1), default=_TOP, metavar="N", help="Show N runs."
)
@json_option
def best_command(
    *, ref: str, name: str | None, goal: str | None, limit: int, is_json: bool
) -> None:
    """Say which run of a sweep is best, how sure that is, and what would make it surer.

    Of many results the best is mostly also a lucky one. A model of all runs tells luck from
    quality: EXPECTED is what it expects of a run when it is made again, with a 90 % interval, and
    CHANCE the probability that no other run is better. Repeats count as one, by their mean.

    \b
    homerun best x3k9a2bc
    homerun best x3k9a2bc --metric fit_time -n 10
    homerun best x3k9a2bc --json | jq .best.config
    """
    if goal is not None and name is None:
        raise UsageError("--goal goes with --metric")
    with open_home() as store:
        record = store.sweep(ref)
        answer = recommended(store, record, metric=_metric(record, name, goal))
        if is_json:
            output.print_json(_document(store, record, answer, limit))
            return
        shown = (answer.front or answer.top)[:limit]
        click.echo(output.styled(output.plain(location(record.project, record.name)), "bold"))
        if shown:
            _print(answer, shown)
            click.echo()
        for sentence in answer.sentences:
            click.echo(output.wrapped(f"{sentence[:1].upper()}{sentence[1:]}."))
        output.say(f"\nnext: {' · '.join(_next(record, answer))}")


def _metric(record: SweepRecord, name: str | None, goal: str | None) -> Metric | None:
    """Return the metric that was asked for; the goal is the sweep's where that has the metric."""
    if name is None:
        return None
    listed = [record.spec.get("metric"), *(record.spec.get("metrics") or [])]
    own = {one.get("name"): one.get("goal", "minimize") for one in listed if one}
    chosen = goal or own.get(name, "minimize")
    return Metric(name=name, goal="maximize" if chosen == "maximize" else "minimize")


def _document(
    store: Store, record: SweepRecord, answer: Recommendation, limit: int
) -> dict[str, Any]:
    """Return the answer with the numbers of runs, as --json prints it."""
    facts = answer.to_dict()
    facts["candidates"] = len(answer.top)
    facts["top"] = facts["top"][:limit]
    for one in [*facts["top"], *facts["front"], facts["best"], facts["observed"]]:
        if one is not None:
            number = answer.names.get(one["id"])
            one["number"] = int(number) if number else store.run(one["id"]).number
    return {"sweep": record.id, "project": record.project, "name": record.name, **facts}


def _print(answer: Recommendation, shown: Sequence[Candidate]) -> None:
    """Print a table of the best few: what sets them apart, and what is known of them."""
    configs = [flat(dict(one.config)) for one in shown]
    everyone = [flat(dict(one.config)) for one in (answer.front or answer.top)]
    names = [key for key in everyone[0] if len({words.exact(c.get(key)) for c in everyone}) > 1]
    columns = [output.Column("RUN", [answer.name_of(one) for one in shown], is_number=True)]
    if answer.front:
        for metric in answer.metrics:
            values = words.numbers([one.values[metric] for one in shown])
            columns.append(output.Column(metric, values, is_number=True))
    else:
        columns += _judgement(answer, shown)
    for rank, key in enumerate(names, start=10):
        cells = [words.cell(config.get(key)) for config in configs]
        is_number = all(isinstance(config.get(key), int | float) for config in configs)
        columns.append(output.Column(key, cells, is_number, rank=rank, narrow=_WIDE))
    hidden = output.print_table(columns)
    output.say_hidden(hidden)


def _judgement(answer: Recommendation, shown: Sequence[Candidate]) -> list[output.Column]:
    values = words.numbers([one.observed for one in shown])
    columns = [output.Column(answer.metric, values, is_number=True, is_whole=True)]
    if shown[0].mean is not None:
        numbers = [n for one in shown for n in (one.mean, one.low, one.high)]
        texts = words.numbers(numbers)
        means, bounds = texts[0::3], zip(texts[1::3], texts[2::3], strict=True)
        cells = [f"{mean} [{low}, {high}]" for mean, (low, high) in zip(means, bounds, strict=True)]
        columns.append(output.Column("EXPECTED", cells, is_number=True))
        chances = [_percent(one.chance) for one in shown]
        columns.append(output.Column("CHANCE", chances, is_number=True, rank=1))
    if any(one.repeats > 1 for one in answer.top):
        repeats = [str(one.repeats) for one in shown]
        columns.append(output.Column("REPEATS", repeats, is_number=True, rank=2))
    return columns


def _percent(chance: float | None) -> str:
    if chance is None:
        return ""
    return "<1 %" if chance < 0.005 else f"{chance:.0%}".replace("%", " %")


def _next(record: SweepRecord, answer: Recommendation) -> list[str]:
    """Return what to do with the answer: repeat what cannot be told apart, else show the best."""
    if answer.front:
        runs = " ".join(answer.name_of(one) for one in answer.front[:3])
        return [f"homerun promote {record.id} {runs} --repeats 3", f"homerun ls {record.id}"]
    if answer.best is None:
        return [f"homerun agent {record.id}", f"homerun ls {record.id}"]
    needed = [one.repeats_to_tell for one in answer.tied if one.repeats_to_tell is not None]
    top = min(1 + len(answer.tied), _TOP) if answer.tied else 3
    repeats = max(needed, default=3)
    steps = [f"homerun show {answer.name_of(answer.best)}"]
    if len(answer.top) > 1:
        steps.append(f"homerun promote {record.id} --top {top} --repeats {repeats}")
    return steps
