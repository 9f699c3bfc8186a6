"""Folders of github.com/fastai/fastgpu: scripts in complete/ and fail/, their outputs in out/.

As in its notebook `ablation.ipynb`, the `--key value` pairs in a script's text are the
configuration, and the rows of fastai's table in its output the metrics.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homerun.compat.importing.scalars import scalar
from homerun.compat.importing.source import (
    CopiedFile,
    Record,
    Source,
    SourceRun,
    digest_of,
    digest_of_texts,
    key_of,
)
from homerun.core import RunState, redact_argv
from homerun.store import journal as jr

_ENDS = (".exitcode", ".stdout", ".stderr")
_PLACES = ("complete", "fail", "running")
_TIME = re.compile(r"(?:(\d+):)?(\d+):(\d\d)")


def is_fastgpu(path: Path) -> bool:
    """Tell whether a path is a folder of fastgpu."""
    return (path / "out").is_dir() and any((path / place).is_dir() for place in _PLACES)


def find(path: Path) -> list[Source]:
    """Return the scripts of a folder that were run."""
    names = {
        file.name.removesuffix(file.suffix)
        for file in (path / "out").iterdir()
        if file.suffix in _ENDS and file.is_file()
    }
    return [_source(path, name) for name in sorted(names)]


def _source(folder: Path, name: str) -> Source:
    outputs = [folder / "out" / f"{name}{end}" for end in _ENDS]
    scripts = [folder / place / name for place in _PLACES]
    present = [file for file in (*outputs, *scripts) if file.is_file()]
    key = key_of("fastgpu", folder.resolve(), name)
    script = next((file for file in scripts if file.is_file()), None)
    return Source(
        kind="fastgpu",
        where=str(folder / "out" / name),
        digest=digest_of_texts([key, digest_of(present)]),
        read=lambda: _read(folder, name, key, script),
    )


def _read(folder: Path, name: str, key: str, script: Path | None) -> SourceRun:
    code, stdout, stderr = (folder / "out" / f"{name}{end}" for end in _ENDS)
    text = _text(script)
    rows = epoch_rows(_text(stdout))
    ended = max(file.stat().st_mtime for file in (code, stdout, stderr) if file.is_file())
    # fastgpu keeps no start; fastai says how long each epoch took.
    started = ended - sum(row.get("time", 0.0) for row in rows)
    files = []
    if script:
        files.append(CopiedFile(source=script, path=f"code/{name}", kind="code", is_text=True))
    if stderr.is_file() and stderr.stat().st_size:
        files.append(CopiedFile(source=stderr, path=stderr.name, is_text=True))
    exit_text = _text(code).strip()
    return SourceRun(
        key=key,
        id="",
        project=folder.resolve().name,
        begin={
            "name": name,
            "config": arguments(text),
            "labels": {},
            "started_at": started,
        },
        records=lambda: _records(rows, started, ended, exit_text),
        files=tuple(files),
        output=stdout.read_bytes if stdout.is_file() else None,
    )


def _text(path: Path | None) -> str:
    if path is None or not path.is_file():
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def _records(
    rows: list[dict[str, Any]], started: float, ended: float, exit_text: str
) -> Iterator[Record]:
    moment = started
    for step, row in enumerate(rows):
        moment += row.get("time", 0.0)
        yield [jr.ROW, step, moment, row]
    yield [jr.END, ended, _end(exit_text)]


def _end(text: str) -> dict[str, Any]:
    """Return how a script ended: 0, 3, -9 for a signal, or why it could not be started."""
    if not text:
        reason = "its folder has no exit code of it"
        return {"state": RunState.CRASHED, "reason": reason, "exit_code": None}
    if not re.fullmatch(r"-?\d+", text):
        return {"state": RunState.FAILED, "reason": text.splitlines()[0], "exit_code": None}
    code = int(text)
    if code < 0:
        return {"state": RunState.CRASHED, "reason": f"signal {-code}", "exit_code": None}
    state = RunState.FAILED if code else RunState.FINISHED
    return {"state": state, "reason": f"exit code {code}" if code else "", "exit_code": code}


def arguments(script: str) -> dict[str, Any]:
    """Return the options in the text of a script: `--lr 1e-3 --fp16` is lr and fp16.

    Names are taken as they are, values as YAML 1.2 reads them; an option without value is true.
    """
    found: dict[str, Any] = {}
    for line in script.replace("\\\n", " ").splitlines():
        if "--" not in line or line.lstrip().startswith("#"):
            continue
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # a quotation that does not end here
            words = line.split()
        found.update(_options(redact_argv(words)))
    return found


def _options(words: list[str]) -> Iterator[tuple[str, Any]]:
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if not word.startswith("--") or len(word) < 3:
            continue
        name, sign, value = word[2:].partition("=")
        if not sign:
            has_value = after and not after.startswith("--") and after not in {"|", "&", "&&", ";"}
            value = after if has_value else "true"
        yield name, scalar(value)


def epoch_rows(output: str) -> list[dict[str, Any]]:
    """Return the rows of fastai's tables in a program's output; `time` in seconds.

    A table begins with `epoch train_loss ...`; a row has as many words. What a progress bar
    wrote and took back with a carriage return is none.
    """
    rows: list[dict[str, Any]] = []
    header: list[str] = []
    for line in re.split(r"[\r\n]+", output):
        words = line.split()
        if words[:1] == ["epoch"] and len(words) > 1:
            header = words
        elif header and len(words) == len(header) and words[0].isdecimal():
            values = {name: _cell(word) for name, word in zip(header, words, strict=True)}
            numbers = (int, float)
            rows.append({key: v for key, v in values.items() if isinstance(v, numbers)})
    return rows


def _cell(word: str) -> Any:
    match = _TIME.fullmatch(word)
    if match:
        hours, minutes, seconds = match.groups()
        return int(hours or 0) * 3600.0 + int(minutes) * 60 + int(seconds)
    return scalar(word)
