"""The rules that find secrets in one line; loaded when a line first holds a hint of one.

Names are searched in the lower-cased line, because a search that ignores case is ten times slower;
positions are the same in both.
"""

import re
from collections.abc import Callable

from homerun.core.secret import KINDS_OF_KEY, is_open, is_secret_name, mark

_VALUE = (
    rb"(?:[bfru]?(?P<quote>\\?[\"'])(?P<quoted>(?:(?!(?P=quote))(?:\\.|[^\\\r\n]))*)(?P=quote)"
    rb"|[\"']?(?P<bare>[^\s\"'&]*[^\s\"'&,;:)\]}]))"
)
_KEY = b"|".join(kind.encode() + rb"[ _.-]?key" for kind in KINDS_OF_KEY)
_NAMED = re.compile(  # api_key=x, "token": "x", password: x, Authorization: Bearer x
    rb"(?:token|secret|passw|passphrase|credential|creds?(?![a-z])|auth|jwt|bearer|"
    + _KEY
    + rb")(?P<rest>[\w-]{0,64})(?P<close>\\{0,3}[\"']?\]?)"
    rb"(?P<join>(?:[ \t]+is)?[ \t]*"
    rb"(?::[ \t]*(?:str|bytes|optional\[str\]|str[ ]*\|[ ]*none)[ \t]*(?==))?"
    rb"(?:=>|:=|=(?!=)|:(?!//|:))[ \t]*(?:(?:bearer|basic|digest|token)[ \t]+)?)" + _VALUE
)
_OPTION = re.compile(  # --hub_token x, '--hub_token', 'x'
    rb"(?<![\w-])--?(?P<name>[a-z][\w.-]*)(?:[ \t]+|[\"'],[ \t]*(?=[\"']))(?![\"']?-)" + _VALUE
)
_SHAPES = re.compile(
    rb"(?<![A-Za-z0-9])(?P<secret>"
    rb"sk-(?=[\w-]{0,48}\d)[\w-]{20,}|hf_[A-Za-z0-9]{20,}|gh[oprsu]_[A-Za-z0-9]{20,}|"
    rb"github_pat_\w{20,}|glpat-[\w-]{16,}|AKIA[0-9A-Z]{16}(?![0-9A-Z])|AIza[\w-]{30,}|"
    rb"xox[abeoprs]-[\w-]{10,}|eyJ[\w-]{8,}(?:\.[\w-]*){2,4})"
)
_BEARER = re.compile(rb"\bbearer[ \t]+(?=\S*\d)(?P<secret>[\w.~+/=-]{16,})")
_USERINFO = re.compile(rb"://(?P<secret>[^\s/:@\"'<>]*:[^\s/\"'<>]+|[^\s/:@\"'<>]{16,})@")
# W&B's keys are 40 hex digits, as git's commits are: only the words before tell them apart.
_HEX_KEY = re.compile(
    rb"(?:key|token|secret|passw|credential|wandb[ .]login)(?P<gap>[^\r\n]{0,40}?)"
    rb"(?<![0-9a-f])(?P<secret>[0-9a-f]{40})(?![0-9a-f])"
)
_COMMIT = re.compile(rb"commit|sha|rev|hash|head|checkout|ref")
_PEM_BEGIN = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(rb"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_WHOLE_PEM = re.compile(_PEM_BEGIN.pattern + rb".*?" + _PEM_END.pattern)
_PEM_BODY = re.compile(  # alone on its line, as in a file, a diff, a quoted block or source code
    rb"[\s\"'+>|#-]*(?:[A-Za-z0-9+/=]*|(?:Proc-Type|DEK-Info|Version|Comment|Hash):.*?)"
    rb"(?:\\[nr])*[\s\"',+\\)]*"
)

_REFERENCE = re.compile(  # self.token, os.environ["KEY"], get_token(), {token!r}, (optional
    rb"(?:[A-Za-z_]{1,30}\.)+[A-Za-z_]{1,30}|[A-Za-z_][\w.]{1,40}[(\[].*|"
    rb"\{[A-Za-z_][\w.(\[!:]*|\([A-Za-z]*|[\[\](){}]+"
)
_NAME_BEFORE = re.compile(rb"[\w-]*\Z")

Span = tuple[int, int]


def mark_whole_pem(line: bytes) -> bytes:
    """Mark the private keys that begin and end in this line."""
    return _WHOLE_PEM.sub(lambda match: mark(match[0]), line)


def opens_pem(line: bytes) -> bool:
    """Tell whether a private key begins in this line, which holds no whole one."""
    return _PEM_BEGIN.search(line) is not None


def is_pem_body(line: bytes) -> bool:
    """Tell whether the line can stand inside of a private key."""
    return _PEM_BODY.fullmatch(line) is not None


def end_of_pem(line: bytes) -> int:
    """Return where the private key that began earlier ends in this line; 0 when it does not."""
    end = _PEM_END.search(line)
    return end.end() if end else 0


def mark_open_pem(block: bytes) -> bytes:
    """Mark a private key of many lines, keeping what precedes it on its first line."""
    begin = _PEM_BEGIN.search(block)
    start = begin.start() if begin else 0
    return block[:start] + mark(block[start:])


def redact_line(line: bytes) -> bytes:
    """Mark the secrets of one line until nothing changes: each turn leaves fewer open bytes."""
    while True:
        new = line
        for pattern, span, ignores_case in _RULES:
            new = _replace(pattern, new, new.lower() if ignores_case else new, span)
        if new == line:
            return line
        line = new


def _replace(
    pattern: re.Pattern[bytes],
    line: bytes,
    searched: bytes,
    span: Callable[[re.Match[bytes], bytes], Span | None],
) -> bytes:
    """Mark the span of each match that is a secret; a refused match may contain another one."""
    match = pattern.search(searched)
    if match is None:
        return line
    parts, done = [], 0
    while match is not None:
        secret = span(match, line)
        if secret is None:
            match = pattern.search(searched, match.start() + 1)
            continue
        parts += [line[done : secret[0]], mark(line[secret[0] : secret[1]])]
        done = secret[1]
        match = pattern.search(searched, done)
    return b"".join([*parts, line[done:]])


def _whole_span(match: re.Match[bytes], line: bytes) -> Span:  # noqa: ARG001
    return match.span("secret")


def _hex_span(match: re.Match[bytes], line: bytes) -> Span | None:  # noqa: ARG001
    return None if _COMMIT.search(match["gap"]) else match.span("secret")


def _option_span(match: re.Match[bytes], line: bytes) -> Span | None:
    name = line[slice(*match.span("name"))].decode("latin-1")
    return _value_span(match, line, name) if is_secret_name(name) else None


def _named_span(match: re.Match[bytes], line: bytes) -> Span | None:
    before = _NAME_BEFORE.search(line, max(0, match.start() - 64), match.start())
    start = before.start() if before else match.start()
    name = line[start : match.end("rest")].decode("latin-1")
    if not is_secret_name(name):
        return None
    is_shell = match["join"] == b"=" and name.isupper()  # API_KEY=x: no source code
    span = _value_span(match, line, name, may_be_code=not is_shell)
    return None if span is None or _is_prose(match, name, line[slice(*span)]) else span


def _value_span(
    match: re.Match[bytes], line: bytes, name: str, *, may_be_code: bool = True
) -> Span | None:
    is_quoted = match["quote"] is not None
    span = match.span("quoted" if is_quoted else "bare")
    value = line[slice(*span)]
    if is_open(name, value):
        return None
    return None if may_be_code and not is_quoted and _is_code(name, value) else span


def _is_code(name: str, value: bytes) -> bool:
    """Tell whether an unquoted value is an expression of source code: token=hf_token, self.x."""
    if _REFERENCE.fullmatch(value):
        return True
    text, name = value.decode("latin-1").lower(), name.lower()
    return text == name or text.endswith("_" + name.rpartition("_")[2])


def _is_prose(match: re.Match[bytes], name: str, value: bytes) -> bool:
    """Tell whether `Token: cat` is a line about language rather than a setting."""
    return (
        name.lower() in {"token", "auth"}
        and match["close"] in {b"", b"]"}
        and match["join"][-1:] in b" \t"
        and value.isalpha()
        and len(value) <= 24
    )


_RULES = (  # pattern, where its secret lies, whether it looks at the lower-cased line
    (_USERINFO, _whole_span, False),
    (_SHAPES, _whole_span, False),
    (_BEARER, _whole_span, True),
    (_HEX_KEY, _hex_span, True),
    (_OPTION, _option_span, True),
    (_NAMED, _named_span, True),
)
