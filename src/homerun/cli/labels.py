"""`homerun note` and `homerun tag`: what people write on runs."""

from collections.abc import Sequence

import click

from homerun.cli import output
from homerun.cli.common import argument, open_home
from homerun.core import UsageError


@click.command("note")
@argument("ref", "run", metavar="RUN")
@click.argument("text", nargs=-1)
def note_command(*, ref: str, text: Sequence[str]) -> None:
    """Print the note of a run, or set it; an empty text takes it away.

    \b
    homerun note 12 "best so far, but the crop was wrong"
    homerun note 12
    """
    with open_home(is_looking=False) as store:
        run = store.run(ref)
        if text:
            store.label(run.id, notes=" ".join(text))
        elif run.notes:
            click.echo(run.notes)
        else:
            output.say(f"run {run.number} has no note")


@click.command("tag", context_settings={"ignore_unknown_options": True})
@argument("ref", "run", metavar="RUN")
@click.argument("changes", nargs=-1, metavar="[+TAG|-TAG]...")
def tag_command(*, ref: str, changes: Sequence[str]) -> None:
    """Add tags to a run with +TAG and take them away with -TAG; then print its tags.

    \b
    homerun tag 12 +baseline -draft
    """
    for change in changes:
        if change[:1] not in {"+", "-"} or not change[1:].strip():
            raise UsageError(f"{change!r} is no change of tags; write +{change} or -{change}")
    with open_home(is_looking=False) as store:
        run = store.run(ref)
        tags = dict.fromkeys(run.tags)
        for change in changes:
            if change[0] == "+":
                tags[change[1:]] = None
            else:
                tags.pop(change[1:], None)
        if changes:
            store.label(run.id, tags=list(tags))
    for tag in tags:
        click.echo(tag)
    if not tags:
        output.say(f"run {run.number} has no tags")
