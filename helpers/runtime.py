"""Where does this run, and how is work done several at a time?"""

import os
import sys
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from pathlib import Path
from threading import current_thread, main_thread
from time import perf_counter, thread_time
from typing import Any

from helpers.errors import ClearError, WrongTypeError

KAGGLE_INPUT, KAGGLE_WORKING = Path("/kaggle/input"), Path("/kaggle/working")
MAX_THREADS = 8
MAX_AHEAD = 512  # chunks that are read before they are asked for: what is read takes memory
MAX_WORK, MAX_WAIT = 0.005, 0.008  # seconds; beyond, threads are worth their price
SLOW_ITEMS = 2  # in a row, before it is believed
MANY_FILES = 200  # from here on a progress bar is shown


@contextmanager
def in_threads(function: Callable[[Any], Any], items: Iterable) -> Iterator[Iterator]:
    """Gives an iterator over ``function(item)`` in the order of the items.

    Where it is left early, what has not begun by then is dropped.
    """
    with quiet():
        threads = ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1))
        try:
            yield threads.map(function, items)
        finally:
            threads.shutdown(cancel_futures=True)


def in_threads_if_slow(
    function: Callable[[Any], Any], items: Iterable, *, surely: bool = False
) -> Generator:
    """Yields ``function(item)`` in the order of the items, in threads from where that takes long.

    Threads cost more than they save where there is little to compute and nothing to wait for.

    Parameters
    ----------
    surely : whether it is known to take long
    """
    waiting, slow = iter(items), 0
    for item in () if surely else waiting:
        start, start_of_work = perf_counter(), thread_time()
        found = function(item)
        work = thread_time() - start_of_work
        waited = perf_counter() - start - work
        slow = slow + 1 if work > MAX_WORK or waited > MAX_WAIT else 0
        yield found
        if slow == SLOW_ITEMS:
            break
    with in_threads(function, waiting) as rest:
        yield from rest


def through(
    executor: Executor, read: Callable[[list], list], chunks: list[list]
) -> Generator[list]:
    """Yields ``read(chunk)`` for each, in their order; it must be as long as the chunk.

    Raises
    ------
    WrongTypeError
        For what is no executor.

    Warns
    -----
    RuntimeWarning
        Where a worker fails; its files are then read here.
    """
    require_executor(executor)
    waiting = iter(chunks)
    futures = deque(_submitted(executor, read, chunk) for chunk in islice(waiting, MAX_AHEAD))
    failed = False
    try:
        for chunk in chunks:
            try:
                found = futures.popleft().result()
                if len(found) != len(chunk):
                    raise ValueError(f"{len(found)} rows for {len(chunk)} files")
            except Exception as error:
                if not failed:
                    message = f"a worker failed ({error!r}); its files are read here"
                    warnings.warn(message, RuntimeWarning, stacklevel=2)
                failed = True
                found = read(chunk)
            futures.extend(_submitted(executor, read, chunk) for chunk in islice(waiting, 1))
            yield found
    finally:
        for future in futures:
            future.cancel()


def require_executor(executor: object) -> None:
    """Refuses what is neither an executor nor None, in one clear line."""
    if executor is not None and not hasattr(executor, "submit"):
        expected = "an executor, such as ProcessPoolExecutor()"
        raise WrongTypeError(f"expected {expected}, got {type(executor).__name__}")


def chunks_of(items: list, size: int) -> list[list]:
    """The items in lists of `size`, the last one shorter."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _submitted(executor: Executor, read: Callable[[list], list], chunk: list) -> Future:
    """The Future of a chunk; one that has failed already where no more work is taken."""
    try:
        return executor.submit(read, chunk)
    except Exception as error:
        future: Future = Future()
        future.set_exception(error)
        return future


@contextmanager
def quiet() -> Iterator[None]:
    """Ignores warnings.

    A process has one list of filters, so only its main thread touches it, around the others.
    """
    if current_thread() is not main_thread():
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def is_live() -> bool:
    """Whether widgets will have a kernel to talk to.

    They have none where a notebook is executed from end to end: by nbclient or nbconvert, or as
    the saved version of a Kaggle kernel. Those clients say that nobody can be asked for input;
    Voila says so too, and yet serves widgets.
    """
    if os.environ.get("KAGGLE_KERNEL_RUN_TYPE") == "Batch":
        return False
    if os.environ.get("SERVER_SOFTWARE", "").startswith("voila"):
        return True
    ipython = sys.modules.get("IPython")
    kernel = getattr(ipython.get_ipython(), "kernel", None) if ipython else None
    if kernel is None:
        return False
    return bool(kernel.get_parent("shell").get("content", {}).get("allow_stdin"))


def user_cache() -> Path:
    """The folder for what programs can make anew: ``$XDG_CACHE_HOME``, or ``~/.cache``.

    One that is not absolute counts for nothing, as its specification says.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    return Path(named) if os.path.isabs(named) else Path.home() / ".cache"


def install_line(package: str) -> str:
    """What to type so that a package is there.

    Kaggle's kernels have no internet: there it comes from a wheel among the data. As
    ``--find-links`` looks into one folder alone, and data lies at several depths, the file is
    searched for.
    """
    if "KAGGLE_KERNEL_RUN_TYPE" not in os.environ and not KAGGLE_INPUT.is_dir():
        return f"python -m pip install {package}"
    line = f"%pip install --no-index $(find /kaggle/input -iname '{package}*.whl')"
    return f"attach a dataset with its wheel and put first: {line}"


def optional_package(name: str, error: type[ClearError]) -> Any:
    """A package that only who wants it installs.

    Raises
    ------
    ClearError
        Of the given class, where it is not there: says what to type.
    """
    try:
        return import_module(name)
    except ImportError as cause:
        raise error(
            f"expected the package {name}, which is not installed: {install_line(name)}"
        ) from cause
