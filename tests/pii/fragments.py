"""Strategies: texts made of the pieces that recognisers, screens and look-arounds care about."""

from __future__ import annotations

from hypothesis import strategies as st

VALUES = (
    "user@example.com",
    "a.b+c@mail.example.co.uk",
    "x@y.z",
    "+1 650 253 0000",
    "(650) 253-0000",
    "650.253.0000 ext. 12",
    "030 1234567",
    "0049 30 1234567",
    "+44 20 7946 0018",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "378282246310005",
    "6011000990139424",
    "GB82 WEST 1234 5698 7654 32",
    "DE89370400440532013000",
    "219-09-9999",
    "536 90 4399",
    "536904399",
    "192.0.2.44",
    "10.0.0.1/8",
    "2001:db8::1",
    "::ffff:192.0.2.1",
    "fe80::1%eth0",
    "1:2:3:4:5:6:7:8",
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
)
GLUE = (
    *" \n\t.,;:-/()[]<>@+#xX_%'\"=&~*",
    "  ",
    " - ",
    " ext ",
    "\u00a0",
    "\u200b",
    "\u0301",
    "\u200d",
    "\u0600",
    "\u2013",
    "\uff0b",
    "\uff08",
    "\u4e2d\u6587",
    "\u0661\u0662\u0663",
    "\U0001f468\u200d\U0001f469",
    "\U00011f51",
    "\x00",
    "a",
    "ssn ",
    "phone ",
    "tel: ",
    "number ",
    "IBAN ",
    "card ",
    "1",
    "12",
    "2024",
    "1234567",
    "<PHONE_NUMBER>",
    "<EMAIL_ADDRESS>",
)

hostile_texts = st.lists(
    st.one_of(
        st.sampled_from(VALUES),
        st.sampled_from(GLUE),
        st.from_regex(r"[0-9 ()+./-]{1,24}", fullmatch=True),
        st.from_regex(r"[0-9A-Fa-f:.]{1,20}", fullmatch=True),
        st.text(max_size=6),
    ),
    max_size=12,
).map("".join)
"""Personal data in one piece, cut, repeated and run together, with what stands around it."""
