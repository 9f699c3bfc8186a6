"""Tables: named columns and rows of any values, media among them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from homerun.core import MissingExtraError, UsageError
from homerun.track.media.files import Media, Place, Record, save_file

if TYPE_CHECKING:
    import pandas as pd

_DEFAULT_COLUMNS = ("Input", "Output", "Expected")  # W&B's
_LOG_MODES = ("IMMUTABLE", "MUTABLE", "INCREMENTAL")


class Table(Media):
    """Rows under named columns.

    Cells keep their own types, so `dtype`, `optional` and `allow_mixed_types` have no effect. A
    table can be logged again at any time; with log_mode="INCREMENTAL" each time its new rows.
    """

    MAX_ROWS: ClassVar[int] = 10_000  # of the points of a curve; tables themselves have no limit
    MAX_ARTIFACT_ROWS: ClassVar[int] = 200_000  # W&B's; here without effect

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: pd.DataFrame | None = None,
        dtype: Any = None,  # noqa: ARG002 - W&B's check of types
        optional: bool | Sequence[bool] = True,  # noqa: ARG002
        allow_mixed_types: bool = False,  # noqa: ARG002
        log_mode: str | None = "IMMUTABLE",
    ) -> None:
        if log_mode not in {None, *_LOG_MODES}:
            raise UsageError(f"Table log_mode {log_mode!r} is unknown; use {', '.join(_LOG_MODES)}")
        data = rows if data is None else data
        if dataframe is None and hasattr(data, "itertuples"):
            dataframe, data = data, None
        if dataframe is not None:
            columns = [n if isinstance(n, int) else str(n) for n in dataframe.columns]
            data = dataframe.itertuples(index=False, name=None)
        values = data.tolist() if hasattr(data, "tolist") else data
        table = [list(row) for row in values] if values is not None else []
        if columns is None:
            width = len(table[0]) if table else len(_DEFAULT_COLUMNS)
            is_default = width == len(_DEFAULT_COLUMNS)
            columns = _DEFAULT_COLUMNS if is_default else [str(i) for i in range(width)]
        self.columns: list[Any] = list(columns)
        self.data: list[list[Any]] = []
        self.log_mode = log_mode
        self._parts: list[str] = []  # paths of the increments that were logged
        self._rows_logged = 0
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

    def add_computed_columns(self, fn: Callable[[int, dict[Any, Any]], Mapping[Any, Any]]) -> None:
        """Append columns: `fn(index, row)` gets a row as a dictionary, returns its new values."""
        added = [
            dict(fn(index, dict(zip(self.columns, row, strict=True))))
            for index, row in self.iterrows()
        ]
        for name in added[0] if added else ():
            if any(name not in new for new in added):
                raise UsageError(f"add_computed_columns: give {name!r} for every row, if for one")
            self.add_column(name, [new[name] for new in added])

    def get_column(self, name: Any, convert_to: str | None = None) -> Any:
        """Return a column as a list, or as an array with convert_to="numpy"."""
        index = self._index_of(name)
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

    def get_index(self) -> list[int]:
        """Return the indexes of the rows, for a column of another table."""
        return list(range(len(self.data)))

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

    def cast(self, col_name: Any, dtype: Any, optional: bool = False) -> None:  # noqa: ARG002
        """Accept a type for a column; its cells keep their own."""
        self._index_of(col_name)

    def set_pk(self, col_name: Any) -> None:
        """Accept a column as the primary key."""
        self._index_of(col_name)

    def set_fk(self, col_name: Any, table: Table, table_col: Any) -> None:
        """Accept a column as a key into another table."""
        self._index_of(col_name)
        table._index_of(table_col)

    def _index_of(self, name: Any) -> int:
        if name not in self.columns:
            raise UsageError(
                f"Table has no column {name!r}; it has {', '.join(map(str, self.columns))}"
            )
        return self.columns.index(name)

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write {"columns": [...], "data": [[...], ...]}; return W&B's `table-file` record."""
        if self.log_mode != "INCREMENTAL":
            return self._write(self.data, Place(folder, key, step), "table-file")
        place = Place(folder, key, step)
        record = self._write(self.data[self._rows_logged :], place, "incremental-table-file")
        record |= {
            "increment_num": len(self._parts),
            "previous_increments_paths": list(self._parts),
        }
        self._parts.append(record["path"])
        self._rows_logged = len(self.data)
        return record

    def _write(self, rows: Sequence[list[Any]], place: Place, kind: str) -> Record:
        from homerun.track.media.records import to_record_at  # noqa: PLC0415 - it knows tables too

        cells = replace(place, keeps_arrays=True)
        data = [[to_record_at(cell, cells) for cell in row] for row in rows]
        text = json.dumps({"columns": self.columns, "data": data})
        return {
            "_type": kind,
            **save_file(text.encode(), place, kind="table", suffix="table.json"),
            "ncols": len(self.columns),
            "nrows": len(self.data),
            "log_mode": self.log_mode,
        }


class JoinedTable(Media):
    """Two tables (or paths of saved ones) and the column, or the two columns, that join them."""

    def __init__(self, table1: Table | str, table2: Table | str, join_key: Any) -> None:
        is_pair = isinstance(join_key, (list, tuple)) and len(join_key) == 2
        if not (isinstance(join_key, str) or is_pair):
            raise UsageError(f"JoinedTable join_key is {join_key!r}; give a column or two of them")
        self._tables = (table1, table2)
        self._join_key = join_key

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write both tables; return W&B's `joined-table` record with theirs in it."""
        table1, table2 = (
            table.save(folder, f"{key}.table{number}", step) if isinstance(table, Table) else table
            for number, table in enumerate(self._tables, 1)
        )
        key_columns = self._join_key if isinstance(self._join_key, str) else list(self._join_key)
        return {
            "_type": "joined-table",
            "table1": table1,
            "table2": table2,
            "join_key": key_columns,
        }


class PartitionedTable(Media):
    """A folder of saved tables with the same columns, named by its path."""

    def __init__(self, parts_path: str) -> None:
        self.parts_path = str(parts_path)

    def save(self, folder: Path, key: str, step: int) -> Record:  # noqa: ARG002 - no file
        """Return W&B's `partitioned-table` record; there is no file."""
        return {"_type": "partitioned-table", "parts_path": self.parts_path}
