"""Runs of other tools: W&B, TensorBoard, fastgpu and tables, and the way back to W&B."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.compat.importing.finding import KINDS as KINDS
    from homerun.compat.importing.finding import find_sources as find_sources
    from homerun.compat.importing.framing import FormatError as FormatError
    from homerun.compat.importing.pushing import Destination as Destination
    from homerun.compat.importing.pushing import Pushed as Pushed
    from homerun.compat.importing.pushing import PushError as PushError
    from homerun.compat.importing.pushing import push as push
    from homerun.compat.importing.source import Source as Source
    from homerun.compat.importing.tables import Columns as Columns
    from homerun.compat.importing.taking import Importer as Importer
    from homerun.compat.importing.taking import Outcome as Outcome
    from homerun.compat.importing.taking import Taken as Taken
    from homerun.compat.importing.taking import by_outcome as by_outcome
    from homerun.compat.importing.wire import WireError as WireError

lazy.attach(
    __name__,
    {
        "finding": "KINDS find_sources",
        "framing": "FormatError",
        "pushing": "Destination PushError Pushed push",
        "source": "Source",
        "tables": "Columns",
        "taking": "Importer Outcome Taken by_outcome",
        "wire": "WireError",
    },
)
