"""The part of docs/commands.md that is made from the commands themselves.

Renew it with: python -m tests.commands_page
"""

import inspect
from pathlib import Path

import click

from homerun.cli import app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
MARK = "<!-- From here on made from the commands by tests/commands_page.py -->\n"


def renewed(page: str) -> str:
    """Return the page with its second part made anew."""
    by_hand, _, _ = page.partition(MARK)
    return by_hand + MARK + "\n".join(parts())


def parts():
    """Yield the section of each command."""
    yield from parts_of(app, click.Context(app, info_name="homerun"))


def parts_of(group, context):
    """Yield the sections of the commands of a group, and of theirs."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        yield "\n".join(section(inner))
        if isinstance(command, click.Group):
            yield from parts_of(command, inner)


def section(context):
    """Yield the lines about one command."""
    command = context.command
    yield f"\n## {context.command_path}\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"`{context.command_path} {usage}`\n"
    text, _, examples = inspect.cleandoc(command.help).partition("\n\n\b\n")
    yield f"{text}\n"
    yield f"```text\n{examples}\n```\n"
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    if options:
        yield "| option | meaning |\n|---|---|"
        yield from (row(option) for option in options)


def row(option):
    """Return the line of a table about one option."""
    value = option.metavar or "TEXT"
    if option.is_flag:
        value = ""
    elif isinstance(option.type, click.Choice):
        value = "\\|".join(option.type.choices)
    default = f" Default: {option.default:g}." if option.show_default else ""
    return f"| `{', '.join(option.opts)}{value and ' '}{value}` | {option.help}{default} |"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
