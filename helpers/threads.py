"""How is work done several at a time, and without what libraries mutter?"""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import current_thread, main_thread

MOST = 8  # threads


@contextmanager
def in_threads(function, items):
    """Gives an iterator over ``function(item)`` in the order of the items; leaving it early drops what is not begun."""
    with quiet():
        threads = ThreadPoolExecutor(min(MOST, os.cpu_count() or 1))
        try:
            yield threads.map(function, items)
        finally:
            threads.shutdown(cancel_futures=True)


@contextmanager
def quiet():
    """Ignores warnings. A process has one list of filters, so only its main thread touches it, around the others."""
    if current_thread() is not main_thread():
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
