"""Runs a notebook as Kaggle or Colab do: in their folders, without network or this project.

    unshare --mount --net python tests/kaggle_layout.py PAGE EXECUTED WORKING [DATA MOUNT]...

To be started in namespaces of its own, by a Python that has the packages and not the project;
`executed` does that.
"""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

KAGGLE, COLAB = "/kaggle/working", "/content"  # the folder in which a notebook runs
SAYS_KAGGLE = {"KAGGLE_KERNEL_RUN_TYPE": "Batch"}
BEFORE = """\
import importlib.util, os, socket

assert importlib.util.find_spec("helpers") is None, "the project is installed"
assert os.getcwd() == "{working}" and not os.listdir()
assert all(name == "lo" for _, name in socket.if_nameindex()), "there is a network"
try:
    socket.create_connection(("1.1.1.1", 53), 5)
    raise AssertionError("the network is on")
except OSError:
    pass
for mount in {mounts}:
    try:
        open(mount + "/new", "w")
        raise AssertionError("the data can be written to")
    except OSError:
        pass
"""
AFTER = """\
import json, sys

own = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "helpers"}
json.dumps({name: module.__file__ for name, module in own.items()})
"""


def executed(notebook, folder, mounts, *, working=KAGGLE, before=(), environment=None):
    """The notebook with its outputs, and the files that it left.

    Parameters
    ----------
    folder : for temporary files
    mounts : where a folder is to lie, read-only → that folder
    working : where the notebook runs
    before : further folders of packages, which come first
    environment : further variables; those that say it is Kaggle where none are given

    Raises
    ------
    RuntimeError
        Where this system gives no namespaces, or the notebook fails.
    """
    # of an environment with nothing in it, and no .pth files read
    python = Path(folder) / "python" / "bin" / "python"
    venv.create(python.parents[1], symlinks=True)
    unshare = ["unshare", "--mount", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    tried = subprocess.run([*unshare, "true"], capture_output=True, encoding="utf-8", check=False)
    if tried.returncode:
        expected = "expected namespaces for mounts and network, to run a kernel as Kaggle does"
        raise RuntimeError(f"{expected}: {tried.stderr.strip()}")
    result = Path(folder) / "executed.ipynb"
    paths = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    variables = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join([*map(str, before), *paths]),
        **(SAYS_KAGGLE if environment is None else environment),
    }
    places = [part for mount, data in mounts.items() for part in (data, mount)]
    command = [*unshare, python, __file__, notebook, result, working, *places]
    run = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        encoding="utf-8",
        env=variables,
        timeout=600,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(f"{Path(notebook).stem} failed:\n{run.stdout}{run.stderr}")
    return json.loads(result.read_text(encoding="utf-8")), run.stdout.split()


def _enter(root, working, mounts):
    """Makes a root of what there is and the folders of the place, and goes into it."""
    root.mkdir()
    _mount("-t", "tmpfs", "tmpfs", root)
    _mount("--make-unbindable", root)
    for path in Path("/").iterdir():
        if path.is_symlink():
            (root / path.name).symlink_to(path.readlink())
        elif path.is_dir() and path.name not in ("kaggle", "content", "scratch"):
            (root / path.name).mkdir()
            _mount("--rbind", path, root / path.name)
    for folder in (working, "/scratch/run", "/scratch/home"):
        (root / folder.lstrip("/")).mkdir(parents=True)
    if mounts:
        _attach(root, mounts)
    os.chroot(root)
    os.chdir(working)


def _attach(root, mounts):
    """Kaggle's folder of inputs, which is read-only as all that lies in it."""
    inputs = root / "kaggle/input"
    inputs.mkdir(parents=True)
    _mount("-t", "tmpfs", "tmpfs", inputs)
    inside = {root / mount.lstrip("/"): data for mount, data in mounts.items()}
    for folder, data in inside.items():
        folder.mkdir(parents=True)
        _mount("--bind", data, folder)
    for folder in (*inside, inputs):
        _mount("-o", "remount,bind,ro", folder)


def _mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


def _execute(notebook, working):
    """Runs all cells in place; through sockets that are files, for there is no network at all."""
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient

    kernels = KernelSpecManager(kernel_dirs=[])
    manager = AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=kernels,
        transport="ipc",
        ip="/scratch/run/kernel",
        connection_file="/scratch/run/k.json",
    )
    client = NotebookClient(notebook, manager, timeout=300, extra_arguments=["--log-level=ERROR"])
    client.resources = {"metadata": {"path": working}}
    folders = {
        "HOME": "/scratch/home",
        "TMPDIR": "/scratch/run",
        "JUPYTER_RUNTIME_DIR": "/scratch/run",
    }
    client.execute(env={**os.environ, **folders, "PYDEVD_DISABLE_FILE_VALIDATION": "1"})


def main(notebook, result, working, *places):
    """Command line: writes the executed notebook, prints the files that it left."""
    import nbformat

    mounts = dict(zip(places[1::2], places[::2]))
    _enter(Path(result).with_name("root"), working, mounts)
    page = nbformat.read(notebook, as_version=4)
    first = BEFORE.replace("{working}", working).replace("{mounts}", repr([*mounts]))
    before, after = (nbformat.v4.new_code_cell(code) for code in (first, AFTER))
    page.cells = [before, *page.cells, after]
    try:
        _execute(page, working)
    finally:
        nbformat.write(page, result)
    left = [path for path in Path(working).rglob("*") if path.is_file()]
    print(*(path.relative_to(working) for path in left))


if __name__ == "__main__":
    main(*sys.argv[1:])
