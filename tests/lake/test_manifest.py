"""A manifest is the commit: nothing lost, complete or absent, and damage is found."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.errors import ContractViolation, SnapshotError, UserError
from pipeline.lake import manifest as manifests
from pipeline.lake.manifest import Manifest, ShardFile, SourceCount
from pipeline.lake.store import Store

DIGEST = "0123456789abcdef" * 4


def make_manifest(**fields) -> Manifest:
    base = {
        "batch_id": "b1",
        "stage": "quality",
        "fingerprint": DIGEST,
        "inputs": {"ingest": DIGEST},
        "files": [ShardFile(shard=i, role="columns", name=f"x/{i}", rows=2, bytes=3, sha256=DIGEST) for i in (1, 0)],
        "counts": [
            SourceCount(source="web", read=3, kept=1, rejected={"quality.score@1": 1}, failed={"quality.failed@1": 1}),
            SourceCount(source="social", read=1, kept=1),
        ],
        "metrics": {"mean": 0.25, "rows": 4, "kind": "x", "unmeasured": None},
        "settings_digest": DIGEST,
        "code_digest": DIGEST,
        "models": {"lid.176.ftz": DIGEST},
        "timings": {"total": 1.5},
    }
    return Manifest.model_validate({**base, **fields})


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(str(tmp_path))


def test_round_trip(store):
    manifest = make_manifest()
    assert manifests.find(store, "b1", "quality", DIGEST) is None
    assert manifests.write(store, manifest) == manifest
    assert manifest.name == f"batches/b1/quality/{DIGEST}/manifest.json"
    assert manifests.read(store, manifest.name) == manifest == manifests.find(store, "b1", "quality", DIGEST)
    assert store.list() == [manifest.name]


def test_order_is_canonical():
    manifest = make_manifest()
    assert [file.shard for file in manifest.shards()] == [0, 1]
    assert [count.source for count in manifest.counts] == ["social", "web"]
    assert manifest.to_bytes() == make_manifest(counts=tuple(reversed(manifest.counts))).to_bytes()


def test_the_first_commit_stays(store):
    first, second = make_manifest(metrics={"a": 1}), make_manifest(metrics={"a": 2})
    manifests.write(store, first)
    assert manifests.write(store, second) == first


def test_timings_are_in_no_digest():
    assert make_manifest(timings={"total": 9}).record_digest() == make_manifest().record_digest()
    assert make_manifest(metrics={}).record_digest() != make_manifest().record_digest()


def test_totals():
    manifest = make_manifest()
    assert [manifest.total(side) for side in ("read", "kept", "rejected", "failed")] == [4, 2, 1, 1]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"read": 1, "kept": 0, "rejected": {"quality.failed@1": 1}}, "not a reason for 'rejected'"),
        ({"read": 1, "kept": 0, "failed": {"quality.score@1": 1}}, "not a reason for 'failed'"),
        ({"read": 1, "kept": 0, "rejected": {"quality.whim@1": 1}}, "unknown reason"),
    ],
)
def test_a_count_names_known_reasons_on_their_side(counts, words):
    with pytest.raises(ContractViolation, match=words):
        SourceCount(source="web", **counts)


@given(st.lists(st.integers(0, 99), min_size=3, max_size=3), st.integers(-2, 2))
def test_a_loss_is_recorded_so_that_the_gate_can_block_it(parts, error):
    kept, rejected, failed = parts
    fields = {"kept": kept, "rejected": {"quality.score@1": rejected}, "failed": {"quality.failed@1": failed}}
    read = max(0, sum(parts) + error)
    assert SourceCount(source="s", read=read, **fields).lost == read - sum(parts)


def test_doubles_are_refused():
    one = ShardFile(shard=0, role="columns", name="x", rows=0, bytes=0, sha256=DIGEST)
    with pytest.raises(ContractViolation, match="one role and shard"):
        make_manifest(files=[one, one])
    with pytest.raises(ContractViolation, match="twice"):
        make_manifest(counts=[SourceCount(source="s", read=0, kept=0)] * 2)


@pytest.mark.parametrize(
    "fields",
    [
        {"batch_id": "../b"},
        {"batch_id": ""},
        {"stage": "a/b"},
        {"fingerprint": "xyz"},
        {"metrics": {"a": float("nan")}},
        {"metrics": {"a": float("inf")}},
        {"unknown": 1},
    ],
)
def test_impossible_fields(fields):
    with pytest.raises(ValidationError):
        make_manifest(**fields)


def test_a_file_cannot_lie_outside_the_lake():
    with pytest.raises(UserError):
        ShardFile(shard=0, role="columns", name="/etc/passwd", rows=0, bytes=0, sha256=DIGEST)


def _edit(change):
    def damage(data: bytes) -> bytes:
        record = json.loads(data)
        change(record)
        return json.dumps(record).encode()

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:-20], "not JSON"),
        (lambda _: b"", "not JSON"),
        (lambda _: b"\xff\xfe", "not JSON"),
        (lambda _: b"[]", "no record"),
        (lambda _: b"{}", "no record"),
        (_edit(lambda record: record.update(format_version=2)), "format 2"),
        (_edit(lambda record: record.update(surprise=1)), "surprise"),
        (_edit(lambda record: record.pop("stage")), "stage"),
        (_edit(lambda record: record.pop("record_digest")), "digest does not match"),
        (_edit(lambda record: record["metrics"].update(rows=5)), "digest does not match"),
    ],
)
def test_damage_is_found_and_the_next_step_is_named(store, damage, words):
    manifest = make_manifest()
    store.write_atomic(manifest.name, damage(manifest.to_bytes()))
    with pytest.raises(SnapshotError, match=words) as caught:
        manifests.read(store, manifest.name)
    assert "run the stage again" in str(caught.value)


def test_a_manifest_at_anothers_place(store):
    manifest = make_manifest()
    other = manifests.manifest_name("b2", "quality", DIGEST)
    store.write_atomic(other, manifest.to_bytes())
    with pytest.raises(SnapshotError, match="belongs at"):
        manifests.read(store, other)


def test_missing(store):
    with pytest.raises(SnapshotError, match="does not exist"):
        manifests.read(store, "batches/b/s/f/manifest.json")


def test_files_are_checked(store):
    store.write_atomic("x/0", b"abc")
    size, sha256 = store.digest("x/0")
    manifest = make_manifest(files=[ShardFile(shard=0, role="columns", name="x/0", rows=1, bytes=size, sha256=sha256)])
    manifests.check_files(store, manifest, digests=True)
    store.write_atomic("x/0", b"abd")
    manifests.check_files(store, manifest)
    with pytest.raises(SnapshotError, match="damaged"):
        manifests.check_files(store, manifest, digests=True)
    store.remove("x/0")
    with pytest.raises(SnapshotError, match="missing"):
        manifests.check_files(store, manifest)
