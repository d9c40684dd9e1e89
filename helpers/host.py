"""Where does this run: who shows what a cell returns, and how is a package installed?"""

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


def install_line(package):
    """What to type so that a package is there; on Kaggle, where kernels have no internet, from a wheel among the data.

    ``--find-links`` looks into one folder alone, and data lies at several depths; so the file is searched for.
    """
    if "KAGGLE_KERNEL_RUN_TYPE" not in os.environ and not os.path.isdir("/kaggle/input"):
        return f"python -m pip install {package}"
    line = f"%pip install --no-index $(find /kaggle/input -iname '{package}*.whl')"
    return f"attach a dataset with its wheel and put first: {line}"
