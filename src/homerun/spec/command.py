"""The command line and the parameter files of one run, as W&B's agent makes them.

The macros are those of https://docs.wandb.ai/models/sweeps/define-sweep-configuration and of
wandb/sdk/launch/sweeps/utils.py. A macro is replaced only when it is a whole item of `command:`;
`${envvar:NAME}` is replaced anywhere in an item.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

try:
    from yaml import CSafeDumper as SafeDumper  # a quarter of the time, for every run
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeDumper  # type: ignore[assignment]

from homerun.core import Config, SpecError
from homerun.spec.place import Place, nearest, shown
from homerun.spec.reader import scalar
from homerun.spec.sweep import Sweep

MACROS = (
    *("env", "interpreter", "program", "args", "args_no_hyphens", "args_no_boolean_flags"),
    *("args_json", "args_json_file", "args_no_equals", "args_append_hydra", "args_override_hydra"),
)
_WRITTEN = tuple(f"${{{name}}}" for name in MACROS)
_ENVVAR = re.compile(r"\$\{envvar:([A-Z0-9_]*)\}")
_MACRO = re.compile(r"\$\{([^}]*)\}")


@dataclass(frozen=True)
class ParameterFiles:
    """Where the parameters of one run lie for the program to read."""

    yaml: Path
    json: Path


def check_command(raw: object, place: Place, notes: list[str]) -> tuple[str, ...]:
    """Return the items of `command:` as text; empty when there are none."""
    if not isinstance(raw, list):
        raise place.error(f'must be a list such as ["${{program}}", "${{args}}"], not {shown(raw)}')
    for i, item in enumerate(raw):
        if item is None or isinstance(item, list | dict):
            raise place.at(i).error(f"must be text or a number, not {shown(item)}")
        _note_macros(str(item), place.at(i), notes)
    return tuple(str(item) for item in raw)


def _note_macros(item: str, place: Place, notes: list[str]) -> None:
    """Remark on macros that W&B drops or leaves as they are."""
    for match in _MACRO.finditer(_ENVVAR.sub("", item)):
        name = match[1]
        if match[0] != item and name in MACROS:
            notes.append(place.note(f"{match[0]} stays as it is: a macro must be a whole item"))
        elif match[0] == item and name not in MACROS:
            notes.append(
                place.note(
                    f"{match[0]} is no macro and vanishes, as in W&B{nearest(match[0], _WRITTEN)}"
                )
            )


def command_line(
    sweep: Sweep,
    config: Config,
    *,
    run_id: str,
    sweep_id: str,
    folder: Path,
    environ: Mapping[str, str],
) -> list[str]:
    """Return the argv that starts a run; each value is one item, whatever it holds."""
    macros = _arguments(config, hyphens=sweep.settings.args_style == "hyphen")
    macros["env"] = ["/usr/bin/env"]
    macros["interpreter"] = ["python"]
    macros["program"] = [sweep.program] if sweep.program else []
    files = parameter_files(folder, run_id=run_id, sweep_id=sweep_id)
    macros["args_json_file"] = [str(files.json)]
    argv: list[str] = []
    for item in sweep.command:
        # An unset variable leaves its bare name, as W&B does.
        text = _ENVVAR.sub(lambda match: environ.get(match[1], match[1]), item)
        if text == "${program}" and not sweep.program:
            raise SpecError(
                f"{sweep.source}: has no program:; name the script to run, or a command:"
            )
        if text.startswith("${") and text.endswith("}"):
            argv += macros.get(text[2:-1], [])
        else:
            argv.append(text)
    if not argv:
        raise SpecError(f"{sweep.source}: command: comes out empty; name a program to start")
    return argv


def _arguments(config: Config, *, hyphens: bool) -> dict[str, list[str]]:
    """Return what each macro for arguments stands for."""
    flags = {name.replace("_", "-") if hyphens else name: value for name, value in config.items()}
    return {
        "args": [f"--{name}={value}" for name, value in flags.items()],
        "args_no_equals": [
            part for name, value in flags.items() for part in (f"--{name}", str(value))
        ],
        "args_no_boolean_flags": [
            f"--{name}" if value is True else f"--{name}={value}"
            for name, value in flags.items()
            if value is not False
        ],
        "args_no_hyphens": [f"{name}={value}" for name, value in config.items()],
        "args_append_hydra": [f"+{name}={value}" for name, value in config.items()],
        "args_override_hydra": [f"++{name}={value}" for name, value in config.items()],
        "args_json": [parameter_json(config)],
    }


def parameter_files(folder: Path, *, run_id: str, sweep_id: str) -> ParameterFiles:
    """Return the paths of a run's parameter files below a folder, as W&B names them."""
    stem = Path(folder) / "wandb" / f"sweep-{sweep_id}" / f"config-{run_id}"
    return ParameterFiles(stem.with_name(f"{stem.name}.yaml"), stem.with_name(f"{stem.name}.json"))


def parameter_json(config: Config) -> str:
    """Return the text of the JSON parameter file."""
    return json.dumps(dict(config))


def parameter_yaml(config: Config) -> str:
    """Return the text of the YAML parameter file, to which WANDB_SWEEP_PARAM_PATH points."""
    if not config:
        return "wandb_version: 1"
    values = {name: {"value": value} for name, value in config.items()}
    dumped = yaml.dump(
        values, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False
    )
    return f"wandb_version: 1\n\n{dumped}"


class _Dumper(SafeDumper):
    """Quotes texts such as '1e-5', which YAML 1.2 would read as numbers."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None
    if not text.isprintable():
        style = '"'  # PyYAML would fold some kinds of line break into a space
    elif not _is_text(text):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _is_text(text: str) -> bool:
    try:
        return scalar(text) == text
    except ValueError:
        return False


_Dumper.add_representer(str, _represent_text)
