"""What counts as personal data: a table of texts, thresholds, context, policy, and no network."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from typing import NoReturn

import pytest

from pipeline.errors import ConfigError
from pipeline.pii import patterns
from pipeline.pii.recognizers import Recognizers, check, recognizers
from pipeline.settings import Pii

PII = Pii()

CASES = [
    # mail
    ("EMAIL_ADDRESS", "write to a.b+c@mail.example.co.uk.", ["a.b+c@mail.example.co.uk"]),
    ("EMAIL_ADDRESS", "a@b.com,c@d.org", ["a@b.com", "c@d.org"]),
    ("EMAIL_ADDRESS", "用户@例子.公司.cn", ["用户@例子.公司.cn"]),
    ("EMAIL_ADDRESS", "logo@2x.png user@localhost git@github", []),
    (
        "EMAIL_ADDRESS",
        "https://e.org/off?to=a@b.com&x=1 //c.org/a/b@d.org mail=o'b@e.org",
        ["a@b.com", "b@d.org", "o'b@e.org"],
    ),
    ("EMAIL_ADDRESS", "a@b.comc@d.org", ["b.comc@d.org"]),
    ("EMAIL_ADDRESS", "bounce+user=d.org@e.com /s=doe/@f.com", ["bounce+user=d.org@e.com", "s=doe/@f.com"]),
    # phone
    ("PHONE_NUMBER", "Call +1 650 253 0000 now", ["+1 650 253 0000"]),
    ("PHONE_NUMBER", "(650) 253-0000", ["(650) 253-0000"]),
    ("PHONE_NUMBER", "see (650 253 0000", ["650 253 0000"]),
    ("PHONE_NUMBER", "650.253.0000 ext. 12", ["650.253.0000 ext. 12"]),
    ("PHONE_NUMBER", "6502530000 ext. 12", ["6502530000 ext. 12"]),
    ("PHONE_NUMBER", "2 ext 55 08 14 168 025 38", ["08 14 168 025 38"]),
    ("PHONE_NUMBER", "(6502530000), 6502530000#7, C + 4930123456", []),
    ("PHONE_NUMBER", "(030) 1234567", ["(030) 1234567"]),
    ("PHONE_NUMBER", "call 668 5702 today", ["668 5702"]),
    ("PHONE_NUMBER", "reach us at 668 5702, they answer on 78 651 450", ["668 5702", "78 651 450"]),
    ("PHONE_NUMBER", "voicemail 12 345 678, Rufnummer 99 668472", ["12 345 678", "99 668472"]),
    ("PHONE_NUMBER", "To claim, call09050000327", ["09050000327"]),
    ("PHONE_NUMBER", "recall09050000327 x_call09050000327 /call09050000327 recall-09050000327", []),
    ("PHONE_NUMBER", "answer 42 000 000, the function is called. 1016913 calls, 10 1016913", []),
    ("PHONE_NUMBER", "my driver's license number is 227-066-1551, account no. 650-253-0000", []),
    ("PHONE_NUMBER", "license number and phone: 650-253-0000", ["650-253-0000"]),
    ("PHONE_NUMBER", "+46 (0)179 459 33", ["+46 (0)179 459 33"]),
    ("PHONE_NUMBER", "phone=6502530000", ["6502530000"]),
    (
        "PHONE_NUMBER",
        "tel \u0666\u0665\u0660\u0662\u0665\u0663\u0660\u0660\u0660\u0660",
        ["\u0666\u0665\u0660\u0662\u0665\u0663\u0660\u0660\u0660\u0660"],
    ),
    ("PHONE_NUMBER", "2014/03/12, 2017-09-16 10, 12.03.2014, 1995-2004, 0.530688, 1640", []),
    ("PHONE_NUMBER", "Wed, 18 Jun 2022 10:16:46 2022 -0700", []),
    ("PHONE_NUMBER", "/dp/0321712463/ref tickets-13365270885 qid=1431552817&x Guidance_04072010.pdf", []),
    ("PHONE_NUMBER", "1" * 500, []),
    # cards
    ("CREDIT_CARD", "4111 1111 1111 1111", ["4111 1111 1111 1111"]),
    ("CREDIT_CARD", "order 1234 4111-1111-1111-1111 5", ["4111-1111-1111-1111"]),
    ("CREDIT_CARD", "2223003122003222 and 3782 822463 10005", ["2223003122003222", "3782 822463 10005"]),
    ("CREDIT_CARD", "4111 1111 1111 1112", []),
    ("CREDIT_CARD", "\U00011f54" + "\U00011f51" * 15, []),  # Kawi digits, which the interpreter may not know
    # accounts
    ("IBAN_CODE", "IBAN GB82 WEST 1234 5698 7654 32.", ["GB82 WEST 1234 5698 7654 32"]),
    ("IBAN_CODE", "REF AB12 DE89 3704 0044 0532 0130 00 ok", ["DE89 3704 0044 0532 0130 00"]),
    ("IBAN_CODE", "DE89370400440532013001", []),
    # social security
    ("US_SSN", "219-09-9998", ["219-09-9998"]),
    ("US_SSN", "social security 219099998", ["219099998"]),
    ("US_SSN", "order 219099998, ZIP 20500-0003, 666-12-1234, 078-05-1120", []),
    # addresses
    ("IP_ADDRESS", "from 192.0.2.44, 127.0.0.1 and [2001:db8::1]", ["192.0.2.44", "127.0.0.1", "2001:db8::1"]),
    ("IP_ADDRESS", "fe80::1", ["fe80::1"]),
    ("IP_ADDRESS", "1.2.3.4.5 256.1.1.1 10:30:45 std::vector this would be:: Fedora 29:: ip ::", []),
    ("IP_ADDRESS", "base 4.9.0.0, chapter 1.7.5.2, mask 255.255.255.0, kernel 2.6.18.6", []),
    ("IP_ADDRESS", "nameserver address 8.8.8.8", ["8.8.8.8"]),
    # phone numbers that are none, and one that only the word behind it tells
    ("PHONE_NUMBER", "limit 2147483647, time 1414906200, 0.666 -0.701 1.214 0.348, Boston 02111-1307", []),
    ("PHONE_NUMBER", "/text/swriter/01/02140000.xhp python-3000/2007 ISBN 90-367-0385-9 2.147.483.648", []),
    ("PHONE_NUMBER", "Hungary 34796\n(37) 788-063-Office, 3660170548-Fax", ["(37) 788-063", "3660170548"]),
    ("CREDIT_CARD", "cc 503802053770", ["503802053770"]),
    ("CREDIT_CARD", "0.4111111111111111 4111111111111111.5 /p/4111111111111111", []),
    # addresses that open something
    ("URL_CREDENTIALS", "ftp://ann:Gx8u2@files/ http://user:password@host http://a.org:80/@b", ["ann:Gx8u2"]),
    ("URL_CREDENTIALS", "x.org/?token=8f3a99c1&b=1 ?password=changeme ?page=12345678", ["8f3a99c1"]),
    # keys and tokens
    ("SECRET", "AKIAIOSFODNN7EXAMPLE, XAKIAIOSFODNN7EXAMPLE", ["AKIAIOSFODNN7EXAMPLE"]),
    ("SECRET", 'api_key = "Xq3v9Lm2p8Zt7Rk5w" and password: current_user.password1', ["Xq3v9Lm2p8Zt7Rk5w"]),
    ("SECRET", "-----BEGIN RSA PRIVATE KEY----- is how it begins; token=aaaaaaaaaaaaaaa1", []),
    # national numbers
    ("NATIONAL_ID", "AB 12 34 56 C, ab123456c, GB123456C", ["AB 12 34 56 C"]),
    ("NATIONAL_ID", "529.982.247-25, 529.982.247-26", ["529.982.247-25"]),
    ("NATIONAL_ID", "2 55 08 14 168 025 38", ["2 55 08 14 168 025 38"]),
    ("NATIONAL_ID", "943 476 5919 or NHS 943 476 5919", ["943 476 5919"]),
    ("NATIONAL_ID", "AAAPL1234C, 912-70-1234, 912 701 234", ["AAAPL1234C", "912-70-1234"]),
    # wallets
    (
        "CRYPTO",
        "0x52908400098527886E0F7030069857D2E4169EE7 0x52908400098527886E0F7030069857D2E4169EE71",
        ["0x52908400098527886E0F7030069857D2E4169EE7"],
    ),
    ("CRYPTO", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", ["1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"]),
    ("CRYPTO", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"]),
    ("CRYPTO", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", []),
]


@pytest.mark.parametrize(("entity", "text", "values"), CASES)
def test_what_is_found(entity: str, text: str, values: list[str]) -> None:
    hits = recognizers(PII).find(text, entity)
    assert sorted({text[hit.start : hit.end] for hit in hits}) == sorted(values)


def test_a_local_part_longer_than_any_address_is_cut() -> None:
    text = "x" * 1_000 + "@example.com"
    (hit,) = recognizers(PII).find(text, "EMAIL_ADDRESS")
    assert hit.end == len(text)
    assert 254 < hit.end - hit.start < 300


def test_context_lifts_a_score_and_min_score_decides() -> None:
    strict = recognizers(Pii(min_score=0.7))
    assert strict.find("we have 650-253-0000 there", "PHONE_NUMBER") == []
    (hit,) = strict.find("my phone is 650-253-0000", "PHONE_NUMBER")
    assert hit.score == pytest.approx(0.75)


def test_an_entity_may_have_a_threshold_and_words_of_its_own() -> None:
    strict = recognizers(Pii(thresholds={"PHONE_NUMBER": 0.7}, context={"PHONE_NUMBER": ("ring",)}))
    assert strict.find("we have 650-253-0000 there", "PHONE_NUMBER") == []
    assert strict.find("please ring 650-253-0000", "PHONE_NUMBER")
    assert strict.find("219-09-9998", "US_SSN")


def test_a_country_that_is_not_named_is_not_looked_for() -> None:
    assert recognizers(Pii(id_countries=("US",))).find("AB 12 34 56 C", "NATIONAL_ID") == []


def test_a_phone_region_that_is_not_named_is_not_looked_for() -> None:
    assert recognizers(Pii(phone_regions=("US",))).find("(030) 1234567", "PHONE_NUMBER") == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (Pii(entities=("EMAIL",)), "'pii.entities': 'EMAIL' is not known, did you mean 'EMAIL_ADDRESS'?"),
        (Pii(phone_regions=("usa",)), "'pii.phone_regions': 'usa' is not known, did you mean 'US'?"),
        (Pii(id_countries=("UK",)), "'pii.id_countries': 'UK' is not known"),
        (Pii(thresholds={"EMAIL": 0.5}), "'pii.thresholds': 'EMAIL' is not known, did you mean 'EMAIL_ADDRESS'?"),
        (Pii(phone_regions=()), "'pii.phone_regions' is empty"),
    ],
)
def test_a_mistake_is_named(settings: Pii, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(settings)
    assert sentence in str(caught.value)


def test_no_network_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the network was tried")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    patterns.suffix_list.cache_clear()
    fresh = Recognizers(PII)
    assert fresh.find("a@example.co.uk", "EMAIL_ADDRESS")
    assert fresh.find("a@example.notatld", "EMAIL_ADDRESS") == []


def test_no_value_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    known = Recognizers(PII)
    with caplog.at_level(logging.DEBUG):
        for entity, text, _ in CASES:
            known.find(text, entity)
        logging.getLogger("presidio-analyzer").error("%s", "value")
    assert caplog.text == ""


def test_importing_the_stage_does_not_import_presidio() -> None:
    code = "import sys, pipeline.stages.pii, pipeline.stages.language; sys.exit('presidio_analyzer' in sys.modules or 'spacy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
