"""What do many files say? Reads one header after the other, or many at once, and keeps their order."""

import warnings
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from threading import current_thread, main_thread
from time import perf_counter, thread_time

from helpers.reading import one_line, slow_row

CHUNK = 4  # files that a thread reads one after the other
SENT = 256  # files sent to a given executor at once
THREADS = 64  # enough to overlap the latency of a slow disk
WAITING = 0.001  # seconds a file that a disk may keep us waiting before threads are worth their price
SLOW_CHUNKS = 2  # in a row, before it is believed


def rows_of(paths, reader, executor=None):
    """Yields lists of rows (dicts of columns), in the order of the paths, as they are read.

    Parameters
    ----------
    paths : list of str
    reader : `helpers.elements.Elements`
    executor : concurrent.futures.Executor, or None
        None reads here as long as the disk is fast, and in threads from where it is not: threads cost
        more than they save where there is nothing to wait for. The caller shuts down what it gave.

    Warns
    -----
    RuntimeWarning
        Where a worker fails; its files are then read here.
    """
    if executor is not None:
        yield from _through(executor, paths, reader, SENT)
        return
    place = slow = 0
    while place < len(paths) and slow < SLOW_CHUNKS:
        before = perf_counter() - thread_time()
        rows = read(reader, paths[place : place + CHUNK])
        waited = perf_counter() - thread_time() - before
        slow = slow + 1 if waited > WAITING * len(rows) else 0
        place += len(rows)
        yield rows
    if place < len(paths):
        with ThreadPoolExecutor(THREADS, "headers") as threads:
            yield from _through(threads, paths[place:], reader, CHUNK)


def read(reader, paths):
    """The rows of some files, one after the other. What pydicom warns of stands in the values or in `error`."""
    with warnings.catch_warnings():
        if current_thread() is main_thread():  # a process has one list of filters; threads leave it alone
            warnings.simplefilter("ignore")
        return [_row(reader, path) for path in paths]


def _row(reader, path):
    try:
        return reader.row(path) or slow_row(path, reader.private)
    except Exception as error:  # whatever it is, it costs no other file its row
        return {"error": one_line(error), "file_size": None}


def _through(executor, paths, reader, size):
    chunks = [paths[start : start + size] for start in range(0, len(paths), size)]
    futures = deque(_submitted(executor, reader, chunk) for chunk in chunks)
    failures = 0
    try:
        for chunk in chunks:
            try:
                rows = futures.popleft().result()
                if len(rows) != len(chunk):
                    raise ValueError(f"{len(rows)} rows for {len(chunk)} files")
            except Exception as error:
                failures += 1
                if failures == 1:
                    warnings.warn(f"a worker failed ({error!r}); its files are read here", RuntimeWarning, stacklevel=2)
                rows = read(reader, chunk)
            yield rows
    finally:
        for future in futures:
            future.cancel()


def _submitted(executor, reader, chunk):
    """The Future of a chunk; one that has failed already where the executor takes no more work."""
    try:
        return executor.submit(read, reader, chunk)
    except Exception as error:
        future = Future()
        future.set_exception(error)
        return future
