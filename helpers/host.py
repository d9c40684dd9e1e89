"""Who shows what a cell returns: a notebook with a kernel behind it, or a page that outlives it?"""

import os
import sys


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
    return kernel is not None and bool(kernel.get_parent("shell").get("content", {}).get("allow_stdin"))
