"""How are more objects listed than memory holds? Folder by folder, several at once."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from helpers.files.names import is_hidden, natural_key
from helpers.files.objects import is_object, listed
from helpers.files.systems import entries_in

FOLDERS_AT_ONCE = 16
FEW_OBJECTS = 50  # objects of a folder, for which no request of its own is worth while


def walk_objects(root: str) -> Iterator[str]:
    """Yields the addresses of all objects below an address, in natural order, as `listed` does.

    Where the folders below hold many objects each, only those of some folders are held at a time.

    Raises
    ------
    ObjectError
        Where it cannot be listed.
    """
    folders, files = _entries(root)
    while len(folders) == 1 and not files:
        folders, files = _entries(folders[0])
    tried = folders[:: max(1, len(folders) // 3)]
    if len(folders) < 2 or sum(len(listed(one)) for one in tried) < FEW_OBJECTS * len(tried):
        yield from listed(root)
        return
    entries = [*dict.fromkeys(files, _one).items(), *dict.fromkeys(folders, listed).items()]
    entries.sort(key=lambda entry: natural_key(entry[0]))  # of one name the object is first
    with ThreadPoolExecutor(FOLDERS_AT_ONCE, "listing") as threads:
        waiting: deque[Future[list[str]]] = deque()
        for entry, names_of in entries:
            waiting.append(threads.submit(names_of, entry))
            if len(waiting) > FOLDERS_AT_ONCE:
                yield from waiting.popleft().result()
        for future in waiting:
            yield from future.result()


def _entries(root: str) -> tuple[list[str], list[str]]:
    """(folders, objects) in a folder, without hidden ones; neither of what is no folder."""
    try:
        found = entries_in(root)
    except FileNotFoundError:
        return [], []
    folders, files = (
        [one for one in dict.fromkeys(some) if not is_hidden(_name(one))] for some in found
    )
    return folders, files


def _one(address: str) -> list[str]:
    """An object alone, of which is known then what a listing says."""
    return [address] if is_object(address) else []


def _name(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2]
