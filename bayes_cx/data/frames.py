"""Frames and Arrow tables as tables that DuckDB can read."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import pyarrow as pa

from bayes_cx.data.cells import as_text
from bayes_cx.data.column_names import distinct

__all__ = ["WIDE", "from_pandas", "named", "renamed"]

# Of a table of more columns only those are read that are needed.
WIDE = 200


def renamed(reader: pa.RecordBatchReader, needed: Sequence[str], label: str) -> pa.RecordBatchReader:
    """Return a reader whose columns DuckDB can tell apart."""
    names = distinct(reader.schema.names, needed, label)
    fields = [field.with_name(name) for field, name in zip(reader.schema, names, strict=True)]
    return pa.RecordBatchReader.from_batches(
        pa.schema(fields), (batch.rename_columns(names) for batch in reader)
    )


def named(table: pa.Table, needed: Sequence[str], label: str) -> pa.Table:
    """Return a table whose columns DuckDB can tell apart and read; of very many only those needed."""
    names = distinct(table.column_names, needed, label)
    if len(names) > WIDE:
        kept = [position for position, name in enumerate(names) if name in needed]
        table, names = table.select(kept), [names[position] for position in kept]
    columns = [_plain(column) if _is_foreign(column.type) else column for column in table.columns]
    return pa.table(columns, names)


def _is_foreign(kind: pa.DataType) -> bool:
    """Return whether DuckDB has no such type, or one that says nothing."""
    types = pa.types
    return types.is_float16(kind) or types.is_decimal256(kind) or types.is_union(kind) or types.is_null(kind)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_float16(column.type):
        return column.cast(pa.float32())
    texts = [None if cell is None else str(cell) for cell in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def from_pandas(frame: pd.DataFrame, needed: Sequence[str], decimal: str) -> pa.Table:
    """Convert a frame column by column; a column of mixed types becomes text, checked cell by cell."""
    # Columns that were made the index, as by set_index, are columns here.
    if indexed := [name for name in frame.index.names if name in needed and name not in frame.columns]:
        frame = frame.reset_index(indexed)
    columns, names = [], [str(name) for name in frame.columns]
    if len(names) > WIDE:
        kept = [position for position, name in enumerate(names) if name in needed]
        frame, names = frame.iloc[:, kept], [names[position] for position in kept]
    for position in range(len(names)):
        values = frame.iloc[:, position]
        try:
            column = pa.Array.from_pandas(values)
        except (pa.ArrowException, UnicodeEncodeError):
            cells = values.astype("object").where(values.notna(), None)
            text = cells.map(partial(as_text, decimal=decimal), na_action="ignore")
            column = pa.array(text, pa.string(), from_pandas=True)
        columns.append(column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column]))
    table = pa.table(columns, [f"{position}" for position in range(len(columns))])
    return named(table.rename_columns(names), needed, "the frame")
