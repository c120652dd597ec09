from __future__ import annotations

from pipeline.review.summary import MAX_ROWS, markdown


def test_the_summary_names_batch_expectations_figures_report_and_digest():
    text = markdown(
        "night-1",
        "abcdef" * 10,
        [{"stage": "dedup", "expectation": "removal", "says": "at most 0.9", "observed": {"web_crawl": 0.93}}],
        figures=[("documents", "812")],
        report="lake/gate.json",
    )
    assert "1 expectation flagged" in text
    assert "| dedup | removal | at most 0.9 | " in text
    assert "0.93" in text
    assert "- documents: 812" in text
    assert "`lake/gate.json`" in text
    assert "abcdefabcdefabcd`" in text


def test_names_from_outside_cannot_break_the_table_or_add_markup():
    text = markdown(
        "b|<script>\n[x](http://e)", "d", [{"stage": "a|b\nc", "expectation": "`*", "says": "", "observed": 1}]
    )
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "](" not in text.replace("\\]\\(", "")
    row = next(line for line in text.splitlines() if line.startswith("| a"))
    assert row.replace("\\|", "").count("|") == 5


def test_many_expectations_are_cut_and_counted():
    entry = {"stage": "s", "expectation": "e", "says": "x", "observed": None}
    text = markdown("b", "d", [entry] * (MAX_ROWS + 7))
    assert "… and 7 more" in text
    assert text.count("| s | e |") == MAX_ROWS
