"""How are many stacks drawn at once? In processes of their own, one for each core.

Decoding and drawing keep Python itself busy, so that threads would wait for each other. And a file
that makes a decoder crash ends one of these processes alone.
"""

import multiprocessing
import os
import signal
import sys
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, TypeVar

from helpers.errors import ClearError, error_text

MAX_PROCESSES = 8
AHEAD = 2  # tasks that wait for each process: what they need is in memory
ENDED = "its process ended before it was done: out of memory, or a decoder crashed"

Item = TypeVar("Item")


class ProcessError(ClearError):
    """What could not be done, as the process that did it has ended."""


def in_processes(
    function: Callable[[Item], Any], items: Iterable[Item], environment: Mapping[str, str]
) -> Generator[Any]:
    """Yields ``function(item)`` in the order of the items; a `ProcessError` for one that fails.

    Closing the generator, or an interrupt, drops what has not begun.

    Parameters
    ----------
    function : of a module, so that another process finds it
    environment : variables that the processes have besides those of this one
    """
    count = min(MAX_PROCESSES, os.cpu_count() or 1)
    waiting, is_done = iter(items), False
    while not is_done:
        running: deque[tuple[Item, Future]] = deque()
        with _closing(_started(count, environment)) as executor:
            try:
                yield from _results(executor, function, waiting, running, AHEAD * count)
                is_done = True
            except BrokenProcessPool:  # the first is to blame; the others begin anew
                running.popleft()
                waiting = chain([item for item, _ in running], waiting)
        if not is_done:
            yield ProcessError(ENDED)


def _results(
    executor: ProcessPoolExecutor,
    function: Callable[[Item], Any],
    waiting: Iterator[Item],
    running: deque[tuple[Item, Future]],
    count: int,
) -> Generator[Any]:
    """Yields results in their order, and keeps so many tasks in `running`."""
    while True:
        for item in islice(waiting, count - len(running)):
            running.append((item, _submitted(executor, function, item)))
        if not running:
            return
        result = running[0][1].result()
        running.popleft()
        yield result


def _submitted(
    executor: ProcessPoolExecutor, function: Callable[[Item], Any], item: Item
) -> Future:
    """The Future of an item; one that has failed already where no more work is taken."""
    try:
        return executor.submit(_guarded, function, item)
    except BrokenProcessPool as error:
        future: Future = Future()
        future.set_exception(error)
        return future


def _guarded(function: Callable[[Item], Any], item: Item) -> Any:
    """What a function gives, or why it does not: the others go on."""
    try:
        return function(item)
    except Exception as error:
        return ProcessError(error_text(error))


@contextmanager
def _closing(executor: ProcessPoolExecutor) -> Iterator[ProcessPoolExecutor]:
    """Ends processes, whatever happens, with what they do at the time."""
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _started(count: int, environment: Mapping[str, str]) -> ProcessPoolExecutor:
    """Processes that share what is in memory, where the system does that well."""
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(count, context, _begin, (dict(environment),))


def _begin(environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which ends this one's parent, and it then
    warnings.simplefilter("ignore")  # odd headers are the audit's matter
