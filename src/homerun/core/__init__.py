"""Nouns, states, errors, names and ids: the standard library only, and no input or output."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.core.differences import Fact as Fact
    from homerun.core.differences import side_by_side as side_by_side
    from homerun.core.errors import ArtifactFinalizedError as ArtifactFinalizedError
    from homerun.core.errors import ArtifactNotLoggedError as ArtifactNotLoggedError
    from homerun.core.errors import ArtifactStatusError as ArtifactStatusError
    from homerun.core.errors import ConfigError as ConfigError
    from homerun.core.errors import HomerunError as HomerunError
    from homerun.core.errors import MissingExtraError as MissingExtraError
    from homerun.core.errors import NotFoundError as NotFoundError
    from homerun.core.errors import SpecError as SpecError
    from homerun.core.errors import StoreError as StoreError
    from homerun.core.errors import UsageError as UsageError
    from homerun.core.errors import WaitTimeoutError as WaitTimeoutError
    from homerun.core.hashing import config_hash as config_hash
    from homerun.core.kernels import ipython as ipython
    from homerun.core.kernels import kernel as kernel
    from homerun.core.names import check_id as check_id
    from homerun.core.names import friendly_name as friendly_name
    from homerun.core.names import id_of as id_of
    from homerun.core.names import new_id as new_id
    from homerun.core.nouns import AgentRecord as AgentRecord
    from homerun.core.nouns import Config as Config
    from homerun.core.nouns import End as End
    from homerun.core.nouns import Goal as Goal
    from homerun.core.nouns import Lease as Lease
    from homerun.core.nouns import Metric as Metric
    from homerun.core.nouns import Run as Run
    from homerun.core.nouns import Slot as Slot
    from homerun.core.nouns import SweepRecord as SweepRecord
    from homerun.core.redact import StreamRedactor as StreamRedactor
    from homerun.core.redact import redact_argv as redact_argv
    from homerun.core.redact import redact_bytes as redact_bytes
    from homerun.core.redact import redact_config as redact_config
    from homerun.core.redact import redact_text as redact_text
    from homerun.core.redact import redact_url as redact_url
    from homerun.core.states import ALIVE as ALIVE
    from homerun.core.states import BAD as BAD
    from homerun.core.states import ENDED as ENDED
    from homerun.core.states import RunState as RunState
    from homerun.core.states import SweepState as SweepState
    from homerun.core.summary import AGGREGATIONS as AGGREGATIONS
    from homerun.core.summary import Definition as Definition
    from homerun.core.summary import definition_for as definition_for
    from homerun.core.summary import parse_aggregations as parse_aggregations
    from homerun.core.summary import summarize as summarize
    from homerun.core.values import counted as counted
    from homerun.core.values import duration as duration
    from homerun.core.values import flat as flat
    from homerun.core.values import leaves as leaves
    from homerun.core.values import number as number
    from homerun.core.values import printable as printable
    from homerun.core.values import shown as shown
    from homerun.core.values import size as size

lazy.attach(
    __name__,
    {
        "differences": "Fact side_by_side",
        "errors": "ArtifactFinalizedError ArtifactNotLoggedError ArtifactStatusError ConfigError "
        "HomerunError MissingExtraError NotFoundError SpecError StoreError UsageError "
        "WaitTimeoutError",
        "hashing": "config_hash",
        "kernels": "ipython kernel",
        "names": "check_id friendly_name id_of new_id",
        "nouns": "AgentRecord Config End Goal Lease Metric Run Slot SweepRecord",
        "redact": "StreamRedactor redact_argv redact_bytes redact_config redact_text redact_url",
        "states": "ALIVE BAD ENDED RunState SweepState",
        "summary": "AGGREGATIONS Definition definition_for parse_aggregations summarize",
        "values": "counted duration flat leaves number printable shown size",
    },
)
