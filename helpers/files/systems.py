"""What does fsspec read an address with, and what is said where it cannot?"""

import re
from typing import Any

from helpers.errors import ClearError, one_line
from helpers.files.names import ADDRESS
from helpers.runtime import install_line, optional_package

SERVERS = ("http://", "https://")  # list nothing
AT_ONCE = 128  # requests; as many connections are kept
OPTIONS: dict[str, dict[str, Any]] = {"s3": {"config_kwargs": {"max_pool_connections": AT_ONCE}}}
READS = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "https": "aiohttp", "http": "aiohttp"}
WAYS_ON = (  # what an error says → what helps
    (("NoCredentials", "Unable to locate credentials"), "sign in as for AWS's own tools, or set "
     "FSSPEC_S3_ANON=true for a public bucket"),
    (("Forbidden", "AccessDenied", "Access Denied", "PermissionError"), "ask for permission to "
     "list and read it, or sign in as somebody who has it"),
    (("Connect", "resolve", "Timeout"), "check the network, and the address of the server"),
    (("Protocol not known",), "fsspec has no such protocol"),
)  # fmt: skip

_alive: dict[int, Any] = {}  # systems: a forked process must not close what it was born with


class ObjectError(ClearError, OSError):
    """A bucket or an object that cannot be read."""


class MissingObjectError(ObjectError, FileNotFoundError):
    """A bucket or an object that is not there."""


def system_of(address: str) -> tuple[Any, str]:
    """(what fsspec reads an address with, the path there)"""
    fsspec = optional_package("fsspec", ObjectError)
    scheme = address.partition(ADDRESS)[0]
    options = {} if fsspec.config.conf.get(scheme) else OPTIONS.get(scheme, {})
    try:
        system, path = fsspec.core.url_to_fs(address, **options)
        _alive[id(system)] = system
        return system, path
    except ImportError as error:
        way_on = install_line(READS[scheme]) if scheme in READS else one_line(error)
        expected = f"expected what reads {scheme}{ADDRESS} to be installed"
        raise ObjectError(f"{expected}: {way_on}") from None
    except Exception as error:
        raise clear_error(error, f"expected an address that can be read, got {address}") from error


def _without_secrets(text: str) -> str:
    """A text whose addresses say neither who asks nor by which signature."""
    return re.sub(r"(://)[^/@\s]+@", r"\1…@", re.sub(r"(\?)[^\s'\"]*=[^\s'\"]*", r"\1…", text))


def entries_in(folder: str) -> tuple[list[str], list[str]]:
    """(folders, objects) in a folder, without what lies in folders of it; a server has none.

    Raises
    ------
    ObjectError
        Where it cannot be listed.
    """
    if folder.startswith(SERVERS):
        return [], []
    system, path = system_of(folder)
    try:
        found = system.ls(path, detail=True)
    except Exception as error:
        raise clear_error(error, f"expected a folder to list at {folder}") from error
    start = f"{folder.partition(ADDRESS)[0]}{ADDRESS}"
    own = path.rstrip("/")  # which some have as an object in itself
    entries = [(about["name"], about.get("type")) for about in found]
    named = [
        (name if name.startswith(start) else f"{start}{name}", kind)
        for name, kind in entries
        if name.rstrip("/") != own
    ]
    folders = [name.rstrip("/") for name, kind in named if kind == "directory"]
    return folders, [name for name, kind in named if kind == "file"]


def clear_error(error: Exception, expected: str) -> OSError:
    """An error of fsspec's in one line, with the way on."""
    if isinstance(error, ObjectError):
        return error
    expected, said = map(_without_secrets, (expected, one_line(error)))
    if isinstance(error, FileNotFoundError):
        return MissingObjectError(f"{expected}, found nothing ({said})")
    named = f"{type(error).__name__} {said}"
    way_on = next((way for marks, way in WAYS_ON if any(mark in named for mark in marks)), "")
    return ObjectError(f"{expected}, got: {said}{f'; {way_on}' if way_on else ''}")
