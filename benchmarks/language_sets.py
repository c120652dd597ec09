"""Labelled texts for language detection from the shared folder: what the weights are tuned on and what they are measured on.

``python -m benchmarks.language_sets > labelled.jsonl`` writes all of them; `pipeline.language.split.half` says which half each is in.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.language.codes import known_languages
from pipeline.language.split import half

SETS = ("sentences", "word-pairs", "single-words", "udhr", "social", "social-shaped", "unknown")
"""`social` is real: English comments, posts and messages, and the few posts of others that state their language. `social-shaped` is made:
short beginnings of the sentences in lower case with a handle, a tag, a link or an emoji. `unknown` is paragraphs in languages that no
model knows."""

_UDHR = """
afr=af aka_akuapem=ak aka_asante=ak aka_fante=ak als=sq amh=am arb=ar ast=ast azj_cyrl=az azj_latn=az bcl=bcl bel=be
ben=bn bho=bho bod=bo bos_cyrl=bs bos_latn=bs bre=br bug=bug bul=bg cat=ca ceb=ceb ces=cs ckb=ckb cmn_hans=zh
cmn_hant=zh cos=co crs=crs cym=cy dan=da deu=de deu_1901=de div=dv ell_monotonic=el ell_polytonic=el eml=egl eng=en
epo=eo est=et eus=eu ewe=ee fao=fo fij=fj fin=fi fra=fr fri=fy fur=fur gla=gd gle=ga glg=gl gug=gn guj=gu
hat_kreyol=ht hat_popular=ht hau_NE=ha hau_NG=ha haw=haw heb=he hil=hil hin=hi hrv=hr hsb=hsb hun=hu hye=hy ibo=ig
ido=io ike=iu ilo=ilo ina=ia ind=id isl=is ita=it jav=jv jpn=ja kal=kl kan=kn kat=ka kaz=kk kha=kha khk=mn khm=km
kin=rw kir=ky kor=ko kri=kri lao=lo lat=la lat_1=la lav=lv lin=ln lin_tones=ln lit=lt ltz=lb lua=lua lug=lg lus=lus
mai=mai mal=ml mar=mr min=min mkd=mk mlt=mt mri=mi mya=my nav=nv nbl=nr nds=nds nep=ne nld=nl nno=nn nob=no nso=nso
nya_chechewa=ny nya_chinyanja=ny orm=om oss=os pam=pam pan=pa pbu=ps pes_1=fa pes_2=fa plt=mg pnb=pnb pol=pl por_BR=pt
por_PT=pt quz=qu roh=rm ron=ro ron_1953=ro ron_1993=ro run=rn rus=ru sag=sg sah=sah san=sa sco=sco slk=sk slv=sl
smo=sm sna=sn som=so sot=st spa=es src=sc srp_cyrl=sr srp_latn=sr ssw=ss sun=su swe=sv swh=sw tam=ta tat=tt tgk=tg
tgl=tl tha=th tir=ti ton=to tsn=tn tso_MZ=ts tuk_cyrl=tk tuk_latn=tk tur=tr tyv=tyv uig_arab=ug uig_latn=ug ukr=uk
urd=ur uzn_cyrl=uz uzn_latn=uz vec=vec ven=ve vep=vep vie=vi war=war wln=wa wol=wo xho=xh ydd=yi yor=yo zul=zu
"""
UDHR: dict[str, str] = dict(pair.split("=") for pair in _UDHR.split())
"""Translations of the Universal Declaration of Human Rights, by their file's name, those of languages that a model knows are read."""

Row = dict[str, str]


def rows(shared: Path | None = None) -> list[Row]:
    """Return all labelled texts: `text`, `language` in BCP 47, `set`, and `source_kind` of the real posts.

    The made ones are in 75 languages of equal weight, as no source is: nothing is expected of them.
    """
    data = (shared or folder()) / "data"
    found = [*_lingua(data), *_udhr(data), *_social(data)]
    shaped = [(row, _shaped(row)) for row in found if row["set"] == "sentences" and _digest(row["text"]) % 3 == 0]
    # A post is in the same half as the sentence that it was made of.
    return found + [post for row, post in shaped if half(post["text"]) == half(row["text"])]


def folder() -> Path:
    """Return the folder of the shared data."""
    return Path(os.environ.get("SLUICE_SHARED") or Path(__file__).resolve().parents[2] / "shared")


def _lines(file: Path) -> Iterator[Row]:
    with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _row(text: str, language: str, name: str) -> Row:
    kind = {"source_kind": "social"} if name == "social" else {}
    return {"text": text, "language": language, "set": name, **kind}


def _lingua(data: Path) -> Iterator[Row]:
    for row in _lines(data / "language/lingua_testdata/data.jsonl.gz"):
        yield _row(row["text"], "no" if row["lang"] == "nb" else row["lang"], row["kind"])


def _udhr(data: Path) -> Iterator[Row]:
    known = known_languages()
    for row in _lines(data / "language/udhr2/data.jsonl.gz"):
        paragraphs = [line.strip() for line in row["text"].split("\n") if len(line.strip()) >= 30]
        if UDHR.get(row["lang"]) in known:
            yield from (_row(text, UDHR[row["lang"]], "udhr") for text in paragraphs)
        elif row["lang"] not in UDHR and not row["lang"].isdigit():
            yield from (_row(text, "und", "unknown") for text in paragraphs[::8])


def _social(data: Path) -> Iterator[Row]:
    for file, every in (("social/goemotions_reddit", 8), ("quality/sms_spam", 8), ("pii/wnut17", 8)):
        for row in _lines(data / file / "data.jsonl.gz"):
            if _digest(row["text"]) % every == 0:
                yield _row(row["text"], "en", "social")
    for line in _lines(data / "social/bluesky_jetstream/golden_v1.jsonl"):
        yield from _posts(line)
    for line in _lines(data / "social/bluesky_jetstream/expected_v1.jsonl"):
        yield from _posts(line)


def _posts(value: object) -> Iterator[Row]:
    """Yield the posts anywhere in an event that state exactly one language."""
    if isinstance(value, dict):
        spoken, text = value.get("langs"), value.get("text")
        stated = isinstance(text, str) and text.strip() and isinstance(spoken, list) and len(spoken) == 1
        # Of these posts, those that state German or Turkish are written in English.
        if stated and spoken[0] not in ("de", "tr"):
            yield _row(text, spoken[0].split("-")[0], "social")
        for part in value.values():
            yield from _posts(part)


def _shaped(row: Row) -> Row:
    number = _digest(row["text"])
    words, text = row["text"].lower().split(), ""
    for word in words:
        if text and len(text) + len(word) > 40 + number % 40:
            break
        text += f" {word}" if text else word
    extra = (
        "@" + "".join(chr(97 + (number >> shift) % 26) for shift in range(0, 30, 5)),
        "https://t.co/aB3dE9",
        "\U0001f602\U0001f602",
        "#fyp",
    )
    shaped = f"{extra[number % 4]} {text}" if number % 2 else f"{text} {extra[number % 4]}"
    return _row(shaped, row["language"], "social-shaped")


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[1:9])


if __name__ == "__main__":
    for labelled in rows():
        sys.stdout.write(json.dumps(labelled, ensure_ascii=False) + "\n")
