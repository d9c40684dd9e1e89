"""What is in a collection that fits in no memory, and what is wrong with it? In partitions."""

import os
import shutil
from pathlib import Path
from typing import Any

from helpers.collection import DONE, part_in, phantom_root
from helpers.errors import ClearError, WrongTypeError
from helpers.files.names import absolute, as_named, is_address
from helpers.scale.engine import Here, opened_engine
from helpers.scale.found import Survey
from helpers.scale.partition import is_placed, place_partition
from helpers.scale.plan import Plan, make_plan, read_plan
from helpers.scale.reading import checked_root, is_one_part, is_read, list_parts, read_part
from helpers.scale.reduction import reduce_results
from helpers.scale.shuffle import is_mixed, shuffle_part
from helpers.scale.store import Sizes, Store, SurveyError, opened_store, remove_leftovers

SIZES = Sizes()
PATIENT = "P01-reference"  # of the phantom


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
        here, and ends them; up to 2,000 files on a disk are read by this process.
    progress : whether progress bars are shown

    Returns
    -------
    Survey: ``headers``, the folder of the header table as a Parquet data set that pandas, DuckDB
        and others read; ``stacks``, ``counts``, ``findings``, ``protocols``, ``tags``, tables;
        ``header_table(PatientID=…)`` and ``stack_headers(stack)``, from which `helpers.slice_table`
        and `helpers.browse` go on; ``query(sql)``, what DuckDB answers. Where ``$DICOM_ROOT`` names
        the folder, pages take whole patients of it, with 20,000 files at most, and say which part.

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
    folder = as_named(folder)
    if is_address(folder):
        raise SurveyError(f"expected a folder on a disk for the survey, got {folder}")
    is_done = os.path.exists(os.path.join(folder, DONE))  # the collection may have gone since
    root = absolute(as_named(root)) if is_done else checked_root(root)
    store = _opened(root, folder)
    if not store.has(DONE):
        try:
            few = client is None and is_one_part(root, SIZES.files)
            with opened_engine(client, progress, few) as engine:
                remove_leftovers(store)
                _make(store, root, engine)
        except ClearError:
            raise
        except OSError as error:
            if error.errno is None:
                raise
            raise _not_written(store.folder, error) from error
    return Survey(Path(store.folder))


def _opened(root: str, folder: str) -> Store:
    try:
        return opened_store(root, folder, SIZES)
    except ClearError:
        raise
    except (OSError, ValueError) as error:
        raise _not_written(folder, error) from error


def _not_written(folder: str, error: Exception) -> SurveyError:
    reason = getattr(error, "strerror", None) or str(error)
    return SurveyError(
        f"expected to write to {folder}, got: {reason}; when that is mended, call survey again: it "
        "goes on where it was"
    )


def survey_or_phantom(root: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Survey:
    """The survey that a collection's files are a part of; else one of a patient of the phantom.

    In the latter case a line is printed that says so.

    Parameters
    ----------
    root : the collection, as of `helpers.collection_root`
    folder : where the survey of the phantom is kept
    """
    if part_in(root) is not None:
        return Survey(Path(root).parent)
    print("No survey is explored here; this is that of a patient of the phantom.")
    return survey(phantom_root() / PATIENT, folder)


def _make(store: Store, root: str, engine: Here) -> None:
    parts = _read(store, root, engine)
    if not store.has("work", "plan.npz"):
        engine.run("Dividing", make_plan, [(store, parts, SIZES)])
    plan = read_plan(store)
    missing = [n for n in range(plan.partitions) if not is_placed(store, n)]
    _shuffle(store, engine, plan, missing)
    engine.run("Finding", place_partition, [(store, n, SIZES) for n in missing])
    files = store.read_json("work", "list", "done")["files"]
    engine.run("Summing up", reduce_results, [(store, files)])
    store.write_json({"files": files}, DONE)
    for kind in ("read", "sample", "shuffled", "values"):
        shutil.rmtree(store.path("work", kind), ignore_errors=True)


def _read(store: Store, root: str, engine: Here) -> int:
    """Reads the parts that are not read yet, while they are listed; returns how many there are."""
    parts = list_parts(store, root, SIZES.files)
    if store.has("work", "plan.npz"):
        return sum(1 for _ in parts)
    unread = ((store, n, n * SIZES.files) for n in parts if not is_read(store, n))
    engine.run("Reading headers", read_part, unread)
    return int(store.read_json("work", "list", "done")["parts"])


def _shuffle(store: Store, engine: Here, plan: Plan, partitions: list[int]) -> None:
    """Sorts the parts that have files of several partitions, for those that are not made yet."""
    needed = sorted({part for n in partitions for part in plan.parts_of(n)})
    unsorted = [
        part
        for part in needed
        if is_mixed(plan, part) and not os.path.exists(store.part("shuffled", part))
    ]
    engine.run("Shuffling", shuffle_part, [(store, part) for part in unsorted])
