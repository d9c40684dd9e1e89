"""How is a page executed? In a fresh kernel of its own, two pages at a time."""

import asyncio
import time
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from threading import Thread

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from helpers.pages import needs_fastai

PAGES_AT_ONCE = 2  # a kernel keeps one core busy, and holds a volume and the table of headers
CELL_SECONDS = 900
CANCEL_SECONDS = 10  # in which a kernel ends; a cancellation can get lost in the client
ENVIRONMENT = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # whatever the caller's asks for
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # older kernels print a debugger's remark otherwise
}


def execute_pages(
    pages: Mapping[Path, NotebookNode], environment: Mapping[str, str], folder: Path
) -> Generator[tuple[float, str]]:
    """Executes notebooks in place, and yields for each the seconds it took and its error, if any.

    They come in their order, and an error as the page shows it. Closing the generator ends the
    kernels that still run, and so does an interrupt.

    Parameters
    ----------
    pages : file of a notebook, beside which it runs → the notebook, which gets its outputs
    environment : of the kernels, which run this very Python
    folder : for temporary files
    """
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)  # the main thread alone sees an interrupt
    thread.start()
    free = asyncio.Semaphore(PAGES_AT_ONCE)
    running = {
        path: asyncio.run_coroutine_threadsafe(
            _execute(pages[path], path, environment, folder / path.stem, free), loop
        )
        for path in sorted(pages, key=lambda path: not needs_fastai(pages[path]))
    }  # training takes longest, and is begun first
    try:
        for path in pages:
            yield running[path].result()
    finally:
        asyncio.run_coroutine_threadsafe(_end_all(running.values()), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _execute(
    notebook: NotebookNode,
    path: Path,
    environment: Mapping[str, str],
    folder: Path,
    free: asyncio.Semaphore,
) -> tuple[float, str]:
    async with free:
        start = time.monotonic()
        folder.mkdir()
        manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),  # this environment's own alone
            connection_file=str(folder / "kernel.json"),
        )
        client = NotebookClient(
            notebook,
            manager,
            timeout=CELL_SECONDS,
            shutdown_kernel="immediate",
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": str(path.parent)}},
        )
        folders = {"TMPDIR": str(folder), "IPYTHONDIR": str(folder / "ipython")}
        try:
            await client.async_execute(
                cleanup_kc=True, env={**environment, **ENVIRONMENT, **folders}
            )
            error = ""
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as caught:
            error = _traceback(notebook) or str(caught)
        return time.monotonic() - start, error


async def _end_all(running: Iterable[Future[tuple[float, str]]]) -> None:
    """Cancels what is not done, and again what did not hear it; the clients end their kernels."""
    for page in running:
        page.cancel()
    waiting = asyncio.all_tasks() - {asyncio.current_task()}
    while waiting:
        _, waiting = await asyncio.wait(waiting, timeout=CANCEL_SECONDS)
        for task in waiting:
            task.cancel()


def _traceback(notebook: NotebookNode) -> str:
    """The error as a page shows it: one line where it is meant for people, else the traceback."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    errors = [output for output in outputs if output["output_type"] == "error"]
    return "\n".join(errors[-1]["traceback"]) if errors else ""
