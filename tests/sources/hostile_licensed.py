"""Hostile licensed content: JATS articles, tables and texts, each with the one outcome that is right."""

from __future__ import annotations

import gzip

from tests.sources.hostile import ESCAPES, MIB, Case

PARAGRAPH = b"<article><body><p>Hello, reader of this article.</p>%s</body></article>"
GOOD = PARAGRAPH % b""
HEAD, ROW = b"id,text\n", b"1,A good row.\n"


def declared(subset: bytes, inside: bytes = b"<p>&e;</p>") -> bytes:
    """Return an article with a document type of its own."""
    return b'<?xml version="1.0"?><!DOCTYPE article [' + subset + b"]>" + PARAGRAPH % inside


def laughs(levels: int) -> bytes:
    """Return declarations of which each stands for ten of the one before: ten to the power of `levels` in the end."""
    rows = [b'<!ENTITY e0 "ha">', *(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, levels))]
    return b"".join(rows) + b'<!ENTITY e "&e%d;">' % (levels - 1)


def articles() -> list[Case]:
    """Return the cases of XML: expansion of entities, what lies outside, depth, breadth, encodings."""
    one, broken = {"kept": 1}, {"unreadable_record": 1}
    outside = b'<!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.2//EN" "%s">'
    return [
        Case("empty.xml", b"", broken),
        Case("billion_laughs.xml", declared(laughs(10)), broken),
        Case("billion_laughs.xml.gz", gzip.compress(declared(laughs(10)), mtime=0), broken),
        Case("laughs_in_attribute.xml", declared(laughs(10) + b'<!ATTLIST p a CDATA "&e;">'), broken),
        Case("laughs_by_parameter.xml", declared(b"<!ENTITY % a 'x'><!ENTITY % b '%a;%a;%a;'>%b;"), broken),
        Case("quadratic_entity.xml", declared(b'<!ENTITY e "' + b"x" * 100_000 + b'">', b"<p>" + b"&e;" * 100_000 + b"</p>"), broken),
        Case("circle.xml", declared(b'<!ENTITY e "&f;"><!ENTITY f "&e;">'), broken),
        Case("external_file.xml", declared(b'<!ENTITY e SYSTEM "file:///etc/passwd">'), broken),
        Case("external_address.xml", declared(b'<!ENTITY e SYSTEM "http://127.0.0.1:9/e">'), broken),
        Case("external_parameter.xml", declared(b'<!ENTITY % e SYSTEM "http://127.0.0.1:9/e"> %e;', b""), broken),
        Case("unparsed_entity.xml", declared(b'<!NOTATION n SYSTEM "n"><!ENTITY e SYSTEM "file:///etc/passwd" NDATA n>', b""), broken),
        Case("external_dtd.xml", outside % b"http://127.0.0.1:9/jats.dtd" + GOOD, one),
        Case("dtd_of_this_machine.xml", outside % b"file:///etc/passwd" + GOOD, one),
        Case("undeclared_entity.xml", outside % b"jats.dtd" + PARAGRAPH % b"<p>&nbsp;&laugh;</p>", one),
        Case("inclusion.xml", PARAGRAPH % b'<p xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd" parse="text"/></p>', one),
        Case("default_attributes.xml", declared(b'<!ATTLIST b a CDATA "' + b"x" * 500_000 + b'">', b"<p>" + b"<b/>" * 50_000 + b"</p>"), one),
        Case("deep.xml", b"<article>" + b"<sec>" * 100_000, broken),
        Case("deep_and_closed.xml", PARAGRAPH % (b"<sec>" * 10_000 + b"</sec>" * 10_000), broken),
        Case("wide.xml", PARAGRAPH % (b"<b/>" * 200_000), one),
        Case("many_attributes.xml", PARAGRAPH % (b"<p " + b" ".join(b'a%d=""' % n for n in range(50_000)) + b">x</p>"), one),
        Case("same_attribute.xml", PARAGRAPH % b'<p a="" a="">x</p>', broken),
        Case("long_name.xml", PARAGRAPH % (b"<" + b"n" * 500_000 + b"/>"), one),
        Case("comments.xml", PARAGRAPH % (b"<!-- x -->" * 50_000), one),
        Case("instructions.xml", PARAGRAPH % (b"<?a b?>" * 50_000), one),
        Case("open_cdata.xml", PARAGRAPH % (b"<p><![CDATA[" + b"]]" * 100_000), broken),
        Case("surrogate.xml", PARAGRAPH % b"<p>&#xD800;</p>", broken),
        Case("nul.xml", PARAGRAPH % b"<p>\x00</p>", broken),
        Case("unknown_encoding.xml", b'<?xml version="1.0" encoding="x-none"?>' + GOOD, broken),
        Case("utf_7.xml", b'<?xml version="1.0" encoding="utf-7"?>' + GOOD, broken),
        Case("utf_16.xml", '<?xml version="1.0" encoding="utf-16"?>'.encode("utf-16") + GOOD.decode().encode("utf-16-le"), one),
        Case("two_roots.xml", GOOD + GOOD, broken),
        Case("no_article.xml", b"<html><body>x</body></html>", broken),
        Case("nested_articles.xml", b"<set>" + b"<article>" * 200 + b"<b/>" * 40_000 + b"</article>" * 200 + b"</set>", {"no_text": 1}),
        Case("nested_paragraphs.xml", PARAGRAPH % (b"<p>" * 200 + b"<b/>" * 40_000 + b"</p>" * 200), one),
        Case("bomb.xml.gz", gzip.compress(PARAGRAPH % (b" " * 8 * MIB), mtime=0), {"record_too_large": 1}),
        Case("cut.xml", GOOD[:-20], broken),
    ]  # fmt: skip


def tables() -> list[Case]:
    """Return the cases of CSV."""
    return [
        Case("empty.csv", b"", {}),
        Case("only_header.csv", HEAD, {}),
        Case("quotes_that_never_close.csv", HEAD + ROW + b'b",",""\n' * 8_000, {"kept": 1, "unreadable_record": 25}),
        Case("open_quote.csv", HEAD + b'1,"open\n' + ROW * 3, {"unreadable_record": 1, "kept": 3}),
        Case("nul.csv", HEAD + b"1,a\x00b\n" + ROW, {"kept": 2}),
        Case("long_field.csv", HEAD + b"1," + b"x" * 2 * MIB + b"\n" + ROW, {"record_too_large": 1, "kept": 1}),
        Case("long_quoted_field.csv", HEAD + b'1,"' + (b"x" * 999 + b"\n") * 2_000 + b'"\n' + ROW, {"unreadable_record": 2_001, "kept": 1}),
        Case("many_columns.csv", b",".join([b"text"] * 100_000) + b"\n" + ROW, {"unreadable_record": 1}),
        Case("latin_1.csv", HEAD + "1,Größe\n".encode("latin-1") + ROW, {"undecodable_text": 1, "kept": 1}),
        Case("formulas.csv", HEAD + b"=cmd|' /C calc'!A0,@SUM(1)\n", {"kept": 1}),
        Case("escapes.csv", HEAD + f"{ESCAPES},{ESCAPES} seen\n".encode(), {"kept": 1}),
        Case("bomb.csv.gz", gzip.compress(HEAD + ROW + b"0" * 64 * MIB, mtime=0), {"kept": 1, "expansion_limit": 1}),
    ]  # fmt: skip


def texts() -> list[Case]:
    """Return the cases of plain text and Markdown: front matter is read by parsers that do much."""
    one = {"kept": 1}
    front = lambda block: b"---\n" + block + b"\n---\nText\n"  # noqa: E731
    merges = b"\n".join(
        [b"a0: &a0 {x: 1}", *(b"a%d: &a%d\n  <<: [*a%d, *a%d]" % (n, n, n - 1, n - 1) for n in range(1, 30))]
    )
    laughing = b"\n".join(
        [
            b"a0: &a0 [ha]",
            *(b"a%d: &a%d [%s]" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12)),
            b"title: *a11",
        ]
    )
    return [
        Case("empty.md", b"", {"no_text": 1}),
        Case("merges.md", front(merges), one),
        Case("laughs.md", front(laughing), one),
        Case("circle.md", front(b"a: &a [*a]\ntitle: *a"), one),
        Case("objects.md", front(b"title: !!python/object/apply:os.system [echo]"), one),
        Case("flow.md", front(b"a: " + b"[" * 60_000), one),
        Case("fences.md", b"---\n" * 20_000 + b"Text\n", one),
        Case("odd_fields.md", front(b"title: 5\nlicense: {a: b}\ndate: 0001-01-01 00:00:00 +23:59\nurl: [x]\nid: .nan\n? [a, b]\n: c"), one),
        Case("far_dates.md", front(b"date: 9999-12-31 23:59:59 -23:59\npublished: 2024-02-31"), one),
        Case("key_of_many_parts.md", b"+++\n" + b".".join([b"a"] * 30_000) + b" = 1\n+++\nText\n", one),
        Case("tables.md", b"+++\n" + b"[a]\n" * 10_000 + b"+++\nText\n", one),
        Case("nul.txt", b"Text\x00more\n", one),
        Case("binary.txt", bytes(range(256)) * 100, {"undecodable_text": 1}),
        Case("odd_utf_16.txt", b"\xff\xfea\x00b", {"undecodable_text": 1}),
        Case("bomb.txt.gz", gzip.compress(b"0" * 64 * MIB, mtime=0), {"record_too_large": 1}),
    ]  # fmt: skip


def licensed() -> list[Case]:
    """Return all cases of licensed content."""
    return [*articles(), *tables(), *texts()]
