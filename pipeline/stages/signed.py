"""A batch's documents as dedup compares them: signed on workers into scratch files, gathered on the driver as narrow columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.batch import Batch, list_batches, load_batch
from pipeline.dedup.components import EDGES_ON_DRIVER, Elsewhere
from pipeline.dedup.exact import exact_keys
from pipeline.dedup.find import Duplicates, find_duplicates
from pipeline.dedup.plan import Plan, derive
from pipeline.dedup.repetition import count, find_passages
from pipeline.dedup.sides import DuplicatesInput, Pieces, PublishedInput, Rules
from pipeline.dedup.signatures import Bands, band_hashes
from pipeline.document import DEDUP
from pipeline.lake.release import Release, Signing
from pipeline.lake.snapshots import Chain
from pipeline.settings import Dedup, Settings
from pipeline.stages.scratch import read_scratch, write_columns, write_scratch
from pipeline.text.arrow import one
from pipeline.text.cuts import without
from pipeline.text.shingling import Shingling

Rows = npt.NDArray[np.int64]


class Signed(NamedTuple):
    """The live documents of a batch with what comparing them needs, in the order of shards and rows.

    They are compared as they are after what `dedup.repetition` cuts; `exact` is of the text as it came, so that copies of one page
    stay copies although only one of them keeps a passage.
    """

    shards: Rows
    rows: Rows
    document_ids: pa.Array
    source_rank: Rows
    characters: Rows
    exact: npt.NDArray[np.uint64]
    bands: Bands
    published_bands: Bands
    """The same and those of other signings, under which published documents may be found."""
    repetition: pa.Array | None = None
    """The column of that name; None where nobody asked for it."""


def signing_of(settings: Dedup) -> Signing:
    """Return how documents are signed under some settings."""
    plan = derive(settings.threshold, settings.recall)
    return Signing(
        bands=plan.bands, rows=plan.rows, shingle_size=settings.shingle_size, words=settings.words, seed=settings.seed
    )


def signings_of(batch: Batch, release: Release | None) -> tuple[Signing, ...]:
    """Return the ways in which a release's documents were signed.

    Where the release does not say it (an older lake), every configuration that its batches were run with counts.
    """
    if release is None:
        return ()
    if release.signings is not None:
        return release.signings
    references = (
        reference
        for entry in batch.corpus.standing(release)
        for reference in list_batches(batch.settings, entry.batch_id)
    )
    return tuple(dict.fromkeys(signing_of(load_batch(reference).settings.dedup) for reference in references))


def with_own(settings: Dedup, known: Sequence[Signing]) -> tuple[Signing, ...]:
    """Return the ways in which a batch is signed to be compared with what is known to be signed so: its own, then the others."""
    return tuple(dict.fromkeys((signing_of(settings), *known)))


def sign(texts: pa.Array, signings: Sequence[Signing]) -> Bands:
    """Return the band hashes of texts under one signing after the other, side by side; a text without words by the first has none."""
    parts = [
        band_hashes(texts, Plan(one.bands, one.rows), Shingling(one.shingle_size, one.words), one.seed)
        for one in signings
    ]
    first = parts[0]
    # By another rule a text may have no word: its hashes there are the first's, which say nothing new.
    hashes = [np.where(part.usable[:, None], part.hashes, first.hashes[:, :1]) for part in parts]
    return Bands(np.hstack(hashes), first.usable)


def find(
    settings: Dedup,
    signed: Signed,
    texts: Callable[[Rows], pa.Array],
    published: PublishedInput | None,
    pieces: Pieces | None = None,
    choose: Elsewhere | None = None,
) -> Duplicates:
    """Compare signed documents with one another and with the published side; `pieces` has many of them read elsewhere, `choose` many pairs decided."""
    batch = DuplicatesInput(
        signed.document_ids, signed.source_rank, signed.characters, signed.exact, signed.bands, texts, pieces,
        published_bands=signed.published_bands, choose=choose,
    )  # fmt: skip
    rules = Rules(
        settings.threshold,
        settings.shingling,
        settings.max_bucket,
        containment=settings.containment,
        edges=EDGES_ON_DRIVER,
    )
    return find_duplicates(batch, rules, published)


class ShardScratch(NamedTuple):
    """Names of the files that the worker of one shard leaves to the next step."""

    signed: str
    counts: str | None = None
    """In how many documents its passages stand; None where nobody asks for repetition."""
    passages: str | None = None


def sign_shard(shard: int, chain: Chain, settings: Dedup, folder: str, signings: Sequence[Signing]) -> str:
    """Sign the live documents of one shard (on a worker) and return its `ShardScratch`."""
    rows = np.flatnonzero(chain.live(shard)).astype(np.int64)
    table = chain.documents(shard, ["document_id", "source", "characters", "text"], rows)
    texts = one(table.column("text"))
    bands = sign(texts, signings)
    exact = exact_keys(texts)
    scratch = pa.table(
        {
            "shard": pa.array(np.full(len(rows), shard, np.int64)),
            "row": pa.array(rows),
            "document_id": table.column("document_id"),
            "source": table.column("source"),
            "characters": table.column("characters"),
            "bytes": pc.binary_length(texts).cast(pa.int64()),
            "exact_0": pa.array(exact[:, 0]),
            "exact_1": pa.array(exact[:, 1]),
            "usable": pa.array(bands.usable),
            "bands": as_lists(bands.hashes),
        }
    )
    lake = chain.lake
    files = ShardScratch(write_scratch(lake, folder, f"signed-{shard:05d}", scratch))
    if settings.repetition.policy != "ignore":
        found = find_passages(texts, one(table.column("source")), settings.repetition.characters)
        counts = count(found, one(table.column("document_id")))
        files = ShardScratch(
            files.signed,
            write_columns(lake, folder, f"counts-{shard:05d}", counts),
            write_columns(lake, folder, f"passages-{shard:05d}", found),
        )
    return json.dumps(files)


def load_signed(chain: Chain, settings: Settings, names: Sequence[str]) -> Signed:
    """Read the scratch files of all shards."""
    table = pa.concat_tables([read_scratch(chain.lake, name) for name in names])
    ranks = ranks_of(settings)
    bands, usable = matrix(table.column("bands")), table.column("usable").to_numpy()
    return Signed(
        table.column("shard").to_numpy(),
        table.column("row").to_numpy(),
        one(table.column("document_id")),
        np.array([ranks[name] for name in table.column("source").to_pylist()], np.int64),
        table.column("characters").to_numpy().astype(np.int64),
        np.column_stack([table.column("exact_0").to_numpy(), table.column("exact_1").to_numpy()]),
        Bands(np.ascontiguousarray(bands[:, : signing_of(settings.dedup).bands]), usable),
        Bands(bands, usable),
        one(table.column("repetition")) if "repetition" in table.column_names else None,
    )


def ranks_of(settings: Settings) -> dict[str, int]:
    """Return each source's place in the order of preference: its rank, then its place in the configuration."""
    ordered = sorted(settings.ingestion.sources, key=lambda source: source.rank)
    return {source.name: place for place, source in enumerate(ordered)}


def texts_of(chain: Chain, signed: Signed, wanted: Rows) -> pa.Array:
    """Read the texts of some documents as they are compared, in the given order, opening each shard once."""
    shards = signed.shards[wanted]
    parts, order = [], []
    for shard in np.unique(shards).tolist():
        places = np.flatnonzero(shards == shard)
        parts.append(chain.texts(shard).take(pa.array(signed.rows[wanted[places]])))
        order.append(places)
    if not parts:
        return pa.array([], pa.string())
    back = np.argsort(np.concatenate(order), kind="stable")
    texts = one(pa.chunked_array([chunk for part in parts for chunk in part.chunks]).take(pa.array(back)))
    if signed.repetition is None:
        return texts
    return without(texts, pc.struct_field(signed.repetition, "cuts").take(pa.array(wanted)))


def as_lists(hashes: npt.NDArray[np.int64]) -> pa.Array:
    """Return a matrix as a list column."""
    offsets = np.arange(len(hashes) + 1, dtype=np.int32) * hashes.shape[1]
    item = DEDUP.field("bands").type
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(hashes.ravel()), type=item)


def matrix(lists: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return a list column of equally long lists as a matrix."""
    values = one(lists).flatten().to_numpy()
    return np.asarray(values.reshape(len(lists), -1) if len(lists) else values.reshape(0, 0), np.int64)
