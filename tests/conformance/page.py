"""docs/conformance.md, made from the programs and their heads.

Renew it with: python -m tests.conformance.page
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.program import Program, programs
from tests.conformance.running import ROOT, our_environ
from tests.environments import environment

PAGE = ROOT / "docs" / "conformance.md"
_SCRIPT = Path(__file__).parent / "names.py"

HEAD = """\
# What of W&B works

Made by `python -m tests.conformance.page` from the programs in
[tests/conformance/programs](../tests/conformance/programs). Each of them runs under the real wandb
{version} in its offline mode, and under homerun's `wandb`; what both have recorded is decoded and
compared: exit code, what the program printed, configuration, history (keys, steps, values),
summary, name, notes, tags, group, files and their texts, alerts, artifacts. A difference that
is not on this page fails the test.

What is different everywhere, and so is not listed below:

- A run that was given no name has a generated one at once; W&B's has none while it is offline.
- Every value logged within one step is kept in the history. W&B keeps the last one; the programs
  are compared by that.
- How a chart is drawn stands in the history, beside its table; W&B keeps it in the configuration.
- A logged table is a file of the run, and no artifact as well.
- A row without values is not kept; it still moves the step.
- The hashes in the names of media, and lines that wandb itself prints, are not compared.
"""


def page() -> str:
    """Return the page."""
    lock = (ROOT / "tests" / "locks" / "wandb.txt").read_text().splitlines()
    version = next(line.removeprefix("wandb==") for line in lock if line.startswith("wandb=="))
    return (
        HEAD.format(version=version)
        + "\n".join([*_programs(programs()), "\n## Names\n", _LEGEND, *_names(programs())])
        + "\n"
    )


_LEGEND = """\
*works*: compared by the programs named. *there*: it exists, and no program
here compares it: most of these need W&B's server on the other side.
*accepted and ignored*: it can be called and has no meaning here. *not there*: it fails with a line
that says so.
"""


def _programs(all_programs: list[Program]) -> Iterator[str]:
    yield "\n## Programs\n"
    yield "| what | program | |\n|---|---|---|"
    for program in sorted(all_programs, key=lambda program: (program.area, program.name)):
        link = f"[{program.name}](../tests/conformance/programs/{program.name}.py)"
        yield f"| {program.area}: {program.title} | {link} | {_verdict(program)} |"


def _verdict(program: Program) -> str:
    reasons = [d.why for d in program.differences if not d.why.startswith("as above")]
    return f"works; different: {'; '.join(dict.fromkeys(reasons))}" if reasons else "works"


def _names(all_programs: list[Program]) -> Iterator[str]:
    shown: dict[str, list[str]] = {}
    ignored: dict[str, str] = {}
    refused: dict[str, str] = {}
    for program in all_programs:
        ignored |= program.accepted
        refused |= program.refused
        for call in program.calls:
            shown.setdefault(call, []).append(program.name)
    names = _listed()
    here = set(_listed(names))
    yield "| name | |\n|---|---|"
    for name in names:
        if name in refused:
            verdict = f"not there: {refused[name]}"
        elif name not in here:
            verdict = "not there"
        elif name in ignored:
            verdict = f"accepted and ignored: {ignored[name]}"
        elif name in shown:
            verdict = f"works: {', '.join(shown[name][:3])}"
        else:
            verdict = "there"
        yield f"| `{name}` | {verdict} |"


def _listed(names: list[str] | None = None) -> list[str]:
    """Return the names that the real wandb has; of the given ones those that ours has."""
    environ = {"PATH": os.environ["PATH"]} if names is None else our_environ()
    told = subprocess.run(
        [environment("wandb"), _SCRIPT],
        input="" if names is None else json.dumps(names),
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    listed: list[str] = json.loads(told.stdout)
    return listed


if __name__ == "__main__":
    PAGE.write_text(page())
