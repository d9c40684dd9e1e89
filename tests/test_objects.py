"""What lies in a bucket: the same tables and volumes, few requests, and clear refusals."""

import io
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.data import get_testdata_file

from helpers import (
    audit,
    browse,
    clinical_table,
    collection_root,
    deidentify,
    header_of,
    header_table,
    list_files,
    load_slice,
    load_volume,
    on_disk,
    phantom_root,
    slice_table,
    stack_table,
    survey,
)
from helpers.files import buckets, objects
from helpers.files.listing import FolderError, walk_files
from helpers.files.opening import fingerprints_of, open_file, size_of
from helpers.files.systems import MissingObjectError, ObjectError

pytest.importorskip("s3fs", reason="s3fs, which reads buckets, is left out of this environment")
boto3 = pytest.importorskip("boto3", reason="moto and boto3 make a bucket here")
pytest.importorskip("moto", reason="moto and boto3 make a bucket here")

SERVER = Path(__file__).with_name("range_server.py")
CT = get_testdata_file("CT_small.dcm")
BUCKET = "scans"


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Credentials of nobody, and nothing known of servers and objects that ran on the same port."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("DICOM_NO_CACHE", "1")
    for known in (objects._listed, objects._ranges, objects._folders):
        known.clear()
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A scan, one file that is no DICOM, one that is empty, one with a long header."""
    root = tmp_path_factory.mktemp("bucket") / "ct"
    scans = phantom_root()
    for path in [path for path in list_files(scans) if "P01" in str(path)][:60]:
        copy = root / path.relative_to(scans)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (root / "long.dcm").write_bytes(_with_a_long_header())
    (root / "empty.dcm").write_bytes(b"")
    (root / "notes +%?#.txt").write_text("no DICOM\n", encoding="utf-8")
    (root / ".hidden").write_bytes(b"x")
    return root


def _with_a_long_header():
    """A file whose header is longer than what is read of it at first."""
    dataset = pydicom.dcmread(CT)
    dataset.add_new(0x0040A160, "UT", "long " * 20_000)  # Text Value
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def moto(folder, tmp_path_factory):
    """The address of a server that is as S3 is, with the files in a bucket, and their ZIP."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    log = open(tmp_path_factory.mktemp("moto") / "log", "wb")  # noqa: SIM115
    with log, subprocess.Popen(command, stdout=log, stderr=log) as server:
        for _ in range(300):
            with socket.socket() as tried:
                if tried.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        address = f"http://127.0.0.1:{port}"
        own = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **own)
        client.create_bucket(Bucket=BUCKET)
        for path in folder.rglob("*"):
            if path.is_file():
                key = f"ct/{path.relative_to(folder).as_posix()}"
                client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
        packed = folder.parent / "study.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in list_files(folder):
                archive.write(path, path.relative_to(folder).as_posix())
        client.upload_file(str(packed), BUCKET, "zips/study.zip")
        client.close()
        yield address
        server.terminate()


@pytest.fixture
def bucket(moto, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    return f"s3://{BUCKET}/ct"


@pytest.fixture
def serving():
    """Starts servers of ranges; they end with the test."""
    servers = []

    def start(folder, *options):
        command = [sys.executable, str(SERVER), str(folder), *options]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        servers.append(subprocess.Popen(command, text=True, **pipes))
        return f"http://127.0.0.1:{int(servers[-1].stdout.readline())}"

    yield start
    for server in servers:
        server.communicate()


def _without(table, root):
    index = [str(path).removeprefix(f"{root}/") for path in table.index]
    return table.set_axis(pd.Index(index, dtype=object, name="path"))


def test_the_table_of_a_bucket_is_that_of_its_folder(bucket, folder):
    expected = _without(header_table(folder), folder)
    pd.testing.assert_frame_equal(_without(header_table(bucket), bucket), expected)
    assert list_files(bucket) == [f"{bucket}/{name}" for name in expected.index]


def test_an_archive_in_a_bucket_is_a_folder(bucket, folder):
    expected = _without(header_table(folder), folder)
    root = f"s3://{BUCKET}/zips/study.zip"
    pd.testing.assert_frame_equal(_without(header_table(root), root), expected)
    above = header_table(f"s3://{BUCKET}/zips")
    assert above.index.str.startswith(f"{root}/").all() and len(above) == len(expected)


def test_stacks_volumes_slices_and_findings_are_the_same(bucket, folder):
    near, far = (header_table(root) for root in (folder, bucket))
    plain, remote = map(slice_table, (near, far))
    stacks = stack_table(plain)
    pd.testing.assert_frame_equal(stacks, stack_table(remote))
    whole = stacks.index[stacks["volume"] == "whole"][0]
    one, other = load_volume(plain.loc[whole]), load_volume(remote.loc[whole])
    assert np.array_equal(one.array, other.array) and np.array_equal(one.affine, other.affine)
    path = remote.loc[whole].index[0][0]
    assert np.array_equal(load_slice(path).array, load_slice(on_disk(path)).array)
    assert audit(near, plain)["rule"].tolist() == audit(far, remote)["rule"].tolist()
    assert len(header_of(path)) > 10
    assert browse(remote, whole) is not None
    assert not deidentify(far)["PatientID"].equals(far["PatientID"])


def test_a_table_in_a_bucket_is_found(bucket, folder, moto, capsys):
    (patient,) = header_table(folder)["PatientID"].filter(like="P01").unique()
    own = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("s3", endpoint_url=moto, region_name="us-east-1", **own)
    client.put_object(Bucket=BUCKET, Key="who.csv", Body=f"who,x\n{patient},1\n".encode())
    try:
        assert clinical_table(header_table(bucket))["x"].to_dict() == {patient: 1}
        assert f"Clinical table: s3://{BUCKET}/who.csv" in capsys.readouterr().out
    finally:
        client.delete_object(Bucket=BUCKET, Key="who.csv")
        client.close()


def test_a_bucket_is_surveyed_as_its_folder_is(bucket, folder, tmp_path):
    far = survey(bucket, tmp_path / "far", progress=False)
    near = survey(folder, tmp_path / "near", progress=False)
    table = _without(far.header_table(), bucket)
    pd.testing.assert_frame_equal(table, _without(near.header_table(), folder))
    pd.testing.assert_frame_equal(far.stacks, near.stacks)
    pd.testing.assert_frame_equal(far.counts, near.counts)
    assert far.findings["rule"].tolist() == near.findings["rule"].tolist()
    assert far.findings["path"].dropna().str.startswith(f"{bucket}/").all()


@pytest.mark.parametrize("few", [1, 10**6])
def test_folders_of_a_bucket_are_listed_one_by_one_in_the_same_order(
    moto, monkeypatch, few, tmp_path
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    monkeypatch.setattr(buckets, "FEW_OBJECTS", few)
    own = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("s3", endpoint_url=moto, region_name="us-east-1", **own)
    client.create_bucket(Bucket="many")
    keys = ["a/10/1.dcm", "a/2/1.dcm", "a/2/10.dcm", "a/2/9.dcm", "a/3.dcm", "a/2.dcm", "a/2.dcm/x"]
    keys += ["a/.hidden/1.dcm", "a/.secret", "a/2/", "a/4/5/6.dcm"]
    for key in keys:
        client.put_object(Bucket="many", Key=key, Body=b"" if key.endswith("/") else b"x")
    client.close()
    for root in ("s3://many", "s3://many/a", "s3://many/a/2"):
        whole = list(walk_files(root))
        assert list(walk_files(root, few_at_once=True)) == whole and len(whole) in (3, 8)
        assert all(objects.facts_taken(whole)) and not any(objects.facts_taken(whole))
    with pytest.raises(FolderError, match="expected files, found none below s3://many/b"):
        survey("s3://many/b", tmp_path / "s")


def test_a_root_may_be_an_address(bucket, monkeypatch, capsys):
    monkeypatch.setenv("DICOM_ROOT", f"{bucket}/")
    assert collection_root() == bucket
    assert f"Collection: {bucket} (named by DICOM_ROOT)" in capsys.readouterr().out


def test_one_object_is_a_table_of_one_row(bucket, folder):
    headers = header_table(f"{bucket}/long.dcm")
    assert headers["error"].tolist() == [None]
    assert headers["TextValue"].iloc[0].startswith("long long")
    assert size_of(f"{bucket}/long.dcm") == (folder / "long.dcm").stat().st_size


def test_what_is_not_there_is_one_clear_line(bucket):
    with pytest.raises(MissingObjectError, match=r"expected a bucket .*found nothing .*not exist"):
        header_table("s3://nowhere/ct")
    with pytest.raises(FolderError, match="expected files, found none below s3://scans/nothing"):
        header_table(f"s3://{BUCKET}/nothing")
    (error,) = header_table([f"{bucket}/nothing.dcm"])["error"]
    assert error == "no such file"
    with pytest.raises(ObjectError, match="fsspec has no such protocol"):
        header_table("nothing://at/all")


def test_an_object_costs_one_request_and_the_beginning_of_it(folder, serving, monkeypatch):
    address = serving(folder)
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    headers = header_table(f"s3://{BUCKET}")
    with urllib.request.urlopen(f"{address}/counts") as answer:
        requests, sent = json.load(answer)
    short = [path.relative_to(folder).as_posix() for path in list_files(folder)]
    short = [name for name in short if name not in ("long.dcm", "empty.dcm")]
    assert {requests[name] for name in short} == {1} and "empty.dcm" not in requests
    assert max(sent[name] for name in short) <= 2**14
    assert requests["long.dcm"] == 2
    expected = _without(header_table(folder), folder)
    pd.testing.assert_frame_equal(_without(headers, f"s3://{BUCKET}"), expected)


def test_the_workers_of_a_survey_ask_no_more_of_an_object(folder, serving, monkeypatch, tmp_path):
    """They know what the listing has said, which was made in another process."""
    pytest.importorskip("distributed")
    address = serving(folder)
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    found = survey(f"s3://{BUCKET}", tmp_path / "s", progress=False)
    with urllib.request.urlopen(f"{address}/counts") as answer:
        requests, _ = json.load(answer)
    short = [path.relative_to(folder).as_posix() for path in list_files(folder)]
    short = [name for name in short if name not in ("long.dcm", "empty.dcm")]
    assert {requests[name] for name in short} == {1} and "empty.dcm" not in requests
    table, expected = found.header_table(), header_table(f"s3://{BUCKET}")
    pd.testing.assert_frame_equal(table, expected[[*table]])


def test_files_of_a_server_are_read_by_their_addresses(folder, serving):
    address = serving(folder)
    names = [path.relative_to(folder).as_posix() for path in list_files(folder)][:20]
    headers = header_table([f"{address}/{BUCKET}/{name}" for name in names])
    expected = _without(header_table(folder), folder).loc[names]
    assert headers["SOPInstanceUID"].tolist() == expected["SOPInstanceUID"].tolist()
    assert headers["file_size"].tolist() == expected["file_size"].tolist()
    assert (fingerprints_of(headers.index) == -1).all(), "no listing says when they changed"


def test_a_server_that_ignores_ranges_is_named(folder, serving, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", serving(folder, "--no-ranges"))
    errors = header_table(f"s3://{BUCKET}")["error"].dropna()
    wanted = r"expected parts of files from s3://scans, got whole ones: it ignores ranges"
    assert errors.str.contains(wanted).sum() > 50


def test_what_fails_for_the_moment_is_asked_for_again(folder, serving, monkeypatch):
    monkeypatch.setattr(objects, "FIRST_WAIT", 0.01)
    monkeypatch.setenv("AWS_ENDPOINT_URL", serving(folder, "--failing", "5"))
    headers = header_table(f"s3://{BUCKET}")
    expected = _without(header_table(folder), folder)
    pd.testing.assert_frame_equal(_without(headers, f"s3://{BUCKET}"), expected)


def test_no_permission_is_one_clear_line(folder, serving, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", serving(folder, "--forbidden"))
    wanted = r"expected a bucket.* got: .*(Forbidden|Access ?Denied).*ask for permission"
    with pytest.raises(ObjectError, match=wanted):
        header_table(f"s3://{BUCKET}")


def test_no_network_is_one_clear_line(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setattr(objects, "RETRIES", 0)
    (error,) = header_table([f"http://127.0.0.1:{port}/1.dcm"])["error"]
    assert re.search(r"Cannot connect .*; check the network", error)


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "adlfs", None)
    with pytest.raises(ObjectError, match=r"expected what reads abfs:// to be installed: .*adlfs"):
        header_table("abfs://container/ct")
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(ObjectError, match="pip install gcsfs"):
        header_table("gs://bucket/ct")


def test_parts_of_an_object_are_its_bytes(folder, serving, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", serving(folder))
    content = (folder / "long.dcm").read_bytes()
    with open_file(f"s3://{BUCKET}/long.dcm") as file:
        assert file.size == len(content)
        for start, length in ((0, 10), (16_380, 10), (90_000, 50_000), (3, 8192), (10**9, 5)):
            assert file.read(start, length) == content[start : start + length]


def test_nothing_of_a_bucket_is_written_nor_left_open(folder, serving, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", serving(folder))
    header_table(f"s3://{BUCKET}")
    assert not objects._beginnings
    assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1")
