"""Nouns, states, errors, names and ids: the standard library only, and no input or output."""

from homerun.core.errors import (
    ConfigError,
    HomerunError,
    MissingExtraError,
    NotFoundError,
    SpecError,
    StoreError,
    UsageError,
)
from homerun.core.hashing import config_hash
from homerun.core.names import check_id, friendly_name, new_id
from homerun.core.nouns import Config, End, Run, Slot, SweepRecord
from homerun.core.states import ALIVE, ENDED, RunState, SweepState
from homerun.core.summary import (
    AGGREGATIONS,
    Definition,
    definition_for,
    parse_aggregations,
    summarize,
)

__all__ = [
    "AGGREGATIONS",
    "ALIVE",
    "ENDED",
    "Config",
    "ConfigError",
    "Definition",
    "End",
    "HomerunError",
    "MissingExtraError",
    "NotFoundError",
    "Run",
    "RunState",
    "Slot",
    "SpecError",
    "StoreError",
    "SweepRecord",
    "SweepState",
    "UsageError",
    "check_id",
    "config_hash",
    "definition_for",
    "friendly_name",
    "new_id",
    "parse_aggregations",
    "summarize",
]
