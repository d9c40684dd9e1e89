"""Runs a notebook as Kaggle does: in its folders, without network, and without this project.

    unshare --mount --net [--map-root-user] python tests/kaggle_layout.py PAGE EXECUTED DATA MOUNT

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

BEFORE = """\
import importlib.util, os, socket

assert importlib.util.find_spec("helpers") is None, "the project is installed"
assert os.getcwd() == "/kaggle/working" and not os.listdir()
assert all(name == "lo" for _, name in socket.if_nameindex()), "there is a network"
try:
    socket.create_connection(("1.1.1.1", 53), 5)
    raise AssertionError("the network is on")
except OSError:
    pass
try:
    open("{mount}/new", "w")
    raise AssertionError("the data can be written to")
except OSError:
    pass
"""
AFTER = """\
import json, sys

own = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "helpers"}
json.dumps({name: module.__file__ for name, module in own.items()})
"""


def executed(notebook, folder, data, mount):
    """The notebook with its outputs, run on `data` at `mount`, and the files that it left.

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
    environment = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(paths),
    }
    command = [*unshare, python, __file__, notebook, result, data, mount]
    run = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        encoding="utf-8",
        env=environment,
        timeout=600,
        check=False,
    )
    if run.returncode:
        raise RuntimeError(f"{Path(notebook).stem} failed:\n{run.stdout}{run.stderr}")
    return json.loads(result.read_text(encoding="utf-8")), run.stdout.split()


def _enter(root, data, mount):
    """Makes a root of what there is and Kaggle's folders, and goes into it."""
    root.mkdir()
    _mount("-t", "tmpfs", "tmpfs", root)
    _mount("--make-unbindable", root)
    for path in Path("/").iterdir():
        if path.is_symlink():
            (root / path.name).symlink_to(path.readlink())
        elif path.is_dir() and path.name != "kaggle":
            (root / path.name).mkdir()
            _mount("--rbind", path, root / path.name)
    for folder in ("input", "working", "run", "home"):
        (root / "kaggle" / folder).mkdir(parents=True)
    _mount("-t", "tmpfs", "tmpfs", root / "kaggle/input")
    inside = root / mount.lstrip("/")
    inside.mkdir(parents=True)
    _mount("--bind", data, inside)
    for folder in (inside, root / "kaggle/input"):
        _mount("-o", "remount,bind,ro", folder)
    os.chroot(root)
    os.chdir("/kaggle/working")


def _mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


def _execute(notebook):
    """Runs all cells in place; through sockets that are files, for there is no network at all."""
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient

    kernels = KernelSpecManager(kernel_dirs=[])
    manager = AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=kernels,
        transport="ipc",
        ip="/kaggle/run/kernel",
        connection_file="/kaggle/run/k.json",
    )
    client = NotebookClient(notebook, manager, timeout=300, extra_arguments=["--log-level=ERROR"])
    client.resources = {"metadata": {"path": "/kaggle/working"}}
    folders = {
        "HOME": "/kaggle/home",
        "TMPDIR": "/kaggle/run",
        "JUPYTER_RUNTIME_DIR": "/kaggle/run",
    }
    kaggle = {"KAGGLE_KERNEL_RUN_TYPE": "Batch", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    client.execute(env={**os.environ, **folders, **kaggle})


def main(notebook, result, data, mount):
    """Command line: writes the executed notebook, prints the files that it left."""
    import nbformat

    _enter(Path(result).with_name("root"), data, mount)
    page = nbformat.read(notebook, as_version=4)
    before, after = (
        nbformat.v4.new_code_cell(code) for code in (BEFORE.replace("{mount}", mount), AFTER)
    )
    page.cells = [before, *page.cells, after]
    try:
        _execute(page)
    finally:
        nbformat.write(page, result)
    left = [path for path in Path("/kaggle/working").rglob("*") if path.is_file()]
    print(*(path.relative_to("/kaggle/working") for path in left))


if __name__ == "__main__":
    main(*sys.argv[1:])
