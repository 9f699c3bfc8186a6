"""What the commands share: the open home, names of runs and sweeps, completion, options."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from homerun.cli import output
from homerun.core import NotFoundError, Run, StoreError, SweepRecord
from homerun.store import Store, agents, complete_ids, complete_keys, find_home, is_behind, settle

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

json_option = click.option("--json", "is_json", is_flag=True, help="Print one JSON document.")
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


def together(*options: Decorator) -> Decorator:
    """Return a decorator that gives a command several options, in their order."""

    def give(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return give


@contextmanager
def open_home(*, is_looking: bool = True) -> Iterator[Store]:
    """Give the home with the true states of its runs; raise NotFoundError when there is none.

    is_looking: it may be read-only, and then the first change of its database is refused.
    """
    home = find_home()
    if not has_database(home):
        raise NotFoundError(
            f"there is no home at {home} yet; it is made by the first sweep or run, or here with: "
            "homerun init"
        )
    with Store(home, may_be_read_only=is_looking) as store:
        settle(store)
        if store.is_read_only and is_behind(store):
            output.say(f"the home {home} is read-only, so what is shown may be behind")
        yield store


def has_database(home: Path) -> bool:
    """Tell whether anything was ever kept in this home."""
    try:
        return (home / "homerun.db").exists()
    except OSError as error:  # another user's
        raise StoreError(
            f"the home {home} cannot be read: {error.strerror}; set HOMERUN_HOME to another"
        ) from error


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


def is_served(store: Store, sweep: str = "") -> bool:
    """Tell whether an agent is at work that takes runs of a sweep (its id), or of the queue."""
    return any(one.serves in {sweep, ""} and not one.asked_to for one in agents(store))


def completion_of(*kinds: str) -> Callable[..., list[CompletionItem]]:
    """Return a function that completes ids and names of `run` and `sweep`, `project` and `file`.

    Files are for what is nothing else; where they come first, for what they begin with.
    """
    tables = [kind for kind in kinds if kind != "file"]

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        files = [CompletionItem(incomplete, type="file")] if "file" in kinds else []
        if kinds[0] == "file" and _begins_file(incomplete):
            return files
        home = _home_of(ctx)
        items = complete_ids(home, incomplete, tables=tables) if home and tables else []
        return [CompletionItem(value, help=about) for value, about in items] or files

    return complete


def _begins_file(text: str) -> bool:
    folder, name = os.path.split(os.path.expanduser(text))  # noqa: PTH111  what is behind a / counts
    try:
        return any(entry.startswith(name) for entry in os.listdir(folder or "."))  # noqa: PTH208
    except OSError:
        return False


def values_completion(
    read: Callable[[Store], Mapping[str, str]],
) -> Callable[..., list[CompletionItem]]:
    """Return a function that completes what `read` finds in a home: values, and what each is."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        home = _home_of(ctx)
        if home is None:
            return []
        with Store(home, may_be_read_only=True) as store:
            found = read(store).items()
        return [CompletionItem(n, help=about) for n, about in found if n.startswith(incomplete)]

    return complete


def keys_completion(*others: str) -> Callable[..., list[CompletionItem]]:
    """Return a function that completes keys of config and summary, and the words in `others`.

    The first argument of the command says of which sweep. In an expression, the last word is one.
    """

    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        home = _home_of(ctx)
        # An option that has no value yet ends the reading of the line before its arguments.
        first = next(one.name for one in ctx.command.params if isinstance(one, click.Argument))
        given = ctx.params.get(first or "") or ctx.args
        where = given if isinstance(given, str) else next(iter(given), None)
        found = [*(complete_keys(home, where) if home else []), *others]
        word = re.search(r"[\w.-]*$", incomplete)
        start = word.start() if word and param.metavar == "EXPR" else 0
        return [
            CompletionItem(incomplete[:start] + key)
            for key in dict.fromkeys(found)
            if key.startswith(incomplete[start:])
        ]

    return complete


def _home_of(ctx: click.Context) -> Path | None:
    """Return the home that a command line is about, None when nothing was ever kept there."""
    chosen = ctx.find_root().params.get("home")
    home = Path(chosen).expanduser() if chosen else find_home()
    return home if has_database(home) else None


def argument(name: str, *tables: str, **options: Any) -> Callable[..., Any]:
    """Return a positional argument that names runs or sweeps and completes their ids."""
    return click.argument(name, shell_complete=completion_of(*tables), **options)


class Group(click.Group):
    """A group that lists its commands with the whole first sentence of their help."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(limit=500)) for name, one in commands.items() if one]
            )


def location(*nouns: str) -> str:
    """Return where something sits: `digits > crop or squish > amber-falcon-12`."""
    return " > ".join(noun for noun in nouns if noun)


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
