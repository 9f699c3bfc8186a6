"""The documentation is true: its code runs, its sweep files parse, and it names every command.

A block whose first line is a comment with a file name (`# train.py`) becomes that file. The Python
blocks of a page share one namespace, and the `homerun ...` lines of its bash and console blocks run
between them, all in the order of the page, in a folder with a copy of examples/ and a new home.
`<!-- not executed: reason -->` on the line before a block excludes it. A line of its own such as
`<!-- executed: homerun init -->` prepares what the page takes for granted.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from homerun import spec
from homerun.cli import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXCLUDED = re.compile(r"<!-- not executed: \S.* -->")
PREPARED = re.compile(r"<!-- executed: (homerun .*) -->")
FILE_NAME = re.compile(r"# ([\w/-]+\.(?:py|yaml))\n")


class Block(NamedTuple):
    """A fenced block of a page; `line` is that of its first line of code."""

    language: str
    line: int
    code: str


def blocks(page):
    """Return the blocks of a page, in order, without those excluded by a comment."""
    found, start = [], None
    lines = page.read_text().splitlines()
    for number, line in enumerate(lines):
        if start is None and (prepared := PREPARED.fullmatch(line.strip())):
            found.append(Block("bash", number + 1, prepared[1]))
        elif start is None and line.startswith("```"):
            start = number
        elif start is not None and line.rstrip() == "```":
            code = "".join(f"{text}\n" for text in lines[start + 1 : number])
            if not (start and EXCLUDED.fullmatch(lines[start - 1].strip())):
                found.append(Block(lines[start].strip("`").strip(), start + 2, code))
            start = None
    assert start is None, f"{page.name}:{start + 1}: the block has no end"
    return found


def commands(block):
    """Return the lines of a bash or console block that call homerun, continued lines joined."""
    prompt = r"\$ " if block.language == "console" else r"(?:\$ )?"
    return re.findall(rf"^{prompt}(homerun\b.*)$", block.code.replace("\\\n", " "), re.MULTILINE)


def steps(page):
    """Return what to do with each block of a page: (kind, where, text)."""
    for block in blocks(page):
        where = f"{page.name}:{block.line}"
        if name := FILE_NAME.match(block.code):
            yield "file", name[1], block.code
        elif block.language == "python":
            yield "python", where, block.code
        elif block.language in {"bash", "console"}:
            for command in commands(block):
                yield "bash", where, command


RUNNER = """
import json, pathlib, subprocess, sys
namespace = {"__name__": "__main__"}
for kind, where, text in json.load(sys.stdin):
    print(f"--- {kind} {where}", text, sep="\\n", flush=True)
    if kind == "file":
        path = pathlib.Path(where)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    elif kind == "bash":
        subprocess.run(["bash", "-ec", text], check=True, stdin=subprocess.DEVNULL)
    else:
        exec(compile(text, where, "exec"), namespace)
"""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_runs(page, home, tmp_path, monkeypatch):
    todo = list(steps(page))
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps(todo),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sweep_files_parse(page):
    for block in blocks(page):
        if block.language == "yaml" and re.search("^method:", block.code, re.MULTILINE):
            spec.parse(block.code, source=f"{page.name}:{block.line}")


def every_command(group, names=("homerun",)):
    """Yield the words and the click command of every command below a group."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*names, name))
        elif not command.hidden:
            yield " ".join((*names, name)), command


@pytest.mark.parametrize(("words", "command"), list(every_command(app)))
def test_command_is_documented(words, command):
    page = (ROOT / "docs" / "commands.md").read_text()
    sections = re.split(r"^(#+ .*)$", page, flags=re.MULTILINE)
    headings = dict(zip(sections[1::2], sections[2::2], strict=True))
    text = "".join(body for head, body in headings.items() if re.search(rf"{words}\b", head))
    assert text, f"docs/commands.md has no heading with `{words}`"
    missing = [
        option.opts[0]
        for option in command.params
        if isinstance(option, click.Option)
        and not option.hidden
        and not any(re.search(rf"{name}\b", text) for name in option.opts)
    ]
    assert not missing, f"docs/commands.md, {words}: says nothing of {', '.join(missing)}"
