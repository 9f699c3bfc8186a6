"""What the commands share: the open home, names of runs and sweeps, completion, options."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from homerun.core import NotFoundError, Run, SweepRecord
from homerun.store import Store, complete_ids, complete_keys, find_home, settle

json_option = click.option("--json", "is_json", is_flag=True, help="Print one JSON document.")
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


@contextmanager
def open_home() -> Iterator[Store]:
    """Give the home with the true states of its runs; raise NotFoundError when there is none."""
    home = find_home()
    if not has_database(home):
        raise NotFoundError(
            f"there is no home at {home} yet; it is made by the first sweep or run, or here with: "
            "homerun init"
        )
    with Store(home) as store:
        settle(store)
        yield store


def has_database(home: Path) -> bool:
    """Tell whether anything was ever kept in this home."""
    return (home / "homerun.db").exists()


def find(store: Store, ref: str) -> Run | SweepRecord:
    """Return the run or the sweep that a word on the command line means."""
    found: list[Run | SweepRecord] = []
    unclear: list[NotFoundError] = []
    for look_up in (store.sweep, store.run):
        try:
            found.append(look_up(ref))
        except NotFoundError as error:
            if "may be any of" in str(error):
                unclear.append(error)
    exact = [noun for noun in found if ref in _names(noun)]
    if len(exact) == 1 or (len(found) == 1 and not unclear):
        return (exact or found)[0]
    if unclear:
        raise unclear[0]
    if found:
        raise NotFoundError(
            f"{ref!r} may be sweep {found[0].id} or run {found[1].id}; give the whole id"
        )
    raise NotFoundError(f"no run or sweep answers to {ref!r}; homerun ls shows those there are")


def _names(noun: Run | SweepRecord) -> set[str]:
    return {noun.id, noun.name, *([str(noun.number)] if isinstance(noun, Run) else [])}


def completion_of(*tables: str) -> Callable[..., list[CompletionItem]]:
    """Return a function that completes ids (and names) of `run` and `sweep`, and each `project`."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        home = _home_of(ctx)
        items = complete_ids(home, incomplete, tables=tables) if home else []
        return [CompletionItem(value, help=about) for value, about in items]

    return complete


def keys_completion(*others: str) -> Callable[..., list[CompletionItem]]:
    """Return a function that completes keys of config and summary, and the words in `others`.

    The argument `where` of the command says of which sweep.
    """

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        home = _home_of(ctx)
        # An option that has no value yet ends the reading of the line before its arguments.
        where = ctx.params.get("where") or next(iter(ctx.args), None)
        found = [*(complete_keys(home, where) if home else []), *others]
        return [CompletionItem(key) for key in dict.fromkeys(found) if key.startswith(incomplete)]

    return complete


def _home_of(ctx: click.Context) -> Path | None:
    """Return the home that a command line is about, None when nothing was ever kept there."""
    chosen = ctx.find_root().params.get("home")
    home = Path(chosen).expanduser() if chosen else find_home()
    return home if has_database(home) else None


def argument(name: str, *tables: str, **options: Any) -> Callable[..., Any]:
    """Return a positional argument that names runs or sweeps and completes their ids."""
    return click.argument(name, shell_complete=completion_of(*tables), **options)


def location(*nouns: str) -> str:
    """Return where something sits: `digits > crop or squish > amber-falcon-12`."""
    return " > ".join(noun for noun in nouns if noun)


@dataclass(frozen=True)
class Metric:
    """What a sweep is about: a metric and whether more of it is better."""

    name: str
    is_maximized: bool


def metric_of(sweep: SweepRecord) -> Metric | None:
    """Return the metric of a sweep, None when its file names none."""
    metric = sweep.spec.get("metric") or {}
    name = metric.get("name")
    return Metric(str(name), metric.get("goal") == "maximize") if name else None


def folder_size(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(
        entry.stat(follow_symlinks=False).st_size
        for root, _, _ in os.walk(folder)
        for entry in os.scandir(root)
        if not entry.is_dir(follow_symlinks=False)
    )


def one_line(arguments: Sequence[str]) -> str:
    """Return a command line that a shell reads as these arguments."""
    import shlex  # noqa: PLC0415

    return shlex.join(arguments)
