"""What is in a collection that fits in no memory, and what is wrong with it? In partitions."""

import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from helpers.errors import ClearError, WrongTypeError
from helpers.headers.parquet import read_headers
from helpers.headers.parquet_tables import read_table
from helpers.scale.engine import Engine, opened_engine
from helpers.scale.partition import is_placed, place_partition
from helpers.scale.plan import Plan, make_plan, read_plan
from helpers.scale.reading import checked_root, is_read, list_parts, read_part
from helpers.scale.reduction import reduce_results
from helpers.scale.shuffle import is_mixed, shuffle_part
from helpers.scale.store import Sizes, Store, SurveyError, opened_store, remove_leftovers

SIZES = Sizes()
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
        paths = members[stack[0]][str(int(row["_stack"]))]
        return read_headers(store.headers(int(row["partition"])), path=paths)

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


def survey(
    root: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    client: Any = None,
    *,
    progress: bool = True,
) -> Survey:
    """What is in a collection, and what is wrong with it, however many files it has.

    The same tables as of `helpers.header_table`, `helpers.stack_table`, `helpers.slice_counts`,
    `helpers.protocol_table`, `helpers.audit` and `helpers.tag_summary`, made in partitions and
    written to a folder. Interrupted, or stopped by a full disk, it goes on where it was when it is
    called again.

    Parameters
    ----------
    root : the collection: a folder, an archive or an address, as of `helpers.list_files`
    folder : where the survey is kept: empty, not there yet, or a survey of the same collection
    client : distributed.Client, or None
        Whose workers do it; all must see both folders. None starts one worker for each processor
        here, and ends them.
    progress : whether progress bars are shown

    Returns
    -------
    Survey: ``headers``, the folder of the header table as a Parquet data set that pandas, DuckDB
        and others read; ``stacks``, ``counts``, ``findings``, ``protocols``, ``tags``, tables;
        ``header_table(PatientID=…)`` and ``stack_headers(stack)``, from which `helpers.slice_table`
        and `helpers.browse` go on.

    Raises
    ------
    FolderError
        For a collection that is not there, or is empty.
    SurveyError
        For a folder that holds something else or lies in the collection, for a full disk, and
        where the package ``distributed`` is not there.

    Notes
    -----
    Files are those that were there when it was called first; one that has gone since has its row,
    with the reason. The folder holds names and IDs as the files do.
    """
    for path in (root, folder):
        if not isinstance(path, (str, os.PathLike)):
            raise WrongTypeError(f"expected the path of a folder, got {type(path).__name__}")
    root = checked_root(root)
    store = opened_store(root, os.path.expanduser(os.fsdecode(folder)), SIZES)
    if not store.has("done"):
        try:
            with opened_engine(client, progress) as engine:
                remove_leftovers(store)
                _make(store, root, engine)
        except ClearError:
            raise
        except OSError as error:
            if error.errno is None:
                raise
            reason = error.strerror or str(error)
            raise SurveyError(
                f"expected to write to {store.folder}, got: {reason}; when that is mended, call "
                "survey again: it goes on where it was"
            ) from error
    return Survey(Path(store.folder))


def _make(store: Store, root: str, engine: Engine) -> None:
    parts = _read(store, root, engine)
    if not store.has("work", "plan.npz"):
        engine.run("Dividing", make_plan, [(store, parts, SIZES)])
    plan = read_plan(store)
    missing = [n for n in range(plan.partitions) if not is_placed(store, n)]
    _shuffle(store, engine, plan, missing)
    engine.run("Finding", place_partition, [(store, n, SIZES) for n in missing])
    files = store.read_json("work", "list", "done")["files"]
    engine.run("Summing up", reduce_results, [(store, files)])
    store.write_json({"files": files}, "done")
    for kind in ("read", "shuffled", "values"):
        shutil.rmtree(store.path("work", kind), ignore_errors=True)


def _read(store: Store, root: str, engine: Engine) -> int:
    """Reads the parts that are not read yet, while they are listed; returns how many there are."""
    parts = list_parts(store, root, SIZES.files)
    if store.has("work", "plan.npz"):
        return sum(1 for _ in parts)
    unread = ((store, n, n * SIZES.files) for n in parts if not is_read(store, n))
    engine.run("Reading headers", read_part, unread)
    return int(store.read_json("work", "list", "done")["parts"])


def _shuffle(store: Store, engine: Engine, plan: Plan, partitions: list[int]) -> None:
    """Sorts the parts that have files of several partitions, for those that are not made yet."""
    needed = sorted({part for n in partitions for part in plan.parts_of(n)})
    unsorted = [
        part
        for part in needed
        if is_mixed(plan, part) and not os.path.exists(store.part("shuffled", part))
    ]
    engine.run("Shuffling", shuffle_part, [(store, part) for part in unsorted])
