"""What did a survey find? Its tables, loaded when they are asked for."""

from glob import escape
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from helpers.errors import one_line
from helpers.headers.extent import Extent
from helpers.headers.parquet import FILE_NUMBER, read_headers
from helpers.headers.parquet_tables import read_table
from helpers.runtime import optional_package
from helpers.scale.store import EXTENT, Store, SurveyError

TABLES = ("stacks", "counts", "findings", "protocols", "tags")
FOR_STACKS = ["partition", "_stack", "_start_path"]  # columns that lead from a stack to its files


class Survey(NamedTuple):
    """What a survey found, in a folder; each table is loaded when it is asked for."""

    folder: Path

    @property
    def headers(self) -> Path:
        """The folder of the header table, a Parquet data set: one row per file."""
        return self.folder / "headers"

    @property
    def stacks(self) -> pd.DataFrame:
        """The table of `helpers.stack_table`."""
        return self._table("stacks").drop(columns=FOR_STACKS)

    @property
    def counts(self) -> pd.DataFrame:
        """The table of `helpers.slice_counts`, by PatientID."""
        table = self._table("counts")
        return _indexed(table, ["PatientID"])

    @property
    def findings(self) -> pd.DataFrame:
        """The table of `helpers.audit`, without what needs pixels; of a rule in order of place."""
        return self._table("findings")

    @property
    def protocols(self) -> pd.DataFrame:
        """The table of `helpers.protocol_table`."""
        return self._table("protocols")

    @property
    def tags(self) -> pd.DataFrame:
        """The table of `helpers.tag_summary`."""
        return _indexed(self._table("tags"), ["keyword"])

    @property
    def extent(self) -> Extent:
        """How many files, bytes, patients there are, and what could identify these."""
        return Extent(**Store(str(self.folder)).read_json(EXTENT))

    def header_table(self, **values: Any) -> pd.DataFrame:
        """Rows of the header table, as `helpers.header_table` gives them, but for empty columns.

        Parameters
        ----------
        values : what elements must say, as in ``PatientID="P01"``: a value, or a list of which one
        """
        return read_headers(str(self.headers), **values)

    def stack_headers(self, stack: tuple[str, int]) -> pd.DataFrame:
        """The header table of the files of one stack.

        Parameters
        ----------
        stack : an entry of the index of `stacks`
        """
        row = self._table("stacks").loc[stack]
        store = Store(str(self.folder))
        members = store.read_json("work", "members", f"{int(row['partition']):06}")
        numbers = members[stack[0]][str(int(row["_stack"]))]
        return read_headers(store.headers(int(row["partition"])), **{FILE_NUMBER: numbers})

    def query(self, sql: str) -> pd.DataFrame:
        """What DuckDB answers; ``headers`` and each of the other tables can be asked for by name.

        Raises
        ------
        SurveyError
            Where the package ``duckdb`` is not there, and for a query that it refuses.
        """
        package = optional_package("duckdb", SurveyError)
        folder = escape(str(self.folder))  # whose name may have characters of a pattern
        files = {name: f"{folder}/{name}.parquet" for name in TABLES}
        files["headers"] = f"{folder}/headers/*.parquet"
        expected = f"expected SQL about {', '.join(sorted(files))}"
        try:
            with package.connect() as connection:
                for name, path in files.items():
                    quoted = path.replace("'", "''")
                    source = f"read_parquet('{quoted}', hive_partitioning = false)"
                    connection.sql(f"CREATE VIEW {name} AS FROM {source}")
                if (answer := connection.sql(sql)) is not None:
                    return answer.df()
        except package.Error as error:
            raise SurveyError(f"{expected}, got: {one_line(error)}") from error
        raise SurveyError(f"{expected}, got nothing that has an answer: {sql!r}")

    def _table(self, name: str) -> pd.DataFrame:
        table = read_table(str(self.folder / f"{name}.parquet"))
        if name == "stacks":
            return _indexed(table, ["SeriesInstanceUID", "stack"])
        if name == "findings":
            places = zip(table.pop("SeriesInstanceUID"), table["stack"])
            table["stack"] = pd.Series(
                [None if series is None else (series, stack) for series, stack in places],
                table.index,
                dtype=object,
            )
        return table


def _indexed(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The table with some columns as its index, texts of which stay objects."""
    levels = [pd.Index(table.pop(name).to_numpy(), name=name, dtype=object) for name in names]
    levels = [one.infer_objects() if one.inferred_type == "integer" else one for one in levels]
    return table.set_axis(levels[0] if len(levels) == 1 else pd.MultiIndex.from_arrays(levels))
