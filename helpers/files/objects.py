"""What lies in a bucket or on a server? Listed and read by fsspec: many at once, and in parts."""

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple

from helpers.files.names import ADDRESS, archive_part, is_address, is_hidden, natural_key
from helpers.files.reading import OpenFile
from helpers.files.systems import AT_ONCE, SERVERS, ObjectError, clear_error, system_of

BEGINNING = 2**14  # bytes that are read first: most headers end before
MIN_READ = 2**18  # bytes of each further read: what is asked of a long header is little
SIGNED, SIGNED_FOR, MANY = "s3", 900, 8  # seconds; fewer objects are read by S3's own client
UNKNOWN_VERSION = -1
EMPTY = re.compile(r"InvalidRange|range (is )?not satisfiable|\b416\b", re.I)  # of no bytes
ANY_ADDRESS = re.compile(r"\S+://\S+|'[^']*'|\bport \d+")
RETRIES, FIRST_WAIT = 4, 0.2  # seconds, which double
TEMPORARY = ("429", "500", "502", "503", "504", "SlowDown", "reduce your request rate", "timed out")


class Facts(NamedTuple):
    """What a listing says of an object."""

    size: int
    version: int  # a number that changes with its content; `UNKNOWN_VERSION` where none is told
    changed: int  # a number that changes with the time of the last change


_listed: dict[str, Facts] = {}
_folders: set[str] = set()  # addresses of no object
_beginnings: dict[str, bytes | OSError] = {}
_ranges: dict[str, bool] = {}  # bucket or server → whether it gives parts of what it has
_lock = Lock()


def listed(root: str) -> list[str]:
    """The addresses of all objects below an address, in natural order, without hidden ones.

    Raises
    ------
    ObjectError
        Where it cannot be listed.
    """
    system, path = system_of(root)
    try:
        system.invalidate_cache()
        _folders.clear()
        found = system.find(path, detail=True)
    except Exception as error:  # each protocol has its own
        raise clear_error(error, f"expected a bucket or a folder to list at {root}") from error
    below, start = len(path.rstrip("/")) + 1, f"{root.partition(ADDRESS)[0]}{ADDRESS}"
    names = [
        name
        for name, about in found.items()
        if about.get("type") == "file" and not (name.endswith("/") and not about.get("size"))
        and not any(map(is_hidden, name[below:].split("/")))
    ]  # fmt: skip
    addresses = {name: name if name.startswith(start) else f"{start}{name}" for name in names}
    sized = (name for name in names if found[name].get("size") is not None)
    _listed.update((addresses[name], _facts(found[name])) for name in sized)
    return [addresses[name] for name in sorted(names, key=natural_key)]


def forget(address: str) -> None:
    """Makes the next question of an address be asked anew."""
    _listed.pop(address, None)
    _folders.discard(address)
    with contextlib.suppress(OSError):
        system_of(address)[0].invalidate_cache()


def facts_taken(addresses: list[str]) -> list[Facts | None]:
    """What listings have said of objects, for another process: here it is no longer known."""
    return [_listed.pop(address, None) for address in addresses]


def remember(addresses: list[str], facts: list[Facts | None]) -> None:
    """Takes what listings of another process have said, so that no server is asked again."""
    _listed.update((one, Facts(*own)) for one, own in zip(addresses, facts) if own)


def is_object(address: str) -> bool:
    """Whether an address names one object, and not what others lie in; a server has objects alone.

    Raises
    ------
    ObjectError
        Where the server does not say.
    """
    if address in _listed or address.startswith(SERVERS):
        return True
    if address in _folders:
        return False
    system, path = system_of(address)
    try:
        about = system.info(path)
    except FileNotFoundError:
        _folders.add(address)
        return False
    except Exception as error:
        raise clear_error(error, f"expected a bucket, a folder or a file at {address}") from error
    if about["type"] == "file":
        _listed[address] = _facts(about)
    else:
        _folders.add(address)
    return about["type"] == "file"


def open_object(address: str) -> OpenFile:
    """An object, of which the beginning is read at once and more when it is asked for.

    Raises
    ------
    FileNotFoundError, ObjectError
    """
    found = _beginnings.get(address)
    if isinstance(found, OSError):
        raise found
    return ObjectFile(address, found)


def fingerprint_of_object(address: str) -> tuple[int, int, int]:
    """Size, version and time of the last change, as the last listing has them.

    Raises
    ------
    FileNotFoundError
        Where none has.
    """
    if address not in _listed or _listed[address].version == UNKNOWN_VERSION:
        raise FileNotFoundError(f"not listed: {address}")
    return tuple(_listed[address])  # type: ignore[return-value]


@contextmanager
def beginnings(paths: Sequence[str]) -> Iterator[None]:
    """Reads the beginnings of objects at once, and has them where they are opened meanwhile."""
    wanted = [path for path in paths if is_address(path) and archive_part(path) is None]
    if not wanted:
        yield
        return
    found = dict(zip(wanted, _read_all(wanted, 0, BEGINNING)))
    _ask_sizes([one for one in wanted if one not in _listed and isinstance(found[one], bytes)])
    _beginnings.update(found)
    try:
        yield
    finally:
        for path in wanted:
            _beginnings.pop(path, None)


class ObjectFile(OpenFile):
    """An object in a bucket or on a server.

    Parameters
    ----------
    beginning : its first `BEGINNING` bytes where they were read already
    """

    __slots__ = ("_view",)

    def __init__(self, address: str, beginning: bytes | None = None) -> None:
        self.path = address
        if beginning is None:
            (beginning,) = map(_bytes, _read_all([address], 0, BEGINNING))
        self._view = 0, beginning  # one, for threads share a file
        self.size = len(beginning) if len(beginning) < BEGINNING else size_of_object(address)

    def read(self, start: int, length: int) -> bytes:
        """The bytes from `start` on; fewer where the file ends, whatever `length` says."""
        stop = start + max(0, min(length, self.size - start))
        first, window = self._view
        if start < first or stop > first + len(window):
            most = min(self.size, max(stop, start + MIN_READ))
            (found,) = _read_all([os.fspath(self.path)], start, most)
            first, window = self._view = start, _bytes(found)
        return window[start - first : stop - first]


def _read_all(addresses: list[str], start: int, stop: int) -> list[bytes | OSError]:
    """The same bytes of several objects, or why they cannot be read."""
    found: dict[str, bytes | OSError] = {}
    groups: dict[str, list[str]] = {}
    for address in addresses:
        groups.setdefault(_server(address), []).append(address)
    for server, group in groups.items():
        if server not in _ranges:
            found |= _first(server, group, start, stop)
        if not _ranges.get(server, True):
            found |= dict.fromkeys(group, _refusal(server))
        found |= _parts([one for one in group if one not in found], start, stop)
    return [found[address] for address in addresses]


def _first(server: str, group: list[str], start: int, stop: int) -> dict[str, bytes | OSError]:
    """The bytes of the largest alone: a server that ignores ranges sends all of it."""
    largest = max(group, key=lambda one: _listed[one].size if one in _listed else 0)
    with _lock:
        found = _parts([largest], start, stop)
        answer = found[largest]
        if isinstance(answer, bytes) and len(answer) >= stop - start:
            _ranges[server] = len(answer) == stop - start
    return found


def _bytes(found: bytes | OSError) -> bytes:
    if isinstance(found, OSError):
        raise found
    return found


def _refusal(server: str) -> ObjectError:
    return ObjectError(
        f"expected parts of files from {server}, got whole ones: it ignores ranges; download the "
        "files, and name their folder"
    )


def _parts(addresses: list[str], start: int, stop: int) -> dict[str, bytes | OSError]:
    """The same bytes of objects of one server; what fails for the moment is asked for again."""
    found: dict[str, bytes | OSError] = {}
    wait = FIRST_WAIT
    for attempt in range(RETRIES + 1):
        empty = dict.fromkeys((one for one in addresses if _stop(one, stop) <= start), b"")
        asked = [one for one in addresses if one not in empty]
        answers = empty | dict(zip(asked, _asked(asked, start, stop) if asked else []))
        again = [one for one in addresses if attempt < RETRIES and _is_temporary(answers[one])]
        for address in answers.keys() - again:
            answer = answers[address]
            if isinstance(answer, Exception) and start == 0 and EMPTY.search(str(answer)):
                answer = b""
            is_error = isinstance(answer, Exception)
            found[address] = (
                clear_error(answer, f"expected to read {address}") if is_error else answer
            )
        if not again:
            break
        addresses = again
        time.sleep(wait)
        wait *= 2
    return found


def _asked(addresses: list[str], start: int, stop: int) -> list[Any]:
    """The bytes, or the error, of each object: many requests at once."""
    try:
        system, _ = system_of(addresses[0])
        paths = list(map(system._strip_protocol, addresses))
        stops = [_stop(address, stop) for address in addresses]
        answers = _by_signed_addresses(system, paths, start, stops)
        failed = [n for n, answer in enumerate(answers) if not isinstance(answer, bytes)]
        left, ends = [paths[n] for n in failed], [stops[n] for n in failed]
        for n, answer in zip(failed, _ranges_of(system, left, start, ends) if failed else ()):
            answers[n] = answer
        return answers
    except Exception as error:  # of a system as a whole
        return [error] * len(addresses)


def _by_signed_addresses(system: Any, paths: list[str], start: int, stops: list[int]) -> list[Any]:
    """The bytes of objects by plain HTTP, which costs a fifth of S3's own client; else None each.

    An address that is signed says that who has it may read. Whatever fails this way is asked for
    in the system's own, which knows why.
    """
    if SIGNED not in system.protocol or len(paths) < MANY:
        return [None] * len(paths)
    try:
        signed = [system.sign(path, expiration=SIGNED_FOR) for path in paths]
        plain, _ = system_of(signed[0])
        return _ranges_of(plain, signed, start, stops)
    except Exception:  # no credentials that can sign, or another client: the system's own way
        return [None] * len(paths)


def _ranges_of(system: Any, paths: list[str], start: int, stops: list[int]) -> list[Any]:
    """The bytes, or the error, of each path: many requests at once."""
    starts = [start] * len(paths)
    return system.cat_ranges(paths, starts, stops, batch_size=AT_ONCE, on_error="return")


def _stop(address: str, stop: int) -> int:
    """Where reading ends: at the end of an object whose size is known, or before."""
    return min(stop, _listed[address].size) if address in _listed else stop


def _is_temporary(answer: Any) -> bool:
    """Whether an answer is an error that may go by itself."""
    error = answer
    if not isinstance(error, BaseException) or isinstance(
        error, (FileNotFoundError, PermissionError)
    ):
        return False
    said = ANY_ADDRESS.sub("", f"{type(error).__name__} {error}")
    of_network = isinstance(error, (ConnectionError, TimeoutError)) or "Disconnected" in said
    return of_network or any(mark in said for mark in TEMPORARY)


def _ask_sizes(addresses: list[str]) -> None:
    """Asks how large objects are, many at once; one that does not say is asked again later."""
    if addresses:
        with contextlib.suppress(Exception):
            system, _ = system_of(addresses[0])
            sizes = system.sizes(list(map(system._strip_protocol, addresses)), batch_size=AT_ONCE)
            _listed.update(
                (one, Facts(size, UNKNOWN_VERSION, 0))
                for one, size in zip(addresses, sizes)
                if size
            )


def size_of_object(address: str) -> int:
    """Bytes of an object; asked of the server where no listing has said it."""
    if address in _listed:
        return _listed[address].size
    system, path = system_of(address)
    try:
        about = system.info(path)
    except Exception as error:
        raise clear_error(error, f"expected to read {address}") from error
    if about.get("size") is None:
        raise ObjectError(f"expected a server that says how large {address} is, got none")
    _listed[address] = _facts(about)
    return _listed[address].size


def _facts(about: dict[str, Any]) -> Facts:
    """What a system says of an object, as numbers."""
    version = about.get("ETag") or about.get("etag") or about.get("md5Hash") or about.get("mtime")
    changed = about.get("LastModified") or about.get("updated") or about.get("mtime") or ""
    known = _number(str(version)) if version else UNKNOWN_VERSION
    return Facts(int(about.get("size") or 0), known, _number(str(changed)))


def _number(text: str) -> int:
    """The same number of 63 bits for the same text, in each process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def _server(address: str) -> str:
    """The bucket or the server that an address begins with."""
    scheme, _, rest = address.partition(ADDRESS)
    return f"{scheme}{ADDRESS}{rest.partition('/')[0]}"
