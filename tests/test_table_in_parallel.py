"""Many files at once: the same rows in the same order, whoever reads them and whatever fails."""

import os
import pickle
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pandas as pd
import pytest
from distributed import Client, LocalCluster

from helpers import (
    audit,
    deidentify,
    header_table,
    list_files,
    load_slice,
    pixel_table,
    slice_table,
)
from helpers.errors import WrongTypeError
from helpers.headers import table as table_module
from helpers.headers.fast_reader import FastReader
from helpers.pixels.window import WindowError


@pytest.fixture(scope="module")
def dask():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_any_executor_gives_the_same_table(real, real_headers, kind):
    with kind(2) as executor:
        table = header_table(real, executor=executor, progress=False)
        pd.testing.assert_frame_equal(table, real_headers)
        assert executor.submit(os.getpid).result()  # still the caller's


def test_dask_gives_the_same_table(real, phantom, dask, phantom_headers):
    pd.testing.assert_frame_equal(
        header_table(phantom, executor=dask.get_executor(), progress=False), phantom_headers
    )
    folder = real / "series/mr-sagittal-hfdl"
    chosen = {"keywords": ["PatientID", "EchoTime"], "private": True}
    table = header_table(folder, executor=dask.get_executor(), progress=False, **chosen)
    pd.testing.assert_frame_equal(table, header_table(folder, progress=False, **chosen))


def test_a_dask_worker_that_dies_costs_no_row(phantom, dask, phantom_headers):
    doomed = dask.submit(os._exit, 1, pure=False, retries=0)
    table = header_table(phantom, executor=dask.get_executor(), progress=False)
    pd.testing.assert_frame_equal(table, phantom_headers)
    doomed.cancel()


class Failing(Executor):
    """Fails now and then: while it works, or by taking no work at all."""

    def __init__(self):
        self.submitted = 0

    def submit(self, function, *these):
        self.submitted += 1
        if self.submitted == 2:
            raise RuntimeError("no more work, please")
        future = Future()
        if self.submitted == 1:
            future.set_exception(MemoryError("a worker ran out of memory"))
        else:
            future.set_result(function(*these))
        return future


def test_a_worker_that_fails_costs_no_row(phantom, phantom_headers):
    with pytest.warns(
        RuntimeWarning, match="a worker failed .*ran out of memory.*; its files are read here"
    ):
        table = header_table(phantom, executor=Failing(), progress=False)
    pd.testing.assert_frame_equal(table, phantom_headers)


def test_a_pool_whose_processes_are_killed_costs_no_row(phantom, phantom_headers):
    with ProcessPoolExecutor(2) as executor:
        executor.submit(os._exit, 1)
        time.sleep(0.5)
        with pytest.warns(RuntimeWarning, match="a worker failed"):
            table = header_table(phantom, executor=executor, progress=False)
    pd.testing.assert_frame_equal(table, phantom_headers)


def test_a_slow_disk_is_read_by_many_threads(phantom, phantom_headers, monkeypatch):
    opened, at_once, most = os.open, 0, 0

    def slow(*these, **more):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.005)
        at_once -= 1
        return opened(*these, **more)

    monkeypatch.setattr("helpers.files.reading.os.open", slow)
    table = header_table(list_files(phantom), progress=False)
    assert most > 20
    pd.testing.assert_frame_equal(table, phantom_headers)


def test_a_disk_that_was_slow_for_a_while_is_read_here_again(phantom, phantom_headers, monkeypatch):
    opened, threads = os.open, []

    def slow(*these, **more):
        if len(threads) < 20:
            time.sleep(0.005)
        threads.append(threading.get_ident())
        return opened(*these, **more)

    monkeypatch.setattr("helpers.files.reading.os.open", slow)
    monkeypatch.setattr("helpers.headers.table.FILES_IN_THREADS", 200)
    # what waits for another process is not taken for a slow disk
    monkeypatch.setattr("helpers.headers.table.MAX_WAIT", 0.004)
    table = header_table(list_files(phantom), progress=False)
    assert len(set(threads[:200])) > 3 and set(threads[-200:]) == {threading.get_ident()}
    pd.testing.assert_frame_equal(table, phantom_headers)


def test_a_fast_disk_needs_no_threads(phantom, monkeypatch):
    monkeypatch.setattr("helpers.headers.table.ThreadPoolExecutor", None)
    # however busy the machine: nothing was waited for
    monkeypatch.setattr("helpers.headers.table.thread_time", time.perf_counter)
    assert len(header_table(phantom, progress=False)) == len(list_files(phantom))


def test_a_copy_for_another_process_has_the_same_wishes(phantom):
    copy = pickle.loads(pickle.dumps(FastReader(["PatientID"], True)))
    row = copy.row(str(phantom / "P01-reference" / "1.dcm"))
    assert copy.private and "PatientID" in row and "StudyDate" not in row


def test_no_more_is_read_ahead_than_memory_allows(phantom, monkeypatch):
    monkeypatch.setattr("helpers.runtime.MAX_AHEAD", 3)
    monkeypatch.setattr("helpers.headers.table.FILES_PER_TASK", 2)
    files, submitted = list_files(phantom)[:40], []

    class Counting(Executor):
        def submit(self, function, *these):
            future = Future()
            future.set_result(function(*these))
            submitted.append(future)
            return future

    reader = FastReader()
    rows = table_module._rows_of(list(map(str, files)), reader, Counting())
    taken = [(len(next(rows)), len(submitted)) for _ in range(17)]
    assert taken == [(2, 4 + number) for number in range(17)]
    assert len(list(rows)) == 3 and len(submitted) == 20
    pd.testing.assert_frame_equal(
        header_table(files, executor=Counting()), header_table(files, progress=False)
    )


@pytest.fixture(scope="module")
def images(real, phantom_slices):
    """Rows of images: plain ones, compressed ones, colour, several in a file, undecodable ones."""
    odd = slice_table(header_table(real / "odd", progress=False))
    return pd.concat([phantom_slices.iloc[::3], odd])


@pytest.fixture(scope="module")
def statistics(images):
    return pixel_table(images, progress=False)


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_any_executor_gives_the_same_statistics(images, statistics, kind):
    with kind(2) as executor:
        table = pixel_table(images, executor=executor, progress=False)
        pd.testing.assert_frame_equal(table, statistics)
        assert executor.submit(os.getpid).result()  # still the caller's
    assert statistics["mean"].notna().sum() > 700 and statistics["pixel_error"].notna().any()


def test_dask_gives_the_same_statistics_and_findings(images, statistics, phantom, dask):
    executor = dask.get_executor()
    pd.testing.assert_frame_equal(pixel_table(images, executor=executor), statistics)
    headers = header_table(phantom / "P35-padding-undeclared", progress=False)
    found = audit(headers, pixels=True, executor=executor)
    pd.testing.assert_frame_equal(found, audit(headers, pixels=True))
    assert "undeclared-padding" in found["rule"].tolist()


def test_workers_need_not_know_what_hides_identity(phantom, dask, monkeypatch):
    assert dask.submit(os.getpid).result()
    monkeypatch.setenv("DICOM_HIDE_IDENTITY", "a secret")
    slices = slice_table(deidentify(header_table(phantom / "P03-interspaced", progress=False)))
    table = pixel_table(slices, executor=dask.get_executor(), progress=False)
    assert table["pixel_error"].isna().all()
    pd.testing.assert_frame_equal(table, pixel_table(slices, progress=False))


def test_a_worker_that_fails_costs_no_image(images, statistics, monkeypatch):
    monkeypatch.setattr("helpers.quality.statistics.IMAGES_PER_TASK", 64)
    with pytest.warns(RuntimeWarning, match="a worker failed .*ran out of memory"):
        table = pixel_table(images, executor=Failing(), progress=False)
    pd.testing.assert_frame_equal(table, statistics)


def test_a_window_without_meaning_ends_the_reading(real, monkeypatch):
    monkeypatch.setattr("helpers.quality.statistics.IMAGES_PER_TASK", 2)
    headers, submitted = header_table(real / "series/mr-sagittal-hfdl", progress=False), []

    class Lazy(Executor):
        """Works on the first chunk alone."""

        def submit(self, function, *these):
            future = Future()
            if not submitted:
                future.set_result(function(*these))
            submitted.append(future)
            return future

    with pytest.raises(WindowError, match=r"expected values in HU .*lungs.*; in .*\.dcm") as caught:
        pixel_table(headers, window="lungs", executor=Lazy(), progress=False)
    assert "\n" not in str(caught.value)
    assert len(submitted) > 5 and all(future.cancelled() for future in submitted[1:])


def test_what_is_no_executor_is_refused(images):
    with pytest.raises(WrongTypeError, match=r"expected an executor.*got int"):
        pixel_table(images, executor=2, progress=False)


def test_numbers_alone_are_kept(images, statistics):
    """However many images there are: no array of an image outlives its row."""
    held = sum(part.nbytes for part in statistics["histogram"].dropna())
    path, frame = statistics["histogram"].dropna().index[0][2:]
    assert held == 256 * 4 * statistics["mean"].notna().sum()
    assert all(part.base is None for part in statistics["histogram"].dropna())
    assert (
        statistics["histogram"].dropna().iloc[0].sum() <= load_slice(path, frame=frame).array.size
    )
