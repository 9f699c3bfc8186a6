"""What was learned: findings are recorded, listed, and withdrawn, but never removed."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from homerun.core import NotFoundError
from homerun.store.database import Database
from homerun.store.documents import dumps, loads

_JSON = ("value", "scope", "evidence")
_GIVEN = (
    "project sweep parameter statement verdict value effect low high runs scope evidence source"
).split()
_FIELDS = ["number", "created_at", *_GIVEN, "withdrawn_at", "withdrawn_why"]
_WITHDRAW = (
    "UPDATE finding SET withdrawn_at = ?, withdrawn_why = ?"
    " WHERE number = ? AND withdrawn_at IS NULL"
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was learned of a parameter, from what, and for what it holds."""

    project: str
    parameter: str
    statement: str
    verdict: str  # fix drop extend open
    value: Any
    sweep: str | None = None
    effect: float | None = None  # a share: 0.04 is 4 % worse
    low: float | None = None
    high: float | None = None
    runs: int | None = None
    scope: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    source: str = "hand"  # or settled
    number: int = 0  # 0: not recorded yet
    created_at: float = 0.0  # seconds since the epoch
    withdrawn_at: float | None = None
    withdrawn_why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def record_findings(
    store: Database, found: Sequence[Finding], *, withdrawn: Mapping[int, str] | None = None
) -> list[Finding]:
    """Record new findings, and why older ones are withdrawn by them; return the new ones."""
    now = time.time()
    marks = ", ".join("?" * (len(_GIVEN) + 1))
    with store.write(durable=True) as db:
        for number, why in (withdrawn or {}).items():
            db.execute(_WITHDRAW, (now, why, number))
        numbers = [
            db.execute(
                f"INSERT INTO finding (created_at, {', '.join(_GIVEN)}) VALUES ({marks})",
                (now, *(_cell(one, name) for name in _GIVEN)),
            ).lastrowid
            for one in found
        ]
    return [find_finding(store, number) for number in numbers if number is not None]


def findings(
    store: Database, *, project: str | None = None, parameter: str | None = None
) -> list[Finding]:
    """Return all findings, the withdrawn ones too, oldest first."""
    rows = store.rows(
        f"SELECT {', '.join(_FIELDS)} FROM finding"
        " WHERE coalesce(project = ?, 1) AND coalesce(parameter = ?, 1) ORDER BY number",
        (project, parameter),
    )
    return [_finding(row) for row in rows]


def find_finding(store: Database, number: int) -> Finding:
    """Return a finding; raise NotFoundError where there is none of this number."""
    row = store.row(f"SELECT {', '.join(_FIELDS)} FROM finding WHERE number = ?", (number,))
    if row is None:
        raise NotFoundError(f"there is no finding {number}; homerun finding list shows them")
    return _finding(row)


def withdraw_finding(store: Database, number: int, why: str) -> Finding:
    """Withdraw a finding; one that was withdrawn before keeps its reason."""
    with store.write(durable=True) as db:
        db.execute(_WITHDRAW, (time.time(), why, number))
    return find_finding(store, number)


def _cell(finding: Finding, name: str) -> Any:
    value = getattr(finding, name)
    return dumps(value) if name in _JSON else value


def _finding(row: tuple[Any, ...]) -> Finding:
    cells = dict(zip(_FIELDS, row, strict=True))
    return Finding(**{k: loads(v) if k in _JSON else v for k, v in cells.items()})
