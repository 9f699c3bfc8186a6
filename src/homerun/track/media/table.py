"""Tables: named columns and rows of any values, media among them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homerun.core import MissingExtraError, UsageError
from homerun.track.media.files import Media, Place, Record, save_file

if TYPE_CHECKING:
    import pandas as pd

_DEFAULT_COLUMNS = ("Input", "Output", "Expected")  # W&B's


class Table(Media):
    """Rows under named columns. W&B's options about types are accepted; cells keep their own."""

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: pd.DataFrame | None = None,
        **_type_options: Any,
    ) -> None:
        data = rows if data is None else data
        if dataframe is None and hasattr(data, "itertuples"):
            dataframe, data = data, None
        if dataframe is not None:
            columns = [str(name) for name in dataframe.columns]
            data = dataframe.itertuples(index=False, name=None)
        values = data.tolist() if hasattr(data, "tolist") else data
        table = [list(row) for row in values] if values is not None else []
        if columns is None:
            width = len(table[0]) if table else len(_DEFAULT_COLUMNS)
            is_default = width == len(_DEFAULT_COLUMNS)
            columns = _DEFAULT_COLUMNS if is_default else [str(i) for i in range(width)]
        self.columns: list[Any] = list(columns)
        self.data: list[list[Any]] = []
        for row in table:
            self.add_data(*row)

    def add_data(self, *data: Any) -> None:
        """Append one row: one value for each column."""
        if len(data) != len(self.columns):
            raise UsageError(
                f"Table row has {len(data)} values; give {len(self.columns)}, one for each of the "
                f"columns {', '.join(map(str, self.columns))}"
            )
        self.data.append(list(data))

    def add_row(self, *row: Any) -> None:
        """Append one row; W&B's older name of add_data."""
        self.add_data(*row)

    def add_column(self, name: Any, data: Iterable[Any], optional: bool = False) -> None:  # noqa: ARG002
        """Append a column: one value for each row, or any number to a table without rows."""
        values = list(data)
        if name in self.columns:
            raise UsageError(f"Table has a column {name!r} already; choose another name")
        if self.columns and len(values) != len(self.data):
            raise UsageError(
                f"Table column {name!r} has {len(values)} values; give {len(self.data)}, "
                "one for each row"
            )
        if not self.columns:
            self.data = [[] for _ in values]
        self.columns.append(name)
        for row, value in zip(self.data, values, strict=True):
            row.append(value)

    def get_column(self, name: Any, convert_to: str | None = None) -> Any:
        """Return a column as a list, or as an array with convert_to="numpy"."""
        if name not in self.columns:
            raise UsageError(
                f"Table has no column {name!r}; it has {', '.join(map(str, self.columns))}"
            )
        index = self.columns.index(name)
        values = [row[index] for row in self.data]
        if convert_to is None:
            return values
        if convert_to != "numpy":
            raise UsageError(f"get_column: convert_to is {convert_to!r}; use 'numpy' or None")
        try:
            import numpy as np  # noqa: PLC0415
        except ImportError:
            raise MissingExtraError("convert_to='numpy' needs: pip install numpy") from None
        return np.array(values)

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Give (index, row) of each row."""
        yield from enumerate(self.data)

    def get_dataframe(self) -> pd.DataFrame:
        """Return the table as a pandas DataFrame."""
        try:
            import pandas as pd  # noqa: PLC0415
        except ImportError:
            raise MissingExtraError(
                "get_dataframe needs pandas: pip install 'homerun[pandas]'"
            ) from None
        return pd.DataFrame(self.data, columns=self.columns)

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write {"columns": [...], "data": [[...], ...]}; return W&B's `table-file` record."""
        from homerun.track.media.records import to_record_at  # noqa: PLC0415 - it knows tables too

        place = Place(folder, key, step)
        rows = [[to_record_at(cell, place) for cell in row] for row in self.data]
        text = json.dumps({"columns": self.columns, "data": rows})
        return {
            "_type": "table-file",
            **save_file(text.encode(), place, kind="table", suffix="table.json"),
            "ncols": len(self.columns),
            "nrows": len(self.data),
        }
