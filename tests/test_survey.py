"""A survey in partitions gives what one process gives, whatever is killed and however UIDs lie."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest

from helpers import (
    audit,
    collection_root,
    header_table,
    protocol_table,
    slice_counts,
    slice_table,
    stack_table,
    survey,
    survey_or_phantom,
    tag_summary,
)
from helpers.collection import named_root, part_in
from helpers.errors import WrongTypeError
from helpers.files.listing import FolderError
from helpers.headers.extent import extent_of
from helpers.headers.parquet import TableError
from helpers.scale import reading, sample
from helpers.scale import survey as module
from helpers.scale.engine import Engine, Here
from helpers.scale.reading import list_parts
from helpers.scale.store import Sizes, SurveyError, opened_store

SMALL = Sizes(files=20, rows=30, most_rows=60)
FOLDERS = ("P01", "P02", "P05", "P09", "P11", "P20", "P27")  # of the phantom
FIXED = ["error", "file_size", "pixel_offset", "TransferSyntaxUID", "private_elements"]
TABLES = ("stacks", "counts", "findings", "protocols", "tags")


class Stopped(Here):
    """An engine without workers, which may be stopped in a stage and counts its tasks."""

    def __init__(self, stop=None):
        self.stop, self.tasks = stop, {}

    def run(self, name, function, arguments):
        for number, some in enumerate(arguments):
            if self.stop == name and number == 1:
                raise KeyboardInterrupt
            self.tasks[name] = number + 1
            function(*some)


@pytest.fixture
def here(monkeypatch):
    """Sets an engine that works in this process, on small parts; returns how one is made."""
    monkeypatch.setattr(module, "SIZES", SMALL)

    def use(stop=None):
        engine = Stopped(stop)

        @contextmanager
        def opened(client, progress, few):
            yield engine

        monkeypatch.setattr(module, "opened_engine", opened)
        return engine

    use()
    return use


@pytest.fixture(scope="module")
def collection(phantom, tmp_path_factory):
    """Some patients of the phantom, with files that are none."""
    root = tmp_path_factory.mktemp("some")
    for folder in sorted(phantom.iterdir()):
        if folder.is_dir() and folder.name.startswith(FOLDERS):
            shutil.copytree(folder, root / folder.name)
    first = next(root.glob("P01*/*.dcm"))
    (root / "notes.txt").write_text("no image", encoding="utf-8")
    (root / "P01-cut.dcm").write_bytes(first.read_bytes()[:900])
    (root / "empty.dcm").write_bytes(b"")
    return root


@pytest.fixture(scope="module")
def headers(collection):
    return header_table(collection, progress=False)


def without_empty(headers):
    """What a data set gives back: an element that no file says anything of has no column."""
    empty = [name for name in headers if name not in FIXED and headers[name].isna().all()]
    return headers.drop(columns=empty)


def in_order(findings):
    """Findings in an order of their own."""
    words = ["rule", "path", "stack", "value"]
    keys = [[*map(str, row)] for row in findings[words].itertuples(index=False)]
    return findings.iloc[sorted(range(len(keys)), key=keys.__getitem__)].reset_index(drop=True)


def check_equal(found, headers):
    """Every table is that of one process."""
    slices = slice_table(headers)
    same = pd.testing.assert_frame_equal
    same(found.header_table(), without_empty(headers))
    same(found.stacks, stack_table(slices))
    same(found.counts, slice_counts(headers, slices))
    expected = audit(headers, slices)
    same(in_order(found.findings)[[*expected]], in_order(expected))
    same(found.protocols, protocol_table(slices))
    same(found.tags, tag_summary(headers))
    assert in_any_order(found.extent) == in_any_order(extent_of(headers))


def in_any_order(extent):
    """An extent whose lists are in an order of their own."""
    patients = sorted(
        map(str, (tuple(one) if type(one) is list else one for one in extent.patients))
    )
    return extent._replace(patients=patients, identifying=sorted(extent.identifying))


def test_a_survey_gives_what_one_process_gives(collection, headers, here, tmp_path):
    engine = here()
    found = survey(collection, tmp_path / "new" / "survey", progress=False)
    check_equal(found, headers)
    assert engine.tasks["Finding"] > 5 and engine.tasks["Reading headers"] > 8
    again = here()
    check_equal(survey(collection, found.folder, progress=False), headers)
    assert not again.tasks, "what was made is made again"


def test_the_data_set_is_one_that_pandas_reads(collection, headers, here, tmp_path):
    found = survey(collection, tmp_path / "s", progress=False)
    table = pd.read_parquet(found.headers).set_index("path")
    assert sorted(table.index) == sorted(headers.index)
    assert table["file_number"].sort_values().tolist() == list(range(len(headers)))
    counts = table["Modality"].value_counts()
    assert counts.to_dict() == headers["Modality"].value_counts().to_dict()
    kinds = {str(pd.read_parquet(file).dtypes["Rows"]) for file in found.headers.iterdir()}
    assert kinds <= {"int64", "float64"}


def test_duckdb_counts_in_the_data_set(collection, headers, here, tmp_path):
    pytest.importorskip("duckdb")
    found = survey(collection, tmp_path / "it's", progress=False)
    rows = found.query("SELECT Modality, count(*) AS files FROM headers GROUP BY 1")
    counts = dict(zip(rows["Modality"].fillna("none"), rows["files"]))
    assert counts == headers["Modality"].fillna("none").value_counts().to_dict()
    images = found.query("SELECT sum(images) FROM stacks").iloc[0, 0]
    assert images == stack_table(slice_table(headers))["images"].sum()
    with pytest.raises(SurveyError, match=r"^expected SQL about counts, .*, got: .*Modalty"):
        found.query("SELECT Modalty FROM headers")


def test_without_duckdb_a_line_says_what_to_type(collection, here, tmp_path, monkeypatch):
    found = survey(collection / "P01-reference", tmp_path / "s", progress=False)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(SurveyError, match=r"^expected the package duckdb.*pip install"):
        found.query("SELECT 1")


def test_a_few_files_need_no_workers(collection, headers, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    check_equal(survey(collection, tmp_path / "s"), headers)


def test_an_archive_is_surveyed_as_its_folder_is(collection, headers, here, tmp_path):
    packed = shutil.make_archive(str(tmp_path / "study"), "zip", collection)
    found = survey(packed, tmp_path / "s", progress=False)
    expected = headers.rename(index=lambda path: path.replace(str(collection), packed))
    assert {*found.header_table().index} == {*expected.index}
    check_equal(found, header_table(packed, progress=False))


def test_one_patient_and_one_stack_go_on_as_headers(collection, headers, here, tmp_path):
    found = survey(collection, tmp_path / "s", progress=False)
    patient = headers["PatientID"].dropna().iloc[0]
    own = found.header_table(PatientID=patient)
    expected = header_table([*headers.index[headers["PatientID"] == patient]], progress=False)
    pd.testing.assert_frame_equal(own, without_empty(expected))
    slices = slice_table(headers)
    for stack in found.stacks.index[[0, -1]]:
        paths = slices.loc[stack].index.get_level_values("path")
        assert set(found.stack_headers(stack).index) == set(paths)


# a part that stands for all


@pytest.fixture
def sampled(collection, here, tmp_path, monkeypatch):
    """A survey whose sample is of some of its patients."""
    monkeypatch.setattr(module, "SIZES", SMALL._replace(sample=150))
    return survey(collection, tmp_path / "s", progress=False)


def test_a_sample_has_all_files_of_some_patients(sampled, headers):
    table = header_table(sampled.folder / "sample.parquet")
    patients = set(table["PatientID"].dropna())
    own = headers[headers["PatientID"].isin(patients)]
    named = table[table["PatientID"].notna()]
    pd.testing.assert_frame_equal(named, without_empty(own)[[*named]])
    assert 1 < len(patients) < headers["PatientID"].nunique() and len(table) <= 150


def test_of_fewer_files_all_are_the_sample(collection, headers, here, tmp_path):
    found = survey(collection, tmp_path / "s", progress=False)
    table = header_table(found.folder / "sample.parquet")
    pd.testing.assert_frame_equal(table, without_empty(headers))
    assert part_in(found.folder / "sample.parquet").said == f"all {len(headers)} files"


@pytest.mark.parametrize(("most", "files"), [(40, 30), (20, 15), (10, 10)])
def test_of_one_huge_patient_whole_series_are_taken(
    collection, here, tmp_path, monkeypatch, most, files
):
    monkeypatch.setattr(module, "SIZES", SMALL._replace(sample=most))
    for folder in ("P01-reference", "P02-interspaced"):
        write_changed(collection / folder, tmp_path / "ANON", same_patient)
    found = survey(tmp_path / "ANON", tmp_path / "s", progress=False)
    said = part_in(found.folder / "sample.parquet").said
    assert said == ("all 30 files" if files == 30 else f"the first {files} of 30 files")


@pytest.mark.parametrize(
    ("files", "most", "chosen"),
    [
        ([5, 5, 5], 100, [0, 1, 2]),
        ([5] * 10, 20, [0, 2, 5, 7]),
        ([5] * 10 + [19], 20, [0, 2, 5, 7]),
        ([1000, 1, 1], 20, [1, 2]),
        ([1, 1000, 1], 20, [0, 2]),
        ([900], 20, [0]),
        ([900, 800], 20, [1]),
    ],
)
def test_patients_are_chosen_all_over_the_collection(files, most, chosen):
    assert sample.evenly_chosen(np.array(files), most).tolist() == chosen


def test_files_that_name_nobody_belong_to_whom_alone_their_folder_names():
    one, two, nobody = 2**63 + 1, 2**63 + 3, int(reading.NO_VALUE)
    kinds = np.zeros((6, len(reading.KEYS)), np.uint64)
    kinds[:, sample.PATIENT] = [one, nobody, two, nobody, nobody, two]
    kinds[:, sample.FOLDER] = [7, 7, 8, 8, 9, 7]
    kind = np.arange(6).repeat([1, 5, 2, 2, 5, 1])
    # folder 7 names two: its others belong to nobody, as those of folder 9 do
    files = {one: [0], two: [6, 7, 8, 9, 15], nobody: [*range(1, 6), *range(10, 15)]}
    for most, patients in ((16, files), (8, [one, two]), (1, [one])):
        found, chosen, total = sample.sampled(kinds, kind, most)
        assert (chosen, total) == (len(patients), 3)
        assert found.tolist() == sorted(file for patient in patients for file in files[patient])


def test_the_pages_take_the_sample_and_say_so(sampled, headers, monkeypatch, capsys):
    monkeypatch.setenv("DICOM_ROOT", str(sampled.folder))
    root = collection_root()
    said = capsys.readouterr().out
    part = part_in(root)
    assert f"{part.files} of {len(headers)} files: {part.patients} of " in said
    assert "evenly chosen" in said and part.root in said
    assert len(header_table(root)) == part.files
    again = survey_or_phantom(root, sampled.folder / "unused")
    assert again == sampled and not capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "[1, 2]", '["a", 2, 3, 4, "x"]', "[1, null, 3, 4, 5]"])
def test_a_damaged_sample_is_said_in_a_line(sampled, content):
    (sampled.folder / "sample.json").write_text(content, encoding="utf-8")
    with pytest.raises(FolderError, match=r"found one whose sample is damaged at .*make it anew"):
        named_root(sampled.folder)
    path = sampled.folder / "sample.parquet"
    path.write_bytes(path.read_bytes()[:-200] + bytes(200))
    with pytest.raises(FolderError, match="expected the header table of a survey"):
        header_table(path)


@pytest.mark.parametrize("stage", ["Finding", "Summing up"])
def test_a_survey_that_is_not_done_is_no_collection(collection, here, tmp_path, monkeypatch, stage):
    def full(*these):
        raise OSError(28, "No space left on device")

    if stage == "Summing up":
        monkeypatch.setattr("helpers.scale.reduction.tag_table", full)
        with pytest.raises(SurveyError, match="No space left"):
            survey(collection, tmp_path, progress=False)
        with pytest.raises(FolderError, match="expected a survey that is done, found one that was"):
            named_root(tmp_path)
        return
    here(stop="Finding")
    with pytest.raises(KeyboardInterrupt):
        survey(collection, tmp_path, progress=False)
    with pytest.raises(FolderError, match="expected a survey that is done, found one that was"):
        named_root(tmp_path)


def test_what_was_not_surveyed_shows_a_patient_of_the_phantom(collection, tmp_path, capsys):
    found = survey_or_phantom(collection, tmp_path / "s")
    assert capsys.readouterr().out.count("\n") == 1
    assert found.counts["files"].tolist() == [96]


def test_another_parquet_file_is_no_header_table(tmp_path):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_text("no Parquet", encoding="utf-8")
    for name in ("a", "b"):
        with pytest.raises(FolderError, match="expected the header table of a survey, or a folder"):
            header_table(tmp_path / f"{name}.parquet")


def test_values_are_asked_for_as_tables_and_people_have_them(sampled, headers):
    rows, patient = headers["Rows"].dropna(), headers["PatientID"].dropna().iloc[0]
    count = int((headers["Rows"] == rows.iloc[0]).sum())
    for value in (rows.iloc[0], float(rows.iloc[0]), int(rows.iloc[0]), rows[:1], [rows.iloc[0]]):
        assert len(sampled.header_table(Rows=value)) == count
    assert sampled.header_table(Rows=[float("inf"), np.nan, 0.5]).empty
    assert len(sampled.header_table(RescaleSlope=1)) == (headers["RescaleSlope"] == 1).sum()
    assert len(sampled.header_table(PatientID=np.str_(patient))) > 0
    with pytest.raises(TableError, match=r"expected a column of .* got 'folder'"):
        sampled.header_table(folder="x")


def test_a_survey_is_opened_without_its_collection(collection, here, tmp_path):
    root = tmp_path / "c"
    shutil.copytree(collection / "P01-reference", root)
    found = survey(root, tmp_path / "s", progress=False)
    shutil.rmtree(root)
    assert survey(root, tmp_path / "s").counts["files"].tolist() == [96] and found.folder.is_dir()


@pytest.mark.parametrize("name", ["PatientID=7/Modality=MR", "all*", "[x]", "a?"])
def test_a_question_is_about_this_survey_whatever_its_folder_is_called(
    collection, here, tmp_path, name
):
    pytest.importorskip("duckdb")
    survey(collection / "P02-interspaced", tmp_path / "allothers", progress=False)
    found = survey(collection / "P01-reference", tmp_path / name, progress=False)
    question = "SELECT PatientID, Modality, count(*) FROM headers GROUP BY 1, 2"
    assert found.query(question).to_numpy().tolist() == [["P01-reference", "CT", 96]]
    for nothing in ("", ";"):
        with pytest.raises(SurveyError, match="expected SQL about counts"):
            found.query(nothing)


@pytest.mark.skipif(sys.platform != "linux", reason="only there may names be any bytes")
def test_names_that_are_no_text_are_surveyed(collection, here, tmp_path):
    root = tmp_path / "c"
    for folder in ("P01-reference", "P02-interspaced"):
        shutil.copytree(collection / folder, root / folder)
    name = os.fsencode(root)
    os.rename(name + b"/P01-reference/3.dcm", name + b"/P01-reference/3\xff.dcm")
    os.rename(name + b"/P02-interspaced", name + b"/P02\xe9")
    with open(name + b"/a\xe4.txt", "w", encoding="utf-8") as file:
        file.write("no image")
    headers = header_table(root, progress=False)
    found = survey(root, tmp_path / "s", progress=False)
    check_equal(found, headers)
    for stack, rows in slice_table(headers).groupby(level=[0, 1]):
        assert set(found.stack_headers(stack).index) == set(rows.index.get_level_values("path"))


# identifiers that an anonymiser broke


def same_study(dataset, folder, number):
    dataset.StudyInstanceUID = "1.2.3"


def same_series(dataset, folder, number):
    dataset.SeriesInstanceUID = "1.2.4"


def same_patient(dataset, folder, number):
    dataset.PatientID = "ANON"


def all_the_same(dataset, folder, number):
    for change in (same_study, same_series, same_patient):
        change(dataset, folder, number)


def no_series(dataset, folder, number):
    del dataset.SeriesInstanceUID


def no_identifier(dataset, folder, number):
    for word in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID"):
        if word in dataset:
            del dataset[word]


def one_series_of_many(dataset, folder, number):
    dataset.SeriesInstanceUID = "1.2.4"
    dataset.PatientID = f"{folder}-{number}"
    dataset.StudyInstanceUID = f"1.2.5.{folder}.{number}"


def another_in_every_file(dataset, folder, number):
    dataset.SeriesInstanceUID = f"1.2.6.{folder}.{number}"
    dataset.StudyInstanceUID = f"1.2.7.{folder}.{number}"


def instances_shared(dataset, folder, number):
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.8.{number}"


def write_changed(folder, root, change, place=0):
    """Copies some files of a folder to one of the same name in `root`, changed."""
    (root / folder.name).mkdir(parents=True)
    for number, file in enumerate(sorted(folder.glob("*.dcm"))[:15]):
        dataset = pydicom.dcmread(file)
        change(dataset, place, number)
        dataset.save_as(root / folder.name / file.name)


BROKEN = [
    *(same_study, same_series, same_patient, all_the_same, no_series, no_identifier),
    *(one_series_of_many, another_in_every_file, instances_shared),
]


@pytest.mark.parametrize("change", BROKEN)
def test_broken_identifiers_give_what_one_process_gives(collection, here, tmp_path, change):
    root = tmp_path / "broken"
    for place, folder in enumerate(sorted(collection.glob("P*/"))):
        write_changed(folder, root, change, place)
    engine = here()
    found = survey(root, tmp_path / "s", progress=False)
    check_equal(found, header_table(root, progress=False))
    assert engine.tasks["Finding"] > 1 or change in (all_the_same, one_series_of_many)


# stopped


@pytest.mark.parametrize("stage", ["Reading headers", "Shuffling", "Finding"])
def test_stopped_at_any_moment_it_goes_on(collection, headers, here, tmp_path, stage):
    here(stop=stage)
    with pytest.raises(KeyboardInterrupt):
        survey(collection, tmp_path, progress=False)
    tasks = here().tasks
    check_equal(survey(collection, tmp_path, progress=False), headers)
    done = {"Reading headers": 0, "Shuffling": 0, "Finding": 0} | tasks
    assert done != tasks or stage == "Reading headers"


def test_stopped_while_files_are_listed_it_lists_them_again(
    collection, headers, here, tmp_path, monkeypatch
):
    keep = reading._keep_list

    def interrupted(store, part, names):
        if part == 2:
            raise KeyboardInterrupt
        keep(store, part, names)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(reading, "_keep_list", interrupted)
        survey(collection, tmp_path, progress=False)
    check_equal(survey(collection, tmp_path, progress=False), headers)


def test_what_was_half_written_is_removed(collection, headers, here, tmp_path):
    here(stop="Finding")
    with pytest.raises(KeyboardInterrupt):
        survey(collection, tmp_path, progress=False)
    (tmp_path / "headers" / "000003.parquet.part-abc").write_bytes(b"half")
    here()
    check_equal(survey(collection, tmp_path, progress=False), headers)
    assert not [*tmp_path.rglob("*.part-*")]


def test_a_file_that_vanishes_is_a_row(collection, here, tmp_path):
    root = tmp_path / "collection"
    shutil.copytree(collection / "P01-reference", root)
    gone = sorted(root.iterdir())[3]
    store = opened_store(str(root), str(tmp_path / "s"), SMALL)
    assert sum(1 for _ in list_parts(store, str(root), SMALL.files)) > 1
    gone.unlink()
    found = survey(root, tmp_path / "s", progress=False).header_table()
    assert found.loc[str(gone), "error"] == "no such file"
    assert found["error"].notna().sum() == 1


@contextmanager
def small_disk(folder, size):
    """A file system that is soon full; skipped where none can be mounted."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    try:
        mounted = subprocess.run(["mount", *options], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no file system can be mounted here")
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("size", ["16k", "160k", "400k"])
def test_a_full_disk_is_said_in_a_line_and_it_goes_on(collection, headers, here, tmp_path, size):
    with small_disk(tmp_path / "disk", size) as disk:
        with pytest.raises(SurveyError, match=r"^expected to write .*No space left.*goes on"):
            survey(collection, disk / "s", progress=False)
        subprocess.run(["mount", "-o", "remount,size=90m", str(disk)], check=True)
        check_equal(survey(collection, disk / "s", progress=False), headers)


# where it is not made


def test_other_folders_are_left_as_they_are(collection, here, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("all of it", encoding="utf-8")
    with pytest.raises(SurveyError, match="expected an empty folder or a survey, got something"):
        survey(collection, other)
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]
    (tmp_path / "file").write_bytes(b"")
    for wrong in (tmp_path / "file" / "x", "/sys/none", "a\0b", tmp_path / ("n" * 300)):
        with pytest.raises(SurveyError, match=r"expected to write to|expected an empty folder"):
            survey(collection, wrong)
    with pytest.raises(SurveyError, match="expected a folder on a disk"):
        survey(collection, "s3://bucket/x")
    with pytest.raises(SurveyError, match="outside of the collection"):
        survey(collection, collection / "survey")
    assert not (collection / "survey").exists()
    (other / "thesis.txt").rename(other / "survey.json")
    with pytest.raises(SurveyError, match=r"damaged .*survey\.json"):
        survey(collection, other)


def test_the_survey_of_another_collection_is_refused(collection, here, tmp_path):
    survey(collection / "P01-reference", tmp_path / "s", progress=False)
    with pytest.raises(SurveyError, match=r"expected a survey of .*some.*, got one of .*P01"):
        survey(collection, tmp_path / "s", progress=False)


def test_what_is_no_folder_is_said(tmp_path, here):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FolderError, match="expected files, found none"):
        survey(tmp_path / "empty", tmp_path / "s", progress=False)
    with pytest.raises(FolderError, match="expected a folder, found nothing"):
        survey(tmp_path / "nowhere", tmp_path / "t", progress=False)
    assert not (tmp_path / "s").exists() and not (tmp_path / "t").exists()
    with pytest.raises(WrongTypeError, match="expected the path of a folder, got DataFrame"):
        survey(pd.DataFrame(), tmp_path / "u")


def test_without_the_package_a_line_says_what_to_type(collection, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SIZES", SMALL)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SurveyError, match=r"expected the package distributed.*pip install"):
        survey(collection, tmp_path / "s")


# with workers


@pytest.fixture(scope="module")
def dask():
    distributed = pytest.importorskip("distributed")
    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**local) as cluster, distributed.Client(cluster) as client:
        yield client


def test_workers_give_what_one_process_gives(collection, headers, dask, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SIZES", Sizes(files=60, rows=60, most_rows=100))
    check_equal(survey(collection, tmp_path, dask, progress=False), headers)


def test_what_is_no_client_is_refused(collection, dask, tmp_path):
    with pytest.raises(WrongTypeError, match=r"expected a distributed\.Client, or None, got int"):
        survey(collection, tmp_path, 2)


@pytest.mark.slow
def test_a_killed_worker_costs_nothing(phantom, phantom_headers, dask, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SIZES", Sizes(files=100, rows=200, most_rows=400))
    run = Engine.run

    def killing(self, name, function, arguments):
        if name in ("Reading headers", "Finding"):
            own = [*dask.run(os.getpid).values()]
            os.kill(own[0], signal.SIGKILL)
        run(self, name, function, arguments)

    monkeypatch.setattr(Engine, "run", killing)
    check_equal(survey(phantom, tmp_path, dask, progress=False), phantom_headers)


SCRIPT = """
import sys
from helpers import survey
from helpers.scale import survey as module
from helpers.scale.store import Sizes
if __name__ == "__main__":
    module.SIZES = Sizes(50, 100, 200)
    survey(sys.argv[1], sys.argv[2], progress=False)
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["work/read", "work/plan.npz", "work/results"])
def test_killed_and_called_again_it_is_equal(
    phantom, phantom_headers, tmp_path, here, monkeypatch, moment
):
    pytest.importorskip("distributed")
    (tmp_path / "run.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, tmp_path / "run.py", phantom, tmp_path / "s"]
    child = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 200
    while not (tmp_path / "s" / moment).exists() and time.monotonic() < end:
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    monkeypatch.setattr(module, "SIZES", Sizes(50, 100, 200))
    check_equal(survey(phantom, tmp_path / "s", progress=False), phantom_headers)


@pytest.mark.slow
def test_all_real_files_give_what_one_process_gives(real, real_headers, here, tmp_path):
    check_equal(survey(Path(real), tmp_path, progress=False), real_headers)
