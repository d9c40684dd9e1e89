"""How is work done several at a time, and without what libraries mutter?"""

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

MOST = 8  # threads


@contextmanager
def in_threads(function, items):
    """Gives an iterator over ``function(item)`` in the order of the items; leaving it early drops what is not begun."""
    threads = ThreadPoolExecutor(min(MOST, os.cpu_count() or 1))
    try:
        with quiet():
            yield threads.map(function, items)
    finally:
        threads.shutdown(cancel_futures=True)


@contextmanager
def quiet():
    """Ignores warnings. They are the process's, so this belongs around threads, not inside them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
