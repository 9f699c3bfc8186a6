"""`homerun artifact`: versions of data sets and models, their files and where they come from."""

import time
from pathlib import Path
from typing import Any

import click

from homerun.cli import output, words
from homerun.cli.common import Group, json_option, open_home, values_completion
from homerun.core import UsageError, counted
from homerun.store import (
    ArtifactVersion,
    Store,
    artifact_files,
    artifact_versions,
    copy_object,
    find_artifact,
    runs_of_artifact,
)


def _types(store: Store) -> dict[str, str]:
    """Return the type of each version by its name."""
    return {f"{one.name}:v{one.version}": one.type for one in artifact_versions(store)}


_complete = values_completion(_types)
_ref_argument = click.argument("ref", metavar="ARTIFACT", shell_complete=_complete)
_project_option = click.option("-p", "--project", help="The project, where names are in several.")


@click.group("artifact", cls=Group)
def artifact_command() -> None:
    """List, show and fetch artifacts: versions of data sets and models.

    ARTIFACT is a name with a version, an alias or the first digits of its digest: digits:v3,
    digits:best, vision/digits:latest. Without one it is the latest version.

    \b
    homerun artifact ls
    homerun artifact get digits:best -o data
    """


@artifact_command.command("ls")
@click.argument("name", required=False, shell_complete=_complete)
@click.option("-p", "--project", help="Only of this project.")
@click.option("-t", "--type", "type_name", help="Only of this type, such as model.")
@json_option
def ls_command(
    *, name: str | None, project: str | None, type_name: str | None, is_json: bool
) -> None:
    """List all versions, or those of one artifact; the newest last.

    \b
    homerun artifact ls
    homerun artifact ls digits --type dataset
    """
    if name is not None:
        *above, name = name.split(":")[0].split("/")
        project = above[-1] if above else project
    with open_home() as store:
        found = artifact_versions(store, project=project, name=name, type_name=type_name)
    if is_json:
        output.print_json([_document(one) for one in found])
    elif not found:
        output.say("no artifact here; run.log_artifact() makes one")
    elif output.is_pretty():
        _print_versions(found)
    else:
        titles = ["artifact", "type", "aliases", "files", "size", "created_at", "digest"]
        rows = [
            (v.full_name, v.type, ",".join(v.aliases), v.files, v.size, v.created_at, v.digest)
            for v in found
        ]
        output.print_tsv(titles, rows)


@artifact_command.command("show")
@_ref_argument
@_project_option
@json_option
def show_command(*, ref: str, project: str | None, is_json: bool) -> None:
    """Show a version: what it is, and its files.

    \b
    homerun artifact show digits:best
    """
    with open_home() as store:
        found = find_artifact(store, ref, project=project)
        files = artifact_files(store, found.number)
    if is_json:
        listed = [{**file._asdict(), "reference": file.reference or None} for file in files]
        output.print_json({**_document(found), "content": listed})
        return
    facts = {
        "artifact": found.full_name,
        "type": found.type,
        "aliases": ", ".join(found.aliases),
        "tags": ", ".join(found.tags),
        "about": found.description,
        "made": words.ago(found.created_at, time.time()),
        "size": f"{words.size(found.size)} in {counted(found.files, 'file')}",
        "digest": found.digest,
        **{key: words.cell(value) for key, value in found.metadata.items()},
    }
    width = max(map(len, facts))
    for key, value in facts.items():
        if value:
            click.echo(output.plain(f"{key:{width}}  {value}"))
    click.echo()
    output.print_table(
        [
            output.Column("FILE", [file.path for file in files]),
            output.Column("SIZE", [_size(file.size) for file in files], is_number=True),
            output.Column("SHA256", [file.reference or file.digest[:16] for file in files], rank=1),
        ]
    )


@artifact_command.command("get")
@_ref_argument
@_project_option
@click.option(
    "-o",
    "target",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where to write the files. Default: artifacts/NAME:VERSION.",
)
@json_option
def get_command(*, ref: str, project: str | None, target: Path | None, is_json: bool) -> None:
    """Write the files of a version into a folder; every file is checked as it is written.

    \b
    homerun artifact get digits:best -o data
    """
    with open_home() as store:
        found = find_artifact(store, ref, project=project)
        files = artifact_files(store, found.number)
    folder = target or Path("artifacts", f"{found.name}:v{found.version}")
    missing = [file.reference for file in files if not file.is_kept]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            if file.is_kept:
                path = folder / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                copy_object(store.home, file.digest, path)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
    if is_json:
        output.print_json({"artifact": found.full_name, "folder": str(folder), "left_out": missing})
    output.say(f"{folder}: {counted(len(files) - len(missing), 'file')}")
    for reference in missing:
        output.say(output.plain(f"left out, for it is only a reference: {reference}"))


@artifact_command.command("lineage")
@_ref_argument
@_project_option
@json_option
def lineage_command(*, ref: str, project: str | None, is_json: bool) -> None:
    """Show which run made a version and from what, and which runs used it for what.

    \b
    homerun artifact lineage digits:best
    """
    with open_home() as store:
        found = find_artifact(store, ref, project=project)
        source = found.number if found.link_of is None else found.link_of
        made_by = [_step(store, run, "input") for run in runs_of_artifact(store, source, "output")]
        used_by = [_step(store, run, "output") for run in runs_of_artifact(store, source, "input")]
        links = [one.full_name for one in artifact_versions(store, link_of=source)]
    if is_json:
        steps = {"made_by": made_by, "used_by": used_by}
        output.print_json({"artifact": found.full_name, **steps, "links": links})
        return
    click.echo(found.full_name)
    for step in made_by:
        click.echo(_line("made by", step, "from"))
    for step in used_by:
        click.echo(_line("used by", step, "for"))
    for name in links:
        click.echo(f"  linked as {name}")


def _step(store: Store, run_id: str, direction: str) -> dict[str, Any]:
    run = store.run(run_id)
    others = artifact_versions(store, run=run_id, direction=direction)
    names = [other.full_name for other in others]
    return {"number": run.number, "id": run.id, "name": run.name, "artifacts": names}


def _line(what: str, step: dict[str, Any], word: str) -> str:
    others = f" {word} {', '.join(step['artifacts'])}" if step["artifacts"] else ""
    return output.plain(f"  {what} run {step['number']} {step['name']}{others}")


def _document(found: ArtifactVersion) -> dict[str, Any]:
    facts = {key: value for key, value in vars(found).items() if key not in {"number", "link_of"}}
    return {"artifact": found.full_name, **facts, "is_link": found.link_of is not None}


def _print_versions(found: list[ArtifactVersion]) -> None:
    now = time.time()
    output.print_table(
        [
            output.Column("ARTIFACT", [one.full_name for one in found], narrow=16),
            output.Column("TYPE", [one.type for one in found], rank=1),
            output.Column("ALIASES", [", ".join(one.aliases) for one in found]),
            output.Column("SIZE", [words.size(one.size) for one in found], is_number=True),
            output.Column("FILES", [str(one.files) for one in found], is_number=True, rank=2),
            output.Column("MADE", [words.ago(one.created_at, now) for one in found], rank=3),
        ]
    )


def _size(size: int | None) -> str:
    return "" if size is None else words.size(size)
