"""Where does this run, and how is work done several at a time?"""

import os
import sys
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


def is_live():
    """Whether widgets will have a kernel to talk to.

    Not where a notebook is executed from end to end: by nbclient or nbconvert, or as the saved version of a Kaggle
    kernel. Those clients say that nobody can be asked for input; Voila says so too, and yet serves widgets.
    """
    if os.environ.get("KAGGLE_KERNEL_RUN_TYPE") == "Batch":
        return False
    if os.environ.get("SERVER_SOFTWARE", "").startswith("voila"):
        return True
    ipython = sys.modules.get("IPython")
    kernel = getattr(ipython.get_ipython(), "kernel", None) if ipython else None
    return kernel is not None and bool(
        kernel.get_parent("shell").get("content", {}).get("allow_stdin")
    )


def install_line(package):
    """What to type so that a package is there; on Kaggle, where kernels have no internet, from a wheel among the data.

    ``--find-links`` looks into one folder alone, and data lies at several depths; so the file is searched for.
    """
    if "KAGGLE_KERNEL_RUN_TYPE" not in os.environ and not os.path.isdir("/kaggle/input"):
        return f"python -m pip install {package}"
    line = f"%pip install --no-index $(find /kaggle/input -iname '{package}*.whl')"
    return f"attach a dataset with its wheel and put first: {line}"
