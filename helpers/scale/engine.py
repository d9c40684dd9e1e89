"""Who does the work? Workers of Dask, which write what they make and return nothing."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from tqdm.auto import tqdm

from helpers.errors import WrongTypeError
from helpers.runtime import optional_package
from helpers.scale.store import SurveyError

BEFORE_START = "distributed.nanny.pre-spawn-environ"  # variables that a worker starts with
ONE_THREAD = dict.fromkeys(["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"], 1)
SILENT = {"PYTHONWARNINGS": "ignore"}  # what pydicom warns of stands in values and errors


class Here:
    """Runs tasks one after the other in this process, for a collection that is soon read."""

    def run(
        self, name: str, function: Callable[..., None], arguments: Iterable[tuple[Any, ...]]
    ) -> None:
        """Calls a function with each of some arguments; `name` is what workers call it."""
        for some in arguments:
            function(*some)


class Engine(Here):
    """Runs tasks on the workers of a client, with a progress bar for each kind."""

    def __init__(self, client: Any, progress: bool) -> None:
        self._client, self._progress = client, progress

    def run(
        self, name: str, function: Callable[..., None], arguments: Iterable[tuple[Any, ...]]
    ) -> None:
        """Calls a function with each of some arguments, as soon as they come.

        Raises
        ------
        SurveyError
            Where workers die again and again of one task.
        Exception
            What a task raises; the others are given up then, as they are by an interrupt.
        """
        package = optional_package("distributed", SurveyError)
        done = package.as_completed(loop=self._client.loop)
        futures = []
        try:
            for some in arguments:
                future = self._client.submit(function, *some, pure=False)
                futures.append(future)
                done.add(future)
            with tqdm(total=len(futures), desc=name, disable=not self._progress) as bar:
                while not done.is_empty():
                    next(done).result()
                    bar.update()
        except package.KilledWorker as error:
            raise SurveyError(
                f"expected workers to live through {name.lower()!r}, they died of it again and "
                "again: give each more memory, and call survey again: it goes on where it was"
            ) from error
        finally:
            self._client.cancel([future for future in futures if not future.done()])


@contextmanager
def opened_engine(client: Any, progress: bool, few: bool) -> Iterator[Here]:
    """An engine of a client's workers, or of own ones that end with it; of none for a few files."""
    if few:
        yield Here()
        return
    package = optional_package("distributed", SurveyError)
    if client is not None:
        if not isinstance(client, package.Client):
            expected = "a distributed.Client, or None"
            raise WrongTypeError(f"expected {expected}, got {type(client).__name__}")
        yield Engine(client, progress)
        return
    with local_cluster() as cluster, package.Client(cluster) as own:
        yield Engine(own, progress)


def local_cluster(**options: Any) -> Any:
    """A cluster of processes here, one for each processor, whose memory is handled as elsewhere.

    Dask makes its workers give memory back at once; then each array of some size is new memory,
    which costs a fifth of all time.
    """
    package = optional_package("distributed", SurveyError)
    local = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0", "env": SILENT}
    with import_module("dask").config.set({BEFORE_START: ONE_THREAD}):
        return package.LocalCluster(**local, **options)
