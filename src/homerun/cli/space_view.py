"""How `homerun gc` looks: what takes up space, and what would go."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homerun.cli import output, words
from homerun.cli.common import location
from homerun.core import SweepRecord, counted
from homerun.store import space

_SHOWN = 20  # runs whose files are to go
_NAMED = 3  # folders
_MEANINGS = {
    "--keep-best": "saved files of all but the best runs",
    "--checkpoints": "saved models",
    "--media": "logged images, tables and other media",
    "--files": "whatever else programs saved",
    "--logs": "what programs wrote to stdout and stderr",
    "--journals": "journals whose points are in the database",
    "--leftovers": "folders of runs that were removed",
    "--artifacts": "content that no version of an artifact holds",
    "--vacuum": "what is empty in the database",
}
_NOUNS = {
    space.Kind.CHECKPOINTS: "checkpoint",
    space.Kind.MEDIA: "media file",
    space.Kind.FILES: "other file",
    space.Kind.LOGS: "log",
    space.Kind.JOURNALS: "journal",
}
_KINDS = tuple(space.Kind)  # as columns, the last gives way first


@dataclass(frozen=True, kw_only=True)
class Overview:
    """What takes up space, and the bytes that each option would free."""

    sweeps: Mapping[str, SweepRecord]  # by id
    runs: Sequence[space.RunSpace]
    leftovers: Mapping[str, space.Amount]
    database: space.DatabaseSpace
    options: Mapping[str, int]

    def lines(self) -> list[tuple[str, str, int, dict[str, int]]]:
        """Return id, name, runs and bytes (in all, by kind) of each sweep, largest first."""
        spaces: dict[str, list[space.RunSpace]] = {}
        for one in self.runs:
            spaces.setdefault(one.run.sweep or "", []).append(one)
        lines = []
        for sweep_id, found in spaces.items():
            sweep = self.sweeps.get(sweep_id)
            name = location(sweep.project, sweep.name) if sweep else "runs of no sweep"
            lines.append((sweep_id, name, len(found), _sizes(found)))
        return sorted(lines, key=lambda line: -line[3]["total"])

    def document(self) -> dict[str, Any]:
        """Return it as --json prints it."""
        return {
            "sweeps": [
                {"id": sweep_id or None, "name": name, "runs": count, **sizes}
                for sweep_id, name, count, sizes in self.lines()
            ],
            "leftovers": {name: amount.size for name, amount in self.leftovers.items()},
            "database": {**vars(self.database), "needed_to_vacuum": self.database.needed},
            "options": dict(self.options),
        }


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would be freed."""

    kinds: frozenset[space.Kind]
    runs: Sequence[space.RunSpace]  # largest first
    leftovers: Mapping[str, space.Amount]
    objects: Mapping[Path, int]  # content of artifacts, and its bytes
    database: space.DatabaseSpace | None  # None: it stays as it is

    @property
    def size_of_files(self) -> int:
        """The bytes that come free on the disk beside the database."""
        sizes = [found.amount(self.kinds).size for found in self.runs]
        sizes += [amount.size for amount in self.leftovers.values()]
        return sum(sizes) + sum(self.objects.values())

    @property
    def size(self) -> int:
        """The bytes that come free."""
        return self.size_of_files + (self.database.empty if self.database else 0)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        is_empty = self.database is None or not self.database.empty
        return is_empty and not (self.runs or self.leftovers or self.objects)

    def document(self, *, freed: int) -> dict[str, Any]:
        """Return it as --json prints it."""
        return {
            "runs": [
                {
                    "id": one.run.id,
                    "number": one.run.number,
                    "state": one.run.state,
                    **{
                        kind.value: one.amount([kind]).size for kind in _KINDS if kind in self.kinds
                    },
                }
                for one in self.runs
            ],
            "leftovers": {name: amount.size for name, amount in self.leftovers.items()},
            "artifacts": sum(self.objects.values()),
            "vacuum": self.database.empty if self.database else 0,
            "size": self.size,
            "freed": freed,
        }


def print_overview(found: Overview, *, is_json: bool) -> None:
    """Print what takes up space: a table for people, bytes for programs."""
    if is_json:
        output.print_json(found.document())
        return
    lines: list[tuple[str, str, int, dict[str, int]]] = found.lines()
    if found.leftovers:
        size = sum(amount.size for amount in found.leftovers.values())
        lines.append(("", "runs that were removed", len(found.leftovers), {"total": size}))
    lines.append(("", "database", 0, {"total": found.database.size}))
    if output.is_pretty():
        _print_table(lines)
        _print_options(found)
    else:
        rows = [(*line[:3], *(line[3].get(key) for key in ("total", *_KINDS))) for line in lines]
        output.print_tsv(["sweep", "name", "runs", "total", *_KINDS], rows)


def _print_table(lines: Sequence[tuple[str, str, int, dict[str, int]]]) -> None:
    def sized(key: str) -> list[str]:
        sizes = [line[3].get(key) for line in lines]
        return [words.size(size) if size else "" for size in sizes]

    output.print_table(
        [
            output.Column("SWEEP", [line[0] for line in lines], is_whole=True),
            output.Column("NAME", [line[1] for line in lines]),
            output.Column("TOTAL", sized("total"), is_number=True),
            output.Column("RUNS", [str(line[2] or "") for line in lines], is_number=True, rank=1),
            *(
                output.Column(kind.upper(), sized(kind), is_number=True, rank=output.EXTRA + index)
                for index, kind in enumerate(_KINDS)
            ),
        ]
    )


def _print_options(found: Overview) -> None:
    output.say(f"{words.size(found.database.free_on_disk)} are free on the disk")
    useful = {option: size for option, size in found.options.items() if size}
    if useful:
        output.say("\nto free something; each shows first what goes:")
    for option, size in useful.items():
        output.say(
            f"  homerun gc {option:13} {words.size(size):>8}  {_MEANINGS[option.split()[0]]}"
        )
    linked = sum(one.amount().linked for one in found.runs)
    if linked:
        output.say(f"{words.size(linked)} more are links to files that also lie elsewhere")


def print_plan(plan: Plan) -> None:
    """Print what goes."""
    shown = plan.runs[:_SHOWN]
    if shown:
        sizes = [words.size(one.amount(plan.kinds).size) for one in shown]
        output.print_table(
            [
                output.Column("RUN", [str(one.run.number) for one in shown], is_number=True),
                output.Column("NAME", [one.run.name for one in shown]),
                output.Column("STATE", [one.run.state for one in shown], is_state=True),
                output.Column("SIZE", sizes, is_number=True),
                output.Column("GOES", [_what(one, plan.kinds) for one in shown], narrow=20),
            ]
        )
    if len(plan.runs) > _SHOWN:
        size = sum(one.amount(plan.kinds).size for one in plan.runs[_SHOWN:])
        output.say(f"and of {counted(len(plan.runs) - _SHOWN, 'more run')} {words.size(size)}")
    if plan.leftovers:
        size = sum(amount.size for amount in plan.leftovers.values())
        folders = counted(len(plan.leftovers), "folder")
        names = ", ".join(sorted(plan.leftovers)[:_NAMED])
        more = ", ..." if len(plan.leftovers) > _NAMED else ""
        output.say(f"{folders} of runs that were removed, {words.size(size)}: {names}{more}")
    if plan.objects:
        size = sum(plan.objects.values())
        files = counted(len(plan.objects), "file")
        output.say(f"{files} that no artifact holds, {words.size(size)}")
    if plan.database:
        space_needed = words.size(plan.database.needed)
        output.say(
            f"the database gets smaller by {words.size(plan.database.empty)}; that needs "
            f"{space_needed} for a while, {words.size(plan.database.free_on_disk)} are free"
        )


def _what(one: space.RunSpace, kinds: Iterable[space.Kind]) -> str:
    counts = [(one.amount([kind]).files, kind) for kind in _KINDS if kind in kinds]
    return ", ".join(counted(count, _NOUNS[kind]) for count, kind in counts if count)


def _sizes(spaces: Iterable[space.RunSpace]) -> dict[str, int]:
    """Return the bytes in all and by kind."""
    sizes = {kind.value: 0 for kind in _KINDS}
    for one in spaces:
        for kind, amount in one.kinds.items():
            sizes[kind] += amount.size
    return {"total": sum(sizes.values()), **sizes}
