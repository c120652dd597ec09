"""Sources in object stores: listed, read, and what a failing server costs. All servers are on loopback."""

from __future__ import annotations

import gzip
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import s3fs

from pipeline import api, config, drops, listing
from pipeline.batch import batch_id_of, input_files
from pipeline.errors import ConfigError, SourceChanged, SourceUnavailable
from pipeline.source import Source
from pipeline.sources import access
from pipeline.sources.files import list_files
from pipeline.sources.records import read_file
from tests.leaks import search
from tests.sources.stores import KEY, SECRET, Fault, Proxy, client, proxy, s3_server

LINES = "".join(json.dumps({"id": n, "text": f"text number {n} " * 40}) + "\n" for n in range(2_000)).encode()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def store(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A server that fails as it is told to, and no wait between attempts."""
    monkeypatch.setattr(access, "FIRST_WAIT", 0.001)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with proxy(server) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", front.url)
        s3fs.S3FileSystem.clear_instance_cache()  # it holds the environment of the test before
        yield front


@pytest.fixture
def put(server: str) -> Callable[..., str]:
    """Return a function that puts objects into a bucket of their own and returns its name."""

    def put_objects(**objects: bytes) -> str:
        bucket = f"b{uuid.uuid4().hex[:12]}"
        there = client(server)
        there.create_bucket(Bucket=bucket)
        for key, body in objects.items():
            there.put_object(Bucket=bucket, Key=key, Body=body)
        return bucket

    return put_objects


def source(*paths: str, **fields: Any) -> Source:
    return Source(name="feed", kind="web", paths=paths, **fields)


def rows(feed: Source) -> list[str]:
    """Return the kept texts of a source, in order, and check that every record of every file became a row."""
    found = []
    for file in list_files(feed).files:
        reading = read_file(feed, file)
        texts = [row for chunk in reading for row in chunk.raw.column("text").to_pylist()]
        assert reading.account.records_read == len(texts)
        found += texts
    return found


def parquet(count: int) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": [f"row {n}" for n in range(count)], "id": list(range(count))}), sink)
    return sink.getvalue().to_pybytes()


WARC = b"".join(
    b"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://a.example/%d\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 6\r\n\r\nwarc %d\r\n\r\n" % (n, n)
    for n in range(3)
)


def test_a_prefix_a_glob_and_an_object_are_read_compressed_or_not(store: Proxy, put: Callable[..., str]) -> None:
    bucket = put(
        **{
            "in/a.jsonl": b'{"text": "one"}\n',
            "in/deep/b.jsonl.gz": gzip.compress(b'{"text": "two"}\n{"text": "three"}\n'),
            "in/c.parquet": parquet(2),
            "in/d.warc": WARC,
            "in/notes.txt": b"not read",
            "in/_SUCCESS": b"",
            "in/folder/": b"",
            "other/x.jsonl": b'{"text": "elsewhere"}\n',
        }
    )
    feed = source(f"s3://{bucket}/in/")
    listing = list_files(feed)
    assert [file.path for file in listing.files] == ["a.jsonl", "c.parquet", "d.warc", "deep/b.jsonl.gz"]
    assert [entry.path for entry in listing.unread] == ["notes.txt"]
    assert rows(feed) == ["one", "row 0", "row 1", "warc 0", "warc 1", "warc 2", "two", "three"]
    assert rows(source(f"s3://{bucket}/in/deep/*.gz")) == ["two", "three"]
    assert rows(source(f"s3://{bucket}/other/x.jsonl")) == ["elsewhere"]
    with pytest.raises(SourceUnavailable, match="nothing found"):
        list_files(source(f"s3://{bucket}/nowhere/"))


def test_a_batch_of_objects_is_the_batch_of_the_same_files(
    store: Proxy, put: Callable[..., str], tmp_path: Any
) -> None:
    bucket = put(**{"in/a.jsonl": LINES, "in/b/c.jsonl": b'{"text": "x"}\n'})
    (tmp_path / "b").mkdir()
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "b" / "c.jsonl").write_bytes(b'{"text": "x"}\n')
    there, here = (input_files(source(place))[0] for place in (f"s3://{bucket}/in", str(tmp_path)))
    assert batch_id_of(there) == batch_id_of(here)


def test_keys_that_no_folder_could_have_are_different_files(store: Proxy, put: Callable[..., str]) -> None:
    keys = [
        "in/a.jsonl",
        "in//a.jsonl",
        "in/x::y.jsonl",
        "in/what?.jsonl",
        "in/[1].jsonl",
        "in/a b%0A+.jsonl",
    ]
    bucket = put(**{key: json.dumps({"text": key}).encode() for key in keys})
    feed = source(f"s3://{bucket}/in/")
    assert len({file.path for file in list_files(feed).files}) == len(keys)
    assert sorted(rows(feed)) == sorted(keys)


FAULTS = [Fault(kind, "a.jsonl") for kind in ("drop", "short", "500", "503", "slow")]


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.kind for fault in FAULTS])
def test_a_failure_that_passes_costs_nothing(
    store: Proxy, put: Callable[..., str], monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr(access, "BLOCK_BYTES", 256 * 2**10)
    bucket = put(**{"in/a.jsonl": LINES})
    [file] = list_files(source(f"s3://{bucket}/in/")).files
    store.faults.append(fault)
    with file.open() as stream:
        got = stream.read(100_000)
        store.faults.append(fault)
        while block := stream.read(100_000):
            got += block
    assert got == LINES
    assert store.faults == []


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((kind, "a.jsonl") for kind in ("drop", "short", "500", "503")),
        *(("drop", name) for name in ("a.jsonl.gz", "a.warc", "a.parquet")),
    ],
)
def test_a_connection_that_always_breaks_off_is_an_unreadable_file_and_no_damaged_one(
    store: Proxy, put: Callable[..., str], kind: Any, name: str
) -> None:
    content = {"a.jsonl": LINES, "a.jsonl.gz": gzip.compress(LINES), "a.warc": WARC, "a.parquet": parquet(500)}[name]
    bucket = put(**{f"in/{name}": content})
    feed = source(f"s3://{bucket}/in/")
    [file] = list_files(feed).files
    store.always.append(Fault(kind, name))
    with pytest.raises(
        SourceUnavailable, match=rf"^source 'feed': cannot read {name} \(\w+\); check that it is readable"
    ):
        list(read_file(feed, file))
    requests = [path for method, path, _ in store.seen if method == "GET" and name in path]
    assert len(requests) == access.ATTEMPTS


def test_a_listed_object_that_is_gone_is_named_at_once(store: Proxy, put: Callable[..., str], server: str) -> None:
    bucket = put(**{"in/a.jsonl": LINES})
    [file] = list_files(source(f"s3://{bucket}/in/")).files
    client(server).delete_object(Bucket=bucket, Key="in/a.jsonl")
    with pytest.raises(SourceUnavailable, match=r"cannot open a.jsonl \(FileNotFoundError\)"):
        file.open()
    assert len([1 for method, path, _ in store.seen if method == "HEAD" and "a.jsonl" in path]) == 1


@pytest.mark.parametrize("other", [LINES.replace(b"text number", b"TEXT NUMBER"), LINES + LINES])
def test_an_object_that_changes_while_it_is_read_is_noticed(
    store: Proxy, put: Callable[..., str], server: str, monkeypatch: pytest.MonkeyPatch, other: bytes
) -> None:
    monkeypatch.setattr(access, "BLOCK_BYTES", 64 * 2**10)
    bucket = put(**{"in/a.jsonl": LINES})
    [file] = list_files(source(f"s3://{bucket}/in/")).files
    with file.open() as stream:
        stream.read(10)
        client(server).put_object(Bucket=bucket, Key="in/a.jsonl", Body=other)
        with pytest.raises(SourceChanged, match=r"source 'feed': a.jsonl changed since the batch was opened"):
            list(iter(lambda: stream.read(100_000), b""))


def test_a_listing_is_tried_again_and_then_named(store: Proxy, put: Callable[..., str]) -> None:
    bucket = put(**{"in/a.jsonl": LINES})
    store.faults += [Fault("503", bucket), Fault("500", bucket)]
    assert len(list_files(source(f"s3://{bucket}/in/")).files) == 1
    store.always.append(Fault("503", bucket))
    with pytest.raises(SourceUnavailable, match=rf"cannot list s3://{bucket}/in/ \(\w+\); check the address"):
        list_files(source(f"s3://{bucket}/in/"))


def test_an_object_is_read_in_ranges_and_never_held_whole(
    store: Proxy, put: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "BLOCK_BYTES", 256 * 2**10)
    bucket = put(**{"in/a.jsonl": LINES * 3})
    feed = source(f"s3://{bucket}/in/")
    assert len(rows(feed)) == 6_000
    ranges = [
        tuple(map(int, r.removeprefix("bytes=").split("-"))) for method, _, r in store.seen if r and method == "GET"
    ]
    assert len(ranges) > 2
    assert max(end - start + 1 for start, end in ranges) <= 256 * 2**10 + 2**20


# -- the web and memory ------------------------------------------------------------------------------------------------


def test_a_file_on_a_web_server_is_read_and_a_broken_connection_costs_nothing(
    store: Proxy, put: Callable[..., str], server: str
) -> None:
    bucket = put(**{"a.jsonl": LINES, "b.parquet": parquet(4)})
    client(server).put_bucket_acl(Bucket=bucket, ACL="public-read")
    for key in ("a.jsonl", "b.parquet"):
        client(server).put_object_acl(Bucket=bucket, Key=key, ACL="public-read")
    feed = source(f"{store.url}/{bucket}/a.jsonl", f"{store.url}/{bucket}/b.parquet")
    assert [file.path for file in list_files(feed).files] == ["a.jsonl", "b.parquet"]
    store.faults += [Fault("drop", "a.jsonl"), Fault("503", "a.jsonl")]
    assert len(rows(feed)) == 2_004
    assert store.faults == []
    with pytest.raises(SourceUnavailable, match="nothing found"):
        list_files(source(f"{store.url}/{bucket}/absent.jsonl"))


# -- credentials -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        f"s3://{KEY}:{SECRET}@bucket/in/",
        f"https://user:{SECRET}@files.example/a.jsonl",
        f"https://files.example/a.jsonl?X-Amz-Signature={SECRET}",
        f"https://files.example/a.jsonl?a=1&access_token={SECRET}",
    ],
)
@pytest.mark.parametrize("shape", ["paths: ['{}']", "paths: '{}'", "paths: {{x: '{}'}}"])
def test_an_address_with_credentials_is_refused_and_not_repeated(path: str, shape: str, tmp_path: Any) -> None:
    text = f"data_pipeline:\n  ingestion:\n    sources:\n      - name: feed\n        kind: web\n        {shape.format(path)}\n"
    with pytest.raises(ConfigError) as caught:
        config.parse(text, tmp_path)
    assert SECRET not in str(caught.value)
    assert "canary" not in str(caught.value)
    if shape.startswith("paths: ["):
        assert "a path holds credentials; take them out and name an Airflow connection under `connection`" in str(
            caught.value
        )


@pytest.mark.parametrize(
    "path", ["s3://b/a:1@2.jsonl", "https://a.example:8080/x.jsonl", "memory://x", "a:b@c/d.jsonl"]
)
def test_an_address_without_credentials_is_none_with(path: str) -> None:
    assert source(path).paths == (path,)


@pytest.mark.airflow
def test_an_airflow_connection_gives_key_and_endpoint(
    store: Proxy, put: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = put(**{"in/a.jsonl": b'{"text": "one"}\n'})
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    connection = {
        "conn_type": "aws", "login": KEY, "password": SECRET, "extra": {"endpoint_url": store.url, "region_name": "us-east-1"},
    }  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_PLACES", json.dumps(connection))
    feed = source(f"s3://{bucket}/in/", connection="places")
    assert rows(feed) == ["one"]
    assert SECRET not in repr(list_files(feed)) + repr(access.access_of(feed))
    with pytest.raises(
        ConfigError, match=r"source 'feed': the Airflow connection 'absent' cannot be read .*AIRFLOW_CONN_ABSENT"
    ):
        list_files(source(f"s3://{bucket}/in/", connection="absent"))


def test_without_its_package_a_file_system_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.get_filesystem_class", missing)
    with pytest.raises(ConfigError, match=r"s3:// cannot be read, a package is missing \(Install s3fs to access S3\)"):
        list_files(source("s3://bucket/in/"))


# -- drops ---------------------------------------------------------------------------------------------------------------


def nightly(tmp_path: Any, bucket: str, rule: str = "") -> str:
    """Write a configuration of one source whose drops lie under a prefix; return its path."""
    text = f"data_pipeline:\n  ingestion:\n    sources:\n      - {{name: feed, kind: web, paths: ['s3://{bucket}/in/']{rule}}}\n"
    (tmp_path / "pipeline.yaml").write_text(text)
    return str(tmp_path / "pipeline.yaml")


def taken(config_file: str) -> list[str]:
    return [entry["drop"] for entry in api.find_drops(config_file)["drops"]]


def test_a_complete_drop_under_a_prefix_is_taken_once_and_again_if_it_changes(
    store: Proxy, put: Callable[..., str], server: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    bucket = put(
        **{
            "in/night-1/a.jsonl": b'{"text": "one"}\n',
            "in/night-1/deep/b.jsonl": b'{"text": "two"}\n',
            "in/night-1/_SUCCESS": b"",
            "in/night-2/a.jsonl": b'{"text": "three"}\n',
            "in/.hidden/_SUCCESS": b"",
            "in/loose.jsonl": b'{"text": "no drop"}\n',
        }
    )
    config_file = nightly(tmp_path, bucket)
    search = api.find_drops(config_file)
    assert search["waiting"] == ["feed/night-2: it holds no _SUCCESS yet"]
    [first] = search["drops"]
    reference = api.open_batch(config_file, {}, {"feed": first["paths"]}, ["feed"], first["batch_id"])
    assert api.run_stage(reference, "ingest")["kept"] == 2
    assert api.claim_drop(config_file, first)
    store.seen.clear()
    assert taken(config_file) == []
    assert not [path for method, path, _ in store.seen if method == "GET" and ".jsonl" in path], (
        "nothing was read again"
    )
    client(server).put_object(Bucket=bucket, Key="in/night-2/_SUCCESS", Body=b"")
    assert taken(config_file) == ["night-2"]
    client(server).put_object(Bucket=bucket, Key="in/night-1/a.jsonl", Body=b'{"text": "ONE"}\n')
    again = api.find_drops(config_file)["drops"][0]
    assert again["taken_before"] == [first["batch_id"]]
    assert again["batch_id"] != first["batch_id"]
    with pytest.raises(SourceChanged, match="its input changed since it was found"):
        api.open_batch(config_file, {}, {"feed": first["paths"]}, ["feed"], first["batch_id"])


def test_without_a_marker_a_drop_is_complete_by_the_time_of_its_uploads(
    store: Proxy, put: Callable[..., str], tmp_path: Any
) -> None:
    bucket = put(**{"in/night-1/a.jsonl": b'{"text": "one"}\n'})
    settings = config.load(nightly(tmp_path, bucket, ", drop_stable_minutes: 10"))
    assert drops.find(settings, time.time() + 300).waiting == ["feed/night-1: it changed less than 10 minutes ago"]
    assert [entry["drop"] for entry in drops.find(settings, time.time() + 700).drops] == ["night-1"]


def test_a_store_that_fails_while_drops_are_looked_for_is_named(
    store: Proxy, put: Callable[..., str], tmp_path: Any
) -> None:
    bucket = put(**{"in/night-1/a.jsonl": b'{"text": "one"}\n', "in/night-1/_SUCCESS": b""})
    config_file = nightly(tmp_path, bucket)
    store.faults += [Fault("503", bucket), Fault("503", "a.jsonl")]
    assert taken(config_file) == ["night-1"]
    store.always.append(Fault("drop", "a.jsonl"))
    [said] = api.find_drops(config_file)["unreadable"]
    assert said.startswith("feed/night-1: source 'feed': cannot read a.jsonl (")


# -- nothing of a credential is left -------------------------------------------------------------------------------------


@pytest.mark.airflow
def test_no_credential_reaches_the_lake_a_log_or_a_message(
    store: Proxy,
    put: Callable[..., str],
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    extra = {"endpoint_url": store.url, "region_name": "us-east-1", "aws_session_token": "canary-token-55e1"}
    connection = {"conn_type": "aws", "login": KEY, "password": SECRET, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_PLACES", json.dumps(connection))
    bucket = put(**{"in/night-1/a.jsonl": b'{"text": "one"}\n', "in/night-1/_SUCCESS": b""})
    config_file = nightly(tmp_path, bucket, ", connection: places")
    said = []
    with caplog.at_level("DEBUG", logger="pipeline"):
        [found] = api.find_drops(config_file)["drops"]
        api.claim_drop(config_file, found)
        reference = api.open_batch(config_file)
        store.always.append(Fault("drop", "a.jsonl"))
        with pytest.raises(SourceUnavailable) as caught:
            api.run_stage(reference, "ingest")
        said += [str(caught.value), json.dumps(found)]
        store.always.clear()
        assert api.run_stage(reference, "ingest")["kept"] == 1
        said.append(json.dumps(listing.batch_files(reference)))
    (tmp_path / "said.txt").write_text("\n".join([*said, caplog.text]))
    assert search([tmp_path], {"key": KEY, "secret": SECRET, "token": "canary-token-55e1"}) == set()
    (tmp_path / "planted.txt").write_text(f"...{SECRET}...")
    assert {hit.file for hit in search([tmp_path], {"secret": SECRET})} == {f"{tmp_path.name}/planted.txt"}
