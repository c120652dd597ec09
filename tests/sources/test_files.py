"""What belongs to a source, in which order, under which name."""

from __future__ import annotations

import fsspec
import pytest

from pipeline.batch import batch_id_of, input_files
from pipeline.errors import ConfigError, ContractViolation, SourceUnavailable
from pipeline.source import Source
from pipeline.sources.files import SourceFile, format_of, list_files
from pipeline.sources.split import plan_tasks


def source(*paths, **fields) -> Source:
    return Source(name="feed", kind="social", paths=tuple(map(str, paths)), **fields)


def fill(root, *names):
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return root


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jsonl", "jsonl"), ("a.ndjson.zst", "jsonl"), ("a.json.gz", "jsonl"), ("A.JSONL.BZ2", "jsonl"), ("a.jsonl.xz", "jsonl"),
        ("a.parquet", "parquet"), ("a.warc", "warc"), ("a.warc.gz", "warc"), ("a.warc.wet.gz", "warc"), ("a.warc.wat", "warc"),
        ("a.csv", None), ("a.jsonl.zip", None), ("warc", None), ("a.gz", None),
    ],
)  # fmt: skip
def test_format_goes_by_the_name(name, expected):
    assert format_of(name) == expected


def test_a_folder_is_listed_in_order_without_hidden_files_and_marker(tmp_path):
    fill(tmp_path, "b.jsonl", "a/z.parquet", "a/_SUCCESS", ".hidden.jsonl", ".git/x.jsonl", "notes.csv", "c.warc.gz")
    listing = list_files(source(tmp_path))
    assert [(f.path, f.format, f.size) for f in listing.files] == [
        ("a/z.parquet", "parquet", 11),
        ("b.jsonl", "jsonl", 7),
        ("c.warc.gz", "warc", 9),
    ]
    assert listing.unread == (("notes.csv", "unknown_format"),)


def test_a_stated_format_reads_any_name(tmp_path):
    fill(tmp_path, "notes.csv")
    listing = list_files(source(tmp_path, format="jsonl"))
    assert [f.format for f in listing.files] == ["jsonl"]
    assert listing.unread == ()


def test_files_globs_and_folders_mix_without_doubles(tmp_path):
    fill(tmp_path, "x/a.jsonl", "x/b.jsonl", "y/deep/c.jsonl")
    listing = list_files(source(tmp_path / "x", tmp_path / "x" / "a.jsonl", tmp_path / "y" / "**" / "*.jsonl"))
    assert [f.path for f in listing.files] == ["a.jsonl", "b.jsonl", "deep/c.jsonl"]


def test_equal_names_under_two_roots_stay_apart(tmp_path):
    fill(tmp_path, "x/a.jsonl", "y/a.jsonl")
    assert [f.path for f in list_files(source(tmp_path / "x", tmp_path / "y")).files] == ["0/a.jsonl", "1/a.jsonl"]


@pytest.mark.parametrize("path", ["nowhere", "none*.jsonl", "nowhere/*.jsonl"])
def test_a_missing_path_names_source_place_and_remedy(tmp_path, path):
    with pytest.raises(
        SourceUnavailable, match=r"source 'feed': nothing found at .*" + path.replace("*", r"\*") + ".*'paths'"
    ):
        list_files(source(tmp_path / path))


def test_a_link_out_of_the_source_is_refused_and_one_inside_read_once(tmp_path):
    fill(tmp_path, "secret/s.jsonl", "in/a.jsonl", "in/sub/b.jsonl")
    root = tmp_path / "in"
    (root / "out.jsonl").symlink_to(tmp_path / "secret" / "s.jsonl")
    (root / "outdir").symlink_to(tmp_path / "secret")
    (root / "same").symlink_to(root / "sub")
    (root / "dangling.jsonl").symlink_to(tmp_path / "nothing")
    listing = list_files(source(root))
    assert [f.path for f in listing.files] == ["a.jsonl", "sub/b.jsonl"]
    refused = [
        ("dangling.jsonl", "link_out_of_source"),
        ("out.jsonl", "link_out_of_source"),
        ("outdir", "link_out_of_source"),
    ]
    assert list(listing.unread) == refused
    globbed = list_files(source(root / "*.jsonl"))
    assert [f.path for f in globbed.files] == ["a.jsonl"]
    assert len(globbed.unread) == 2


def test_an_fsspec_uri_is_listed_like_a_folder():
    memory = fsspec.filesystem("memory")
    for name in ("a.jsonl", "d/b.parquet", ".x.jsonl", "d/_SUCCESS", "q.bin"):
        memory.pipe(f"/list/{name}", b"12345")
    for uri in ("memory://list", "memory://list/"):
        listing = list_files(source(uri))
        assert [(f.path, f.size) for f in listing.files] == [("a.jsonl", 5), ("d/b.parquet", 5)]
        assert listing.unread == (("q.bin", "unknown_format"),)
    assert [f.path for f in list_files(source("memory://list/*/*.parquet")).files] == ["d/b.parquet"]
    with pytest.raises(SourceUnavailable, match="nothing found"):
        list_files(source("memory://absent"))
    with pytest.raises(ConfigError, match="nosuchscheme:// cannot be read, no file system is called 'nosuchscheme'"):
        list_files(source("nosuchscheme://absent"))


def test_the_batch_id_follows_content_and_place_in_the_source_only(tmp_path):
    one, two = fill(tmp_path / "one", "a.jsonl", "b.jsonl"), fill(tmp_path / "two", "b.jsonl", "a.jsonl")
    batch_id = batch_id_of(input_files(source(one))[0])
    assert batch_id == batch_id_of(input_files(source(two))[0][::-1])
    (two / "a.jsonl").write_bytes(b"changed")
    assert batch_id != batch_id_of(input_files(source(two))[0])
    (two / "a.jsonl").write_bytes(b"a.jsonl")
    (two / "a.jsonl").rename(two / "c.jsonl")
    assert batch_id != batch_id_of(input_files(source(two))[0])


def test_a_file_that_vanished_is_unavailable(tmp_path):
    with pytest.raises(SourceUnavailable, match=r"cannot open a\.jsonl"):
        SourceFile("feed", str(tmp_path / "a.jsonl"), "a.jsonl", 1, "jsonl").sha256()


def files(*sizes, source="feed"):
    return [SourceFile(source, f"/x/{i:03}", f"{i:03}", size, "jsonl") for i, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "target", "expected"),
    [((), 10, []), ((5,), 10, [[5]]), ((5, 5, 5), 10, [[5, 5], [5]]), ((50, 1, 1), 10, [[50], [1, 1]]), ((9, 2, 9), 10, [[9], [2], [9]]), ((0, 0), 1, [[0, 0]])],
)  # fmt: skip
def test_tasks_are_runs_of_about_the_target(sizes, target, expected):
    plan = plan_tasks(files(*sizes), target)
    assert [[f.size for f in task] for task in plan] == expected
    assert plan_tasks(list(reversed(files(*sizes))), target) == plan


def test_tasks_of_two_sources_are_refused():
    with pytest.raises(ContractViolation, match="one source"):
        plan_tasks(files(1) + files(1, source="other"), 10)
    with pytest.raises(ContractViolation, match="positive"):
        plan_tasks(files(1), 0)
