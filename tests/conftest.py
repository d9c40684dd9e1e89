"""Collections that the tests read: the phantom, written once a run, and files of real scanners."""

import os
import signal
from pathlib import Path

import matplotlib
import pydicom
import pytest
from matplotlib import pyplot

matplotlib.use("Agg")
# a run in the background ignores interrupts, and so would all that it starts
signal.signal(signal.SIGINT, signal.default_int_handler)
REAL = Path(__file__).parents[2] / "shared" / "dicom"  # beside the project, where it is there
NEEDS_FASTAI = "07_fastai"  # the page that Kaggle's environment of the tests lacks packages for
SHIPPED = Path(pydicom.__file__).parent / "data"  # what pydicom brings along for its own tests


def pytest_addoption(parser):
    parser.addoption(
        "--whole",
        action="store_true",
        help="all damages to files, real browsers, executed Kaggle kernels of page 07",
    )
    parser.addoption(
        "--kernels", action="store_true", help="executed Kaggle kernels, on Kaggle's versions"
    )


def pytest_collection_modifyitems(config, items):
    """Tests in a real browser, of executed kernels and of many pages belong to the whole."""
    wanted = {
        "browser": config.getoption("--whole"),
        "slow": config.getoption("--whole"),
        "second_look": config.getoption("--whole") or config.getoption("--kernels"),
        "kernels": config.getoption("--kernels"),
    }
    left_out = [
        item
        for item in items
        if any(item.get_closest_marker(mark) for mark, asked in wanted.items() if not asked)
        and not (wanted["slow"] and NEEDS_FASTAI in item.name)
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def whole(request):
    """Whether every damage is tried, and not a seeded part of them."""
    return request.config.getoption("--whole")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache folder of this run, shared by its workers: no test writes into a home folder."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ["XDG_CACHE_HOME"] = str(shared / "cache")
    os.environ.pop("DICOM_ROOT", None)
    os.environ["DICOM_NO_CACHE"] = "1"  # no test finds what another has read


@pytest.fixture(scope="session")
def phantom(cache):
    """The folder of the phantom collection."""
    from helpers import phantom_root

    return phantom_root()


@pytest.fixture(scope="session")
def phantom_headers(phantom):
    """The header table of the phantom."""
    from helpers import header_table

    return header_table(phantom, progress=False)


@pytest.fixture(scope="session")
def phantom_slices(phantom_headers):
    """The slice table of the phantom."""
    from helpers import slice_table

    return slice_table(phantom_headers)


class ShippedFiles(type(Path())):
    """A folder of what pydicom ships; a test that asks for another file is skipped."""

    def __truediv__(self, name):
        path = super().__truediv__(name)
        if not path.exists():
            pytest.skip(f"{name} is not among the files that pydicom ships, and not at {REAL}")
        return path


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    """A folder of real files: the one beside the project, else one of those that pydicom ships."""
    if REAL.is_dir():
        return REAL
    folder = tmp_path_factory.mktemp("shipped")
    (folder / "odd" / "pydicom").mkdir(parents=True)
    for path in SHIPPED.glob("*_files/*"):
        if path.is_file():
            (folder / "odd" / "pydicom" / path.name).symlink_to(path)
    return ShippedFiles(folder)


@pytest.fixture(scope="session")
def real_headers(real):
    from helpers import header_table

    return header_table(real, progress=False)


@pytest.fixture(autouse=True)
def figures():
    """Closes what a test drew."""
    yield
    pyplot.close("all")
