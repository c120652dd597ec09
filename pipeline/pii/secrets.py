r"""Secrets: keys, tokens and passwords that a text holds, as the services that issue them write them.

The forms are those that their issuers publish (the lists of secret scanners name the same): a prefix that nothing else has, then a
fixed or least number of letters and digits. Beside them stand private keys in PEM, JSON web tokens, and what a text itself calls a
key, a token or a password, if it looks drawn at random. Of an address only the part is taken that opens something: `user:password`
before the host, or the value of a parameter such as `access_token`.

Every repetition has an upper bound, and what one match has read no other reads again, so that the cost grows with the text.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from pipeline.pii.spans import Found

PREFIXED = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}"  # Amazon
    r"|gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{22,255}"  # GitHub
    r"|glpat-[0-9A-Za-z_\-]{20}"  # GitLab
    r"|xox[abeoprs]-[0-9A-Za-z\-]{10,250}|xapp-[0-9]-[0-9A-Z]{8,20}-[0-9]{8,20}-[0-9a-f]{32,128}"  # Slack
    r"|AIza[0-9A-Za-z_\-]{35}|ya29\.[0-9A-Za-z_\-]{20,250}|GOCSPX-[0-9A-Za-z_\-]{28}"  # Google
    r"|[rs]k_(?:live|test)_[0-9A-Za-z]{16,99}|whsec_[0-9A-Za-z]{32,64}"  # Stripe
    r"|sk-(?:[a-z]{2,8}-)?(?:[a-z0-9]{2,8}-)?[0-9A-Za-z_]{32,160}"  # OpenAI and others
    r"|SG\.[0-9A-Za-z_\-]{22}\.[0-9A-Za-z_\-]{43}"  # SendGrid
    r"|npm_[0-9A-Za-z]{36}|pypi-AgE[0-9A-Za-z_\-]{50,250}|hf_[A-Za-z]{34}"  # registries and hubs
    r"|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|dop_v1_[0-9a-f]{64}|EAACEdEose0cBA[0-9A-Za-z]{10,250}"  # Shopify, DigitalOcean, Facebook
    r"|eyJ[0-9A-Za-z_\-]{10,2000}\.eyJ[0-9A-Za-z_\-]{10,4000}\.[0-9A-Za-z_\-]{10,1000}"  # JSON web token, RFC 7519
)
"""What its prefix gives away. Valid in RE2 as well as in `re`."""

_BREAK = r"(?:[ \t\r\n]|\\[nr]){1,4}"
PEM_HEADER = r"-----BEGIN [A-Z0-9 ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
PEM = (
    PEM_HEADER + rf"(?:{_BREAK}(?:Proc-Type|DEK-Info|Version|Comment)[^\r\n]{{1,80}}){{0,4}}"
    rf"(?:{_BREAK}[0-9A-Za-z+/=]{{40,80}}){{1,400}}(?:{_BREAK}[0-9A-Za-z+/=]{{1,80}})?"
    rf"(?:{_BREAK}-----END [A-Z0-9 ]{{0,20}}PRIVATE KEY(?: BLOCK)?-----)?"
)
"""A private key with at least one line of it (RFC 7468); a header alone is a mention."""

SAID = (
    r"(?:api|app|access|secret|private|auth|encryption|signing|client)[_\-. ]?(?:key|token|secret)"
    r"|passw(?:or)?d|passwd|pwd|secret|token|bearer"
)
ASSIGNED = rf"(?i:{SAID})[\"'\]]{{0,2}}[ \t]{{0,3}}(?::=|=>|[:=]|[ \t])[ \t]{{0,3}}[\"']?"
VALUE = r"[0-9A-Za-z+/_\-.~!@#$%^*]{16,256}"

USER = r"[A-Za-z][A-Za-z0-9+.\-]{1,20}://"
PAIR = r"[^\s/@:\"'<>{}$]{1,128}:[^\s/@\"'<>{}$]{1,256}"
PARAMETER = (
    r"[?&](?i:access[_\-]?token|auth[_\-]?token|api[_\-]?key|client[_\-]?secret|refresh[_\-]?token|id[_\-]?token|token|password|passwd"
    r"|pwd|secret|sig|signature|session[_\-]?id|sid)="
)
ARGUMENT = r"[^\s&#\"'<>{}()$]{8,512}"

BEGINNINGS = (
    r"A(?:KIA|SIA|BIA|CCA)[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36}|github_pat_|glpat-|xox[abeoprs]-|xapp-[0-9]|AIza[0-9A-Za-z_\-]{35}"
    r"|ya29\.|GOCSPX-|[rs]k_(?:live|test)_|whsec_|sk-[0-9A-Za-z_\-]{32}|SG\.[0-9A-Za-z_\-]{22}|npm_[0-9A-Za-z]{36}|pypi-AgE"
    r"|hf_[A-Za-z]{34}|shp(?:at|ca|pa|ss)_|dop_v1_|EAACEdEose0cBA|eyJ[0-9A-Za-z_\-]{10}|PRIVATE KEY(?: BLOCK)?-----"
)
"""For a screen: what each alternative of `PREFIXED` begins with, and what `PEM` holds."""
OPENING = rf"://[^\s/@:\"'<>{{}}$]+:[^\s/@\"'<>{{}}$]+@|{PARAMETER}[^\s&#\"'<>{{}}$]{{8}}"
"""For a screen: the end of a credential before a host, without upper bounds, and the beginning of one in a parameter."""
ASSIGNMENT = rf"{ASSIGNED}{VALUE.partition('{')[0]}{{16}}"
"""For a screen: the beginning of a value that a text calls a secret."""

_SECRET = re.compile(rf"(?<![0-9A-Za-z])(?:(?P<prefixed>{PREFIXED})(?![0-9A-Za-z])|(?P<pem>{PEM}))")
_ASSIGNED = re.compile(rf"(?<![0-9A-Za-z])[0-9A-Za-z_]{{0,30}}?{ASSIGNED}(?P<value>{VALUE})")
_CREDENTIALS = re.compile(rf"{USER}(?P<pair>{PAIR})@|{PARAMETER}(?P<argument>{ARGUMENT})")
_EXAMPLES = frozenset(
    {"password", "passwd", "pass", "pwd", "secret", "pw", "mypassword", "yourpassword", "xxx", "xxxx", "***", "****"}
)
_ASSIGNED_SCORE = 0.75
_LEAST_BITS = 3.2
"""Entropy a character, in bits, from which a value looks drawn; of sixteen drawn hexadecimal digits nearly all have more."""


def secrets(text: str) -> Iterator[Found]:
    """Yield the secrets of a text.

    >>> [found.end - found.start for found in secrets("id AKIAIOSFODNN7EXAMPLE, password = 'Xq3v9-Lm2p8Zt7Rk5w'")]
    [20, 18]
    """
    for match in _SECRET.finditer(text):
        yield Found(match.start(), match.end(), 1.0)
    for match in _ASSIGNED.finditer(text):
        start, end = match.span("value")
        end -= len(match["value"]) - len(match["value"].rstrip(".!"))
        if is_drawn(text[start:end]):
            yield Found(start, end, _ASSIGNED_SCORE)


def credentials(text: str) -> Iterator[Found]:
    """Yield the parts of a text's addresses that open something.

    >>> text = "ftp://ann:Gx8u2@example.org/a?token=8f3a99c1&x=1 http://user:password@example.org"
    >>> [text[found.start:found.end] for found in credentials(text)]
    ['ann:Gx8u2', '8f3a99c1']
    """
    for match in _CREDENTIALS.finditer(text):
        kind = "pair" if match["pair"] else "argument"
        start, end = match.span(kind)
        password = match["pair"].partition(":")[2] if kind == "pair" else match["argument"]
        if password.lower() in _EXAMPLES or (kind == "argument" and not _has_digit(password)):
            continue
        yield Found(start, end, 1.0)


def is_drawn(value: str) -> bool:
    """Say whether a value looks drawn at random: letters and digits, sixteen characters or more, and no word for a value.

    >>> is_drawn("Xq3v9Lm2p8Zt7Rk5w"), is_drawn("current_user.password"), is_drawn("aaaaaaaaaaaaaaa1")
    (True, False, False)
    """
    if len(value) < 16 or not _has_digit(value) or not any(character.isalpha() for character in value):
        return False
    counts = Counter(value).values()
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
    # Words joined by dots, slashes or underscores are a name, not a value.
    pieces = re.split(r"[./_\-]", value)
    worded = sum(len(piece) for piece in pieces if piece.isalpha()) >= len(value) / 2
    return bits >= _LEAST_BITS and not worded


def _has_digit(value: str) -> bool:
    return any("0" <= character <= "9" for character in value)
