"""A server of objects on this machine, which counts and delays: as S3 has it, as far as needed.

``python tests/range_server.py FOLDER --delay 0.02`` prints its port, and serves the files of a
folder as the objects of the bucket ``scans`` until its standard input ends; with ``--moto`` that is
moto's server, which has much more of S3, delayed alike.
"""

import argparse
import asyncio
import json
import re
import socket
import sys
import time
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "scans"
PAGE = 1000  # objects that are listed at once
RANGE = re.compile(rb"^range: *bytes=(\d+)-(\d*)", re.I | re.M)


class Objects:
    """The objects, and what is asked of them."""

    def __init__(self, folder, *, delay=0.0, ranges=True, failing=0, forbidden=False):
        self.contents = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }
        self.delay, self.ranges, self.forbidden = delay, ranges, forbidden
        self.failing = failing  # requests that are refused for the moment
        self.requests, self.sent = {}, {}

    def answer(self, method, target, head):
        """(status line, headers, content) of a request."""
        url = urlsplit(target)
        parts = unquote(url.path).lstrip("/").split("/", 1)
        key = parts[1] if len(parts) > 1 else ""
        if target == "/counts":
            return "200 OK", {}, json.dumps([self.requests, self.sent]).encode()
        if self.forbidden:
            return _error("403 Forbidden", "AccessDenied")
        if parts[0] != BUCKET:
            return _error("404 Not Found", "NoSuchBucket")
        if not key:
            return "200 OK", {"Content-Type": "application/xml"}, self._listing(parse_qs(url.query))
        if key not in self.contents:
            return _error("404 Not Found", "NoSuchKey")
        if self.failing:
            self.failing -= 1
            return _error("503 Slow Down", "SlowDown")
        return self._part(method, key, RANGE.search(head))

    def _part(self, method, key, asked):
        content = self.contents[key]
        about = {
            "ETag": f'"{hash(content) & 0xFFFFFFFF:08x}"',
            "Last-Modified": formatdate(0, usegmt=True),
        }
        status = "200 OK"
        if asked and self.ranges:
            start, stop = int(asked[1]), min(int(asked[2] or len(content)), len(content) - 1)
            if start >= len(content):
                return _error("416 Range Not Satisfiable", "InvalidRange")
            about["Content-Range"] = f"bytes {start}-{stop}/{len(content)}"
            status, content = "206 Partial Content", content[start : stop + 1]
        if method == "GET":
            self.requests[key] = self.requests.get(key, 0) + 1
            self.sent[key] = self.sent.get(key, 0) + len(content)
        return status, about, content

    def _listing(self, query):
        prefix = query.get("prefix", [""])[0]
        after = query.get("continuation-token", [""])[0]
        names = [name for name in self.contents if name.startswith(prefix)]
        cut = "delimiter" in query
        folders = {
            prefix + name[len(prefix) :].split("/")[0] + "/"
            for name in names
            if "/" in name[len(prefix) :]
        }
        names = [
            name for name in names if name > after and not (cut and "/" in name[len(prefix) :])
        ]
        page, more = names[:PAGE], len(names) > PAGE
        rows = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.contents[name])}</Size>"
            f'<ETag>"{hash(self.contents[name]) & 0xFFFFFFFF:08x}"</ETag>'
            "<LastModified>2024-01-01T00:00:00.000Z</LastModified></Contents>"
            for name in page
        )
        if cut:
            rows += "".join(
                f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>"
                for one in folders
            )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        return (
            "<?xml version='1.0'?><ListBucketResult>"
            f"<Name>{BUCKET}</Name><KeyCount>{len(page)}</KeyCount>{token}"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{rows}</ListBucketResult>"
        ).encode()


class Connection(asyncio.Protocol):
    """One connection, on which requests follow each other."""

    def __init__(self, objects):
        self._objects, self._buffer = objects, b""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            asyncio.get_running_loop().call_later(self._objects.delay, self._answer, head)

    def _answer(self, head):
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        status, about, content = self._objects.answer(method, target, head)
        about = {"Accept-Ranges": "bytes", **about, "Content-Length": len(content)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in about.items())
        self._transport.write(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode())
        if method != "HEAD":
            self._transport.write(content)


def _error(status, code):
    content = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return status, {"Content-Type": "application/xml"}, content.encode()


async def serve(objects):
    """Serves until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(objects), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def serve_moto(folder, delay):
    """The same by moto, each of whose requests is delayed."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    own = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "bench")
    address = f"http://127.0.0.1:{port}"
    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **own)
    client.create_bucket(Bucket=BUCKET)
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            key = path.relative_to(folder).as_posix()
            client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    answer = server._server.app
    server._server.app = lambda *arguments: (time.sleep(delay), answer(*arguments))[1]
    print(port, flush=True)
    sys.stdin.read()
    server.stop()


def once_answers(address):
    """Returns once a server takes connections."""
    port = int(address.rpartition(":")[2])
    for _ in range(300):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--no-ranges", action="store_true")
    parser.add_argument("--failing", type=int, default=0)
    parser.add_argument("--forbidden", action="store_true")
    parser.add_argument("--moto", action="store_true")
    options = parser.parse_args()
    if options.moto:
        serve_moto(options.folder, options.delay)
        sys.exit()
    asyncio.run(
        serve(
            Objects(
                options.folder,
                delay=options.delay,
                ranges=not options.no_ranges,
                failing=options.failing,
                forbidden=options.forbidden,
            )
        )
    )
