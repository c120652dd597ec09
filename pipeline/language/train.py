"""Makes the model of runs of letters from the models of lingua 1.4.2 (Stahl; Apache 2.0).

lingua's wheel holds, for 75 languages, how often each run of one to five letters follows its beginning, counted on up to a million
sentences a language of the Leipzig Corpora Collection (Goldhahn, Eckart and Quasthoff, LREC 2012; CC BY). The run's own probability is
the product along its beginnings. Kept are the runs that tell most (mutual information with the language), all with what they say of
every language above a floor.

``pip download --no-deps lingua-language-detector==1.4.2``, then ``python -m pipeline.language.train WHEEL``.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.errors import UserError
from pipeline.language.ngrams import FILE, LONGEST, UNIT, run_hashes

WHEEL_SHA256 = "f43ce6e7b8b9ec083907c34fc1bf5d5bacee7fb3191afa90efb3b321e5a85953"
RUNS = 1_000_000
"""Runs kept: with half of them single words lose 1.2 points of F1, with twice as many they win 0.4."""
FLOOR = -16.5
"""log P under which a run says nothing: the rarest runs that lingua kept were seen once or twice."""

_SIZES = ("unigrams", "bigrams", "trigrams", "quadrigrams", "fivegrams")
_UNKNOWN_BEGINNING = -12.0


def main(wheel: Path, target: Path = FILE) -> None:
    """Make the model's file from lingua's wheel.

    Raises
    ------
    UserError
        If the wheel is missing or not the pinned one.
    """
    try:
        data = wheel.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {wheel}: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != WHEEL_SHA256:
        raise UserError(f"{wheel} is not lingua_language_detector-1.4.2-py3-none-any.whl as it was published")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = sorted(
            {name.split("/")[2] for name in archive.namelist() if name.startswith("lingua/language-models/")}
        )
        languages = [name for name in names if len(name) == 2]
        parts = [_language(archive, name, place) for place, name in enumerate(languages)]
    keys, logs, places = (np.concatenate(column) for column in zip(*parts, strict=True))
    target.write_bytes(pack(keys, logs, places, languages))


def pack(
    keys: npt.NDArray[np.uint64],
    logs: npt.NDArray[np.float32],
    places: npt.NDArray[np.uint8],
    languages: list[str],
    runs: int = RUNS,
) -> bytes:
    """Return the model's file from one posting a run and language.

    Parameters
    ----------
    keys
        ``hash << 3 | length`` of each posting's run.
    logs
        log P of the run in the language.
    places
        Place of the language in `languages`.
    languages
        lingua's codes.
    runs
        How many runs are kept, beside all single letters.
    """
    import zstandard

    order = np.lexsort((places, keys))
    keys, logs, places = keys[order], logs[order], places[order]
    firsts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    counts = np.diff(np.append(firsts, len(keys)))
    kept = np.zeros(len(firsts), bool)
    kept[np.argsort(-_information(logs, firsts, counts, len(languages)), kind="stable")[:runs]] = True
    kept |= (keys[firsts] & np.uint64(7)) == 1
    hashes = (keys[firsts] >> np.uint64(3)).astype(np.uint32)
    # Runs of different length whose hashes meet would be taken for one another.
    _, first_of, times = np.unique(hashes[kept], return_index=True, return_counts=True)
    kept[np.setdiff1d(np.flatnonzero(kept), np.flatnonzero(kept)[first_of[times == 1]])] = False
    steps = np.clip(np.round((logs - FLOOR) / UNIT), 0, 255).astype(np.uint8)
    said = np.repeat(kept, counts) & (steps > 0)
    stored = io.BytesIO()
    np.savez(
        stored,
        languages=np.array(languages),
        key_steps=np.diff(hashes[kept], prepend=np.uint32(0)),
        postings=np.add.reduceat(said.astype(np.uint8), firsts)[kept].astype(np.uint8),
        places=places[said],
        weights=steps[said],
    )
    return zstandard.ZstdCompressor(level=19).compress(stored.getvalue())


def _information(
    logs: npt.NDArray[np.float32], firsts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], languages: int
) -> npt.NDArray[np.float64]:
    """Return each run's mutual information with the language, all languages of equal weight (up to a constant factor)."""
    probabilities = np.exp(logs.astype(np.float64))
    least = math.exp(-18.5)  # what lingua's rarest runs have; a language without the run has so much of it
    missing = languages - counts
    mean = (np.add.reduceat(probabilities, firsts) + least * missing) / languages
    told = probabilities * np.log(probabilities / np.repeat(mean, counts))
    return np.asarray(np.add.reduceat(told, firsts) + least * np.log(least / mean) * missing)


def _language(
    archive: zipfile.ZipFile, name: str, place: int
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    keys, logs = [], []
    shorter: dict[str, float] = {}
    for size, file in enumerate(_SIZES[:LONGEST], 1):
        found = {
            run: log + (shorter.get(run[:-1], _UNKNOWN_BEGINNING) if size > 1 else 0.0)
            for run, log in _conditional(archive, f"lingua/language-models/{name}/{file}.json.br")
            if len(run) == size
        }
        if not found:
            break  # Chinese, Japanese and Korean: single characters only
        points = np.array(list(found)).astype(f"<U{size}").view(np.uint32).reshape(len(found), size)
        keys.append((run_hashes(points).astype(np.uint64) << np.uint64(3)) | np.uint64(size))
        logs.append(np.array(list(found.values()), np.float32))
        shorter = found
    return np.concatenate(keys), np.concatenate(logs), np.full(sum(map(len, keys)), place, np.uint8)


def _conditional(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[str, float]]:
    import brotli

    try:
        data = json.loads(brotli.decompress(archive.read(name)))["ngrams"]
    except KeyError:
        return
    for fraction, joined in data.items():
        part, whole = fraction.split("/")
        log = math.log(int(part) / int(whole))
        for run in joined.split(" "):
            yield run, log


if __name__ == "__main__":
    main(Path(sys.argv[1]))
