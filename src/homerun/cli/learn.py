"""`homerun compare`, `importance`, `independence`, `settled`: what runs teach, and how surely."""

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from homerun.cli import output
from homerun.cli.asking import Table, ask, asked, check, question_options, table_of, table_options
from homerun.cli.common import argument, json_option, keys_completion

if TYPE_CHECKING:
    from homerun.insight import Answer

_ROWS = 20  # of a long table that a person reads


@click.command("compare")
@argument("ref", "sweep", "file", metavar="SWEEP|TABLE.csv")
@click.argument("parameter", metavar="PARAMETER", shell_complete=keys_completion())
@question_options
@json_option
def compare_command(*, ref: str, parameter: str, is_json: bool, **options: Any) -> None:
    """Say which value of a parameter is best, or that these runs cannot tell.

    Runs that differ in nothing else are set against each other. COSTS is how much worse the metric
    is than with the best value, with a 95 % interval; WON in how many contexts a value was ahead
    of the best one; RISK what its best result gives away.

    \b
    homerun compare x3k9a2bc resize_method
    homerun compare x3k9a2bc lr --where "model == 'vit'" --margin 0.05
    homerun compare runs.csv model --metric error_rate --repeat-column seed
    """
    _answer("compare", ref, options, parameter=parameter, is_json=is_json)


@click.command("importance")
@argument("ref", "sweep", "file", metavar="SWEEP|TABLE.csv")
@table_options
@json_option
def importance_command(*, ref: str, is_json: bool, **options: Any) -> None:
    """Say how much each parameter matters, overall and among the best runs.

    MATTERS is the share of the differences that a parameter makes by itself, with a 95 % interval;
    NEAR TOP the same for what sets the best runs apart within the better half.

    \b
    homerun importance x3k9a2bc
    homerun importance runs.csv --metric accuracy --goal maximize
    """
    _answer("importance", ref, options, is_json=is_json)


@click.command("independence")
@argument("ref", "sweep", "file", metavar="SWEEP|TABLE.csv")
@question_options
@json_option
def independence_command(*, ref: str, is_json: bool, **options: Any) -> None:
    """Say which parameters must be tuned together, and which one after the other.

    A pair INTERACTS when the effect of one parameter changes with the other: by EFFECT, and at
    most by AT MOST (95 %, for all pairs at once). BEST MOVES tells whether the best value does.

    \b
    homerun independence x3k9a2bc
    homerun independence runs.csv --metric error_rate --margin 0.05
    """
    _answer("independence", ref, options, is_json=is_json)


@click.command("settled")
@argument("ref", "sweep", "file", metavar="SWEEP|TABLE.csv")
@question_options
@json_option
def settled_command(*, ref: str, is_json: bool, **options: Any) -> None:
    """Say which values to fix, which to drop, and which ranges to extend.

    Of such sets of claims at most one in twenty has a false one. What is open may be settled by
    more runs: the evidence says by about how many.

    \b
    homerun settled x3k9a2bc
    homerun settled x3k9a2bc --margin 0.05 --json | jq '.table[]'
    """
    _answer("settled", ref, options, is_json=is_json)


def _answer(
    question: str,
    ref: str,
    options: dict[str, Any],
    *,
    is_json: bool,
    parameter: str | None = None,
) -> None:
    check(ref)
    function = ask(question)
    table = table_of(ref, metric=options["metric"], goal=options["goal"], where=options["where"])
    known = {**asked(options), "metric": table.required_metric, "goal": table.goal}
    if "margin" in options:
        known["margin"] = options["margin"]
    answer = function(table.frame, *([parameter] if parameter else []), **known)
    if is_json:
        output.print_json(_document(question, table, answer))
        return
    click.echo(output.styled(output.plain(table.title), "bold"))
    columns = _TABLES[question](answer)
    if len(answer.table):
        output.print_table(columns)
        click.echo()
    _print_words(answer)
    if len(answer.table) > _ROWS and question != "settled":
        output.say(f"\nthe first {_ROWS} of {len(answer.table):,} rows; all of them: --json")
    if table.sweep is not None:
        output.say(f"\nnext: {_next(question, table.sweep.id, answer)}")


def _document(question: str, table: Table, answer: "Answer") -> dict[str, Any]:
    sweep = {"sweep": table.sweep.id} if table.sweep else {"table": table.title}
    known = {"question": question, "metric": table.metric, "goal": table.goal}
    return {**sweep, **known, **answer.to_dict()}


def _print_words(answer: "Answer") -> None:
    click.echo(output.wrapped(answer.sentence))
    for note in answer.notes:
        click.echo(output.styled(output.wrapped(note, first="- ", others="  "), "dim"))


def _next(question: str, sweep: str, answer: "Answer") -> str:
    rows = answer.table
    if question == "importance" and len(rows):
        first = output.plain(str(rows["parameter"][0]))
        return f"homerun compare {sweep} {first} · homerun independence {sweep}"
    steps = {
        "compare": f"homerun settled {sweep}",
        "importance": f"homerun independence {sweep}",
        "independence": f"homerun settled {sweep}",
        "settled": f"homerun advise {sweep} -o next.yaml · homerun report {sweep} -o report.html",
    }
    return steps[question]


def _compared(answer: "Answer") -> list[output.Column]:
    rows = answer.table.head(_ROWS).to_dict("records")
    names = list(answer.table.columns)
    metric = str(names[2])
    is_share = answer.facts.get("scale") != "plain"
    columns = [
        output.Column(str(names[0]), [str(row[names[0]]) for row in rows]),
        output.Column("RUNS", [str(row["runs"]) for row in rows], is_number=True, rank=3),
        output.Column(metric, [f"{row[metric]:.4g}" for row in rows], is_number=True, rank=1),
        output.Column(
            "COSTS",
            [
                _interval(row["costs"], row["low"], row["high"], is_share=is_share) if at else ""
                for at, row in enumerate(rows)
            ],
            is_number=True,
        ),
        output.Column(
            "WON",
            [
                f"{round(row['wins'] * row['contexts'])} of {row['contexts']}"
                if row["contexts"]
                else ""
                for row in rows
            ],
            is_number=True,
            rank=2,
        ),
        output.Column(
            "RISK", [_size(row["risk"], is_share=is_share) for row in rows], True, rank=4
        ),
    ]
    if "lost" in names:
        columns.append(output.Column("LOST", [str(row["lost"]) for row in rows], True, rank=5))
    columns.append(output.Column("VERDICT", [str(row["verdict"]) for row in rows], is_whole=True))
    return columns


def _ranked(answer: "Answer") -> list[output.Column]:
    rows = answer.table.head(_ROWS).to_dict("records")
    if not rows:
        return []
    near = [_interval(row["near_top"], row["top_low"], row["top_high"]) for row in rows]
    return [
        output.Column("PARAMETER", [str(row["parameter"]) for row in rows]),
        output.Column(
            "MATTERS",
            [_interval(row["importance"], row["low"], row["high"]) for row in rows],
            is_number=True,
        ),
        output.Column("", [_bar(row["importance"]) for row in rows], is_whole=True, rank=2),
        output.Column("NEAR TOP", near, is_number=True, rank=1),
        output.Column("BEYOND NOISE", [str(row["matters"]) for row in rows], is_whole=True, rank=3),
    ]


def _paired(answer: "Answer") -> list[output.Column]:
    rows = answer.table.head(_ROWS).to_dict("records")
    is_share = answer.facts.get("scale") != "plain"

    def texts(name: str) -> list[str]:
        return [_size(row[name], is_share=is_share) for row in rows]

    return [
        output.Column("PARAMETER", [str(row["a"]) for row in rows]),
        output.Column("WITH", [str(row["b"]) for row in rows]),
        output.Column("INTERACTS", [str(row["interacts"]) for row in rows], is_whole=True),
        output.Column("EFFECT", texts("effect"), is_number=True),
        output.Column("AT MOST", texts("upper_bound"), is_number=True),
        output.Column("BEST MOVES", [str(row["best_moves"]) for row in rows], rank=1),
        output.Column("P", [_chance(row["p"]) for row in rows], is_number=True, rank=2),
    ]


def _decided(answer: "Answer") -> list[output.Column]:
    """Return the table with the evidence broken into lines: nothing of it is cut off."""
    rows = answer.table.to_dict("records")
    names = ("parameter", "verdict", "value")
    used = sum(max([len(name), *(len(str(row[name])) for row in rows)]) + 2 for name in names)
    room = max(output.width() - used, 24)
    lines: list[Sequence[str]] = []
    for row in rows:
        first, *more = textwrap.wrap(output.plain(row["evidence"]), room) or [""]
        lines.append((*(str(row[name]) for name in names), first))
        lines += [("", "", "", text) for text in more]
    cells = list(zip(*lines, strict=True)) or [()] * 4
    return [
        output.Column(title, column)
        for title, column in zip(("PARAMETER", "ANSWER", "VALUE", "EVIDENCE"), cells, strict=True)
    ]


_TABLES = {
    "compare": _compared,
    "importance": _ranked,
    "independence": _paired,
    "settled": _decided,
}


def _size(value: float, *, is_share: bool = True) -> str:
    if not math.isfinite(value):
        return ""
    if not is_share:
        return f"{value:.3g}"
    share = 100 * value
    return f"{share:.0f} %" if abs(share) >= 10 else f"{share:.1f} %"


def _interval(value: float, low: float, high: float, *, is_share: bool = True) -> str:
    text = _size(value, is_share=is_share)
    if not text or not (math.isfinite(low) and math.isfinite(high)):
        return text
    edges = (_size(edge, is_share=is_share).removesuffix(" %") for edge in (low, high))
    return f"{text} [{', '.join(edges)}]"


def _bar(share: float) -> str:
    """Return a bar of at most 12 characters."""
    return "█" * round(12 * min(max(share, 0.0), 1.0)) if math.isfinite(share) else ""


def _chance(p: float) -> str:
    return "" if not math.isfinite(p) else "<0.001" if p < 0.001 else f"{p:.3f}"
