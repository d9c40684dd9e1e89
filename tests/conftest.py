"""Collections that the tests read: the phantom, written once a run, and real scanner files beside the project."""

import os
from pathlib import Path

import matplotlib
import pytest
from matplotlib import pyplot

matplotlib.use("Agg")
REAL = Path(__file__).parents[2] / "shared" / "dicom"


def pytest_addoption(parser):
    parser.addoption(
        "--whole",
        action="store_true",
        help="all damages to files, real browsers, executed Kaggle kernels",
    )
    parser.addoption(
        "--kernels", action="store_true", help="executed Kaggle kernels, part of --whole too"
    )


def pytest_collection_modifyitems(config, items):
    """Tests in a real browser and of executed kernels belong to the whole."""
    wanted = {
        "browser": config.getoption("--whole"),
        "kernels": config.getoption("--whole") or config.getoption("--kernels"),
    }
    left_out = [
        item
        for item in items
        if any(item.get_closest_marker(mark) for mark, asked in wanted.items() if not asked)
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def whole(request):
    """Whether every damage is tried, and not a seeded part of them."""
    return request.config.getoption("--whole")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache folder of this run, shared by its workers, so that no test writes into a home folder."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ["XDG_CACHE_HOME"] = str(shared / "cache")
    os.environ.pop("DICOM_ROOT", None)


@pytest.fixture(scope="session")
def phantom(cache):
    """The folder of the phantom collection."""
    from helpers import phantom_root

    return phantom_root()


@pytest.fixture(scope="session")
def phantom_headers(phantom):
    from helpers import header_table

    return header_table(phantom, progress=False)


@pytest.fixture(scope="session")
def phantom_frames(phantom_headers):
    from helpers import frame_table

    return frame_table(phantom_headers)


@pytest.fixture(scope="session")
def real():
    """The folder of real scanner files."""
    if not REAL.is_dir():
        pytest.skip(f"no real scanner files at {REAL}")
    return REAL


@pytest.fixture(scope="session")
def real_headers(real):
    from helpers import header_table

    return header_table(real, progress=False)


@pytest.fixture(autouse=True)
def figures():
    """Closes what a test drew."""
    yield
    pyplot.close("all")
