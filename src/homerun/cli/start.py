"""`homerun sweep` and `homerun run`: from a file, or a command, to runs."""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from homerun.agent import Pythons, choice_for, create_sweep, kill, needs_function
from homerun.agent import run_command as run_tracked
from homerun.cli import output, words
from homerun.cli.accepted import say_ignored, sweep_options
from homerun.cli.beginning import begin, beginning_options
from homerun.cli.change import Asked, change, change_options
from homerun.cli.change import update as update_sweep
from homerun.cli.common import argument, json_option, location, one_line, open_home
from homerun.cli.options import (
    absolute_python,
    arguments_of,
    python_option,
    settled_option,
    use_options,
    wishes_of,
)
from homerun.cli.serve import count_option, max_failures_option, serve
from homerun.core import ALIVE, Config, Run, RunState, SweepRecord, SweepState, UsageError, counted
from homerun.search import Count, count, ends
from homerun.spec import Edit, Sweep, command_line, edited, load, wandb_yaml
from homerun.store import Store, find_home

_YAML = (".yaml", ".yml", ".json")


@click.command("sweep")
@argument("source", "file", "sweep", metavar="FILE|SWEEP", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would be run.")
@click.option("--wandb-yaml", is_flag=True, help="Print the file as W&B takes it.")
@click.option("-p", "--project", help="The project; default: of the file.")
@click.option("--name", help="The name; default: of the file.")
@click.option("--pause", is_flag=True, help="Of a SWEEP: start no runs until --resume.")
@click.option("--resume", is_flag=True, help="Of a SWEEP: let agents take runs again.")
@click.option("--stop", is_flag=True, help="Of a SWEEP: start no more runs, finish what runs.")
@click.option("--cancel", is_flag=True, help="Of a SWEEP: start no more runs, kill what runs.")
@click.option("--explain", is_flag=True, help="Of a RUN: why it has its configuration.")
@change_options
@beginning_options
@sweep_options
@python_option
@json_option
def sweep_command(
    *,
    source: Path,
    dry_run: bool,
    wandb_yaml: bool,
    project: str | None,
    name: str | None,
    pause: bool,
    resume: bool,
    stop: bool,
    cancel: bool,
    explain: bool,
    is_json: bool,
    entity: str | None,
    program: str | None,
    update: str | None,
    controller: bool,
    settings: str | None,
    python: str | None,
    prior_run: Sequence[str],
    prior: Sequence[str],
    defaults: str | None,
    defaults_from: str | None,
    **changes: Any,
) -> None:
    """Make a sweep from its file: say how many runs it has and what each is called with.

    Its id goes to stdout. homerun agent then runs it. Programs start in the current folder, or
    beside the file if only there is the program.

    Of a SWEEP that is there the values, order and cap can change while it runs. With --set it is
    cloned: the clone takes its place and counts all finished runs that fit. --dry-run tells first.

    \b
    homerun sweep sweep.yaml --dry-run
    homerun agent $(homerun sweep sweep.yaml)
    homerun sweep x3k9a2bc --drop resize_method=squish --run-cap 50
    homerun sweep x3k9a2bc --set resize_method=crop
    homerun sweep --pause x3k9a2bc
    homerun sweep --explain 17
    """
    say_ignored(controller=controller, settings=settings)
    if explain:
        _explain(str(source), is_json=is_json)
        return
    asked = Asked(**changes)
    state = _chosen_state(pause=pause, resume=resume, stop=stop, cancel=cancel)
    if update is not None:
        if asked or state:
            raise UsageError("--update goes with a FILE and --dry-run alone")
        update_sweep(update, source, is_dry=dry_run, is_json=is_json)
    elif asked:
        if state:
            raise UsageError("change a sweep without --pause, --resume, --stop or --cancel")
        change(source, asked, name=name, project=project, is_dry=dry_run, is_json=is_json)
    elif state:
        _change(str(source), state)
    elif wandb_yaml:
        click.echo(_read_wandb(source), nl=False)
    else:
        sweep = _with(load(source), name=name, program=program, entity=entity)
        if python is not None:
            chosen = absolute_python(python)
            sweep, _ = edited(sweep, [Edit("set", "homerun.python", chosen)])
        priors = [*prior, *prior_run]
        sweep = begin(
            sweep, prior=priors, defaults=defaults, defaults_from=defaults_from, project=project
        )
        if dry_run:
            _describe(sweep, is_json=is_json, is_result=True)
        else:
            _make(sweep, source, project=project, is_json=is_json)


def _explain(ref: str, *, is_json: bool) -> None:
    from homerun.cli.explain import explain  # noqa: PLC0415  rarely needed

    with open_home() as store:
        explain(store, store.run(ref), is_json=is_json)


def _chosen_state(*, pause: bool, resume: bool, stop: bool, cancel: bool) -> SweepState | None:
    """Return the state that a sweep is to have, None when none is asked for."""
    states = {
        SweepState.PAUSED: pause,
        SweepState.RUNNING: resume,
        SweepState.FINISHED: stop,
        SweepState.CANCELED: cancel,
    }
    chosen = [state for state, is_chosen in states.items() if is_chosen]
    if len(chosen) > 1:
        raise UsageError("give one of --pause, --resume, --stop and --cancel")
    return chosen[0] if chosen else None


def _make(sweep: Sweep, source: Path, *, project: str | None, is_json: bool) -> None:
    """Make a sweep and say what it is going to run."""
    if not is_json:
        _describe(sweep, is_json=False, is_result=False)
    with Store() as store:
        record = _create(store, sweep, source, project=project)
    if is_json:
        _describe(sweep, is_json=True, is_result=True, record=record)
        return
    output.say(f"sweep {record.id} made: {location(record.project, record.name)}")
    click.echo(record.id)
    output.say(f"next: homerun agent {record.id}")


class _RunCommand(click.Command):
    """Options may follow a file or folder; what follows a command belongs to the command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        found = self.make_parser(ctx).parse_args(list(args))[0].get("command")
        first = found[0] if isinstance(found, list | tuple) and found else ""
        is_ours = (first.endswith(_YAML) or _is_folder(first)) and "--" not in args
        ctx.allow_interspersed_args = is_ours
        ctx.ignore_unknown_options = not is_ours
        return super().parse_args(ctx, args)


@click.command(
    "run",
    cls=_RunCommand,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@argument(
    "command", "file", nargs=-1, required=True, metavar="FILE.yaml | FOLDER | [--] COMMAND..."
)
@click.option("-p", "--project", help="The project; default: of the file, else of the folder.")
@click.option("--name", help="The name of the sweep or run.")
@click.option("--tag", "tags", multiple=True, help="A tag for the run; may be given several times.")
@use_options
@count_option
@max_failures_option
@settled_option
@python_option
@beginning_options
def run_command(
    *,
    command: Sequence[str],
    project: str | None,
    name: str | None,
    tags: Sequence[str],
    limit: int | None,
    max_failures: int | None,
    python: str | None,
    prior: Sequence[str],
    defaults: str | None,
    defaults_from: str | None,
    **use: Any,
) -> None:
    """Run a sweep file from start to end, a folder of scripts, or any command as one tracked run.

    Options come before a command; behind it they are its own. What the command writes is passed on
    and kept; its exit code is that of homerun. A folder is run as by homerun poll --exit 1.

    \b
    homerun run sweep.yaml --slots 2
    homerun run ablation
    homerun run --tag baseline -- python train.py --lr 0.1
    """
    if len(command) == 1 and command[0].endswith(_YAML):
        path = Path(command[0])
        sweep = begin(
            _with(load(path), name=name),
            prior=prior,
            defaults=defaults,
            defaults_from=defaults_from,
            project=project,
        )
        _describe(sweep, is_json=False, is_result=False)
        with Store() as store:
            record = _create(store, sweep, path, project=project)
            wishes = wishes_of(**use, python=python)
            argv = ["agent", record.id, *arguments_of(wishes)]
            serve(store, record, wishes, argv=argv, limit=limit, max_failures=max_failures)
        return
    if prior or defaults or defaults_from:
        raise UsageError("--prior, --defaults and --defaults-from are for a sweep file")
    if len(command) == 1 and _is_folder(command[0]):
        if name or tags or limit or max_failures is not None:
            raise UsageError(
                "--name, --tag, --count and --max-failures are not for a folder of scripts"
            )
        from homerun.cli.folder import poll  # noqa: PLC0415  of another command

        wishes = wishes_of(**use, python=python)
        poll(Path(command[0]), wishes, exits=True, project=project)
        return
    _run_one(command, project=project, name=name, tags=tags, python=absolute_python(python))


def _is_folder(word: str) -> bool:
    return word != "" and Path(word).is_dir()


def make_sweep(
    sweep: Sweep,
    source: Path,
    *,
    project: str | None,
    prior: Sequence[str] = (),
    defaults: str | None = None,
    defaults_from: str | None = None,
    **texts: str | None,
) -> SweepRecord:
    """Make a sweep from its checked file; `texts`: what its file says otherwise."""
    sweep = begin(
        _with(sweep, **texts),
        prior=prior,
        defaults=defaults,
        defaults_from=defaults_from,
        project=project,
    )
    with Store() as store:
        return _create(store, sweep, source, project=project)


def _with(sweep: Sweep, **texts: str | None) -> Sweep:
    """Return the sweep with other texts than its file has; None: as in the file."""
    given = {name: text for name, text in texts.items() if text is not None}
    changes: dict[str, Any] = {**given, "spec": {**sweep.spec, **given}}
    return replace(sweep, **changes) if given else sweep


def _create(store: Store, sweep: Sweep, source: Path, *, project: str | None) -> SweepRecord:
    folder = _start_folder(sweep, source)
    if folder != Path.cwd():
        output.say(f"programs start in {folder}, where {sweep.program} is")
    return create_sweep(store, sweep, source=str(source.absolute()), cwd=folder, project=project)


def _start_folder(sweep: Sweep, source: Path) -> Path:
    """Return where programs start: here, as with W&B, or beside the file if they are there."""
    here, beside = Path.cwd(), source.absolute().parent.resolve()
    if sweep.program is None or (here / sweep.program).exists():
        return here
    return beside if (beside / sweep.program).exists() else here


def _run_one(
    argv: Sequence[str],
    *,
    project: str | None,
    name: str | None,
    tags: Sequence[str],
    python: str,
) -> None:
    """Run a command as one tracked run and end as it did."""
    from homerun.track import check_project, default_project  # noqa: PLC0415  loads much

    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    project = project or os.environ.get("HOMERUN_PROJECT") or os.environ.get("WANDB_PROJECT")
    with Store() as store:
        chosen = Pythons(store.home, asked=python).of_folder(Path.cwd())
        if chosen.env:  # it is another than `python` in this shell, or lacks homerun
            output.say(output.plain(f"python: {chosen.text}"))

        def label(run: Run) -> None:
            if tags:
                store.label(run.id, tags=tags)

        ended = run_tracked(
            store,
            argv,
            project=check_project(project or default_project(Path.cwd())),
            is_project_free=project is None,
            name=name or "",
            output=sys.stdout.buffer,
            on_start=label,
            python=chosen.env,
        )
    run = ended.run
    why = f": {run.reason}" if run.reason else ""
    took = words.duration(run.runtime_s)
    output.say(output.plain(f"run {run.number} {run.state} after {took}{why}"))
    output.say(f"next: homerun show {run.number}")
    if ended.end.exit_code is not None:
        raise click.exceptions.Exit(ended.end.exit_code)
    raise click.exceptions.Exit(130 if run.state == RunState.KILLED else 1)


def _change(ref: str, state: SweepState) -> None:
    """Change whether agents take runs from a sweep."""
    with open_home(is_looking=False) as store:
        sweep = store.sweep(ref)
        reason = "" if state == SweepState.RUNNING else f"{state} by the user"
        store.set_sweep(sweep.id, state, reason)
        if state == SweepState.CANCELED:
            runs = store.runs(sweep=sweep.id, states=[RunState.PENDING, *ALIVE])
            ends = kill(store, *runs, reason="its sweep was canceled by the user")
            output.say(f"{counted(len(ends), 'run')} killed")
        output.say(f"sweep {sweep.id} is {state}")


def _read_wandb(source: Path) -> str:
    load(source)  # a file that is wrong for us is wrong for W&B
    return wandb_yaml(source.read_text(encoding="utf-8-sig"))


def _describe(
    sweep: Sweep, *, is_json: bool, is_result: bool, record: SweepRecord | None = None
) -> None:
    """Say what a sweep is going to run; `is_result`: on stdout."""
    sizes = count(sweep)
    first, last = ends(sweep)
    start = _command(sweep, first.config)
    end = _command(sweep, last.config) if last is not None else None
    if is_json:
        output.print_json(_sweep_document(sweep, sizes, start, end, record))
        return
    lines = [f"{sweep.source}: {_size_text(sweep, sizes)}"]
    if sweep.settings.constraints:
        lines.append(f"excluded  {_excluded_text(sizes)}")
    for constraint, number in zip(sweep.settings.constraints, sizes.by_constraint, strict=True):
        why = f": {constraint.reason}" if constraint.reason else ""
        lines.append(f"          {'?' if number is None else number} by {constraint.text}{why}")
    python = _python(sweep) if is_result else None
    if python is not None:
        lines.append(f"python    {python}")
    lines.append(f"first     {one_line(start)}")
    if end is not None and end != start:
        lines.append(f"last      {one_line(end)}")
    lines += [f"note      {note}" for note in sweep.notes]
    for line in lines:
        click.echo(output.plain(line), err=not is_result)


def _command(sweep: Sweep, config: Config) -> list[str]:
    folder = find_home() / "runs" / "RUN"
    return command_line(
        sweep, config, run_id="RUN", sweep_id="SWEEP", folder=folder, environ=os.environ
    )


def _python(sweep: Sweep) -> str | None:
    """Say which Python an agent in this shell would start the programs with; None: with none."""
    if "${interpreter}" not in sweep.command or needs_function(sweep.spec):
        return None
    return choice_for(sweep, _start_folder(sweep, Path(sweep.source))).text


def _size_text(sweep: Sweep, sizes: Count) -> str:
    planned = "runs without end" if sizes.planned is None else counted(sizes.planned, "run")
    if sizes.planned is None and sizes.points is not None:
        planned = "as many runs as the constraints allow"
    points = "endless" if sizes.points is None else counted(sizes.points, "configuration")
    repeats = f" x {sweep.settings.repeats} repeats" if sweep.settings.repeats > 1 else ""
    cap = f", run_cap {sweep.run_cap}" if sweep.run_cap is not None else ""
    return f"{planned} ({sweep.method}: {points}{repeats}{cap})"


def _excluded_text(sizes: Count) -> str:
    if sizes.excluded is None or sizes.points is None:
        return "not counted: too many to try"
    return f"{sizes.excluded:,} of {counted(sizes.points, 'configuration')}"


def _sweep_document(
    sweep: Sweep,
    sizes: Count,
    first: list[str],
    last: list[str] | None,
    record: SweepRecord | None,
) -> dict[str, Any]:
    return {
        "id": record.id if record else None,
        "project": record.project if record else sweep.project,
        "name": record.name if record else sweep.name,
        "source": sweep.source,
        "method": sweep.method,
        "planned": sizes.planned,
        "configurations": sizes.points,
        "excluded": sizes.excluded,
        "repeats": sweep.settings.repeats,
        "constraints": [
            {"constraint": constraint.text, "reason": constraint.reason, "excluded": number}
            for constraint, number in zip(
                sweep.settings.constraints, sizes.by_constraint, strict=True
            )
        ],
        "python": _python(sweep),
        "first": first,
        "last": last,
        "notes": list(sweep.notes),
    }
