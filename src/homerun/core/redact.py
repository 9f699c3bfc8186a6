"""Secrets become `<redacted:sha8>` before anything is written; sha8 = first 8 hex of its sha256.

A secret is found by the name it is given (`api_key=...`, `--hub_token ...`, `"password": "..."`) or
by its own shape (`sk-`, `hf_`, `ghp_`, JWT, PEM, `https://user:pass@host`, ...). Numbers, booleans
and None are never secrets, and neither are the words of machine learning (`pad_token`).
Everything works on bytes, line by line, so that a stream cut anywhere gives the same result.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from homerun.core.secret import is_open, is_secret_name, mark

# One cheap look at lower-cased bytes: without a match there is no secret. Anchored on rare letters
# inside the words ("toKEN", "seCREt") because the search tries every position that starts one.
_HINT = re.compile(
    rb"k(?:en|ey|-[\w-]{20}|ia[0-9a-z]{16})|cre[dt]|w(?:ord|d|andb)|phras|uth|bear|begin|jwt|"
    rb"f_[0-9a-z]{20}|gh[oprsu]_|ithub_pat|glpat|za[\w-]{30}|xox|yj[\w-]{8}|://"
)
_HINT_LEAD = 12  # a secret's name starts at most this far before its hint, or in the same word
_NAME_LIMIT = 72  # a word longer than this is no name
_LAST_BREAK = re.compile(rb"[^\w.-][\w.-]*\Z")

_HOLD = 16 * 1024  # bytes held back at most after the first hint in an unfinished line
_TAIL = 4 * 1024  # a secret is expected to be shorter than this
_PEM_LIMIT = 64 * 1024


class StreamRedactor:
    """Redact a stream of bytes that arrives in pieces; any cutting gives the same bytes.

    A line ends at LF or CR. Of an unfinished line only what may belong to a secret is held back.
    """

    def __init__(self) -> None:
        self._held = b""
        self._pem: list[bytes] = []  # lines of a private key whose end has not come

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return those that are ready to be written."""
        data = self._held + data if self._held else data
        if not self._pem and _HINT.search(data.lower()) is None:
            end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
            if end < len(data):
                end = max(end, _safe_cut(data, len(data)))
            self._held = data[end:]
            return data[:end]
        lines = data.splitlines(keepends=True)
        rest = b"" if not lines or lines[-1].endswith((b"\n", b"\r")) else lines.pop()
        ready: list[bytes] = []
        for line in lines:
            end_of_line = self._shorten(line, ready)
            ready.append(self._line(end_of_line))
        rest = self._shorten(rest, ready)
        if not self._pem:
            hint = _HINT.search(rest.lower())
            cut = _safe_cut(rest, hint.start() if hint else len(rest))
            ready.append(rest[:cut])
            rest = rest[cut:]
        self._held = rest
        return b"".join(ready)

    def flush(self) -> bytes:
        """Return what was held back, at the end of the stream."""
        line, self._held = self._held, b""
        ready = self._line(line) if line else b""
        return ready + self._end_pem()

    def _shorten(self, line: bytes, ready: list[bytes]) -> bytes:
        """Redact the head of an overlong line into `ready` and return the rest of it."""
        while len(line) > _HOLD:
            cut = _HOLD if self._pem else _forced_cut(line)
            if cut is None:
                break
            ready.append(self._line(line[:cut]))
            line = line[cut:]
        return line

    def _line(self, line: bytes) -> bytes:
        """Redact one line, or keep it when a private key goes on after it."""
        if self._pem:
            return self._pem_line(line)
        if _HINT.search(line.lower()) is None:
            return line
        from homerun.core import redact_line as rules  # noqa: PLC0415 - most runs never need it

        line = rules.mark_whole_pem(line)
        if rules.opens_pem(line):
            self._pem = [line]
            return b""
        return rules.redact_line(line)

    def _pem_line(self, line: bytes) -> bytes:
        from homerun.core import redact_line as rules  # noqa: PLC0415

        end = rules.end_of_pem(line)
        if end:
            block = b"".join(self._pem) + line[:end]
            self._pem = []
            return self._line(rules.mark_open_pem(block) + line[end:])
        if rules.is_pem_body(line) and sum(map(len, self._pem)) + len(line) <= _PEM_LIMIT:
            self._pem.append(line)
            return b""
        return self._end_pem() + self._line(line)

    def _end_pem(self) -> bytes:
        """Mark a private key that has no last line, keeping the line end after it."""
        if not self._pem:
            return b""
        from homerun.core import redact_line as rules  # noqa: PLC0415

        block = b"".join(self._pem)
        self._pem = []
        key = block.rstrip(b"\r\n")
        return rules.redact_line(rules.mark_open_pem(key) + block[len(key) :])


def _safe_cut(data: bytes, hint: int) -> int:
    """Return how many bytes of an unfinished line can be written, whatever comes after them."""
    limit = hint - _HINT_LEAD
    if limit <= 0:
        return 0
    start = max(0, limit - _NAME_LIMIT)
    last = _LAST_BREAK.search(data, start, limit)
    return last.start() + 1 if last else start


def _forced_cut(line: bytes) -> int | None:
    """Return where to cut an overlong line, by its own bytes alone; None: no need."""
    text = line.rstrip(b"\r\n").lower()
    first = _HINT.search(text)
    if first is None or len(text) - first.start() <= _HOLD:
        return None
    end = first.start() + _HOLD
    cut = 0
    for hint in _HINT.finditer(text, end - _TAIL, end):
        cut = _safe_cut(line, hint.start())
    return cut if cut > first.start() else _safe_cut(line, end)


def redact_bytes(data: bytes) -> bytes:
    """Return the bytes with every secret replaced by its mark."""
    if _HINT.search(data.lower()) is None:
        return data
    stream = StreamRedactor()
    return stream.feed(data) + stream.flush()


def redact_text(text: str) -> str:
    """Return the text with every secret replaced by its mark."""
    data = text.encode("utf-8", "surrogatepass")
    clean = redact_bytes(data)
    return text if clean is data else clean.decode("utf-8", "surrogatepass")


def _redact_value(name: str, value: str) -> str:
    data = value.encode("utf-8", "surrogatepass")
    return value if is_open(name, data) else mark(data).decode()


_ASSIGNMENT = re.compile(r"([-+]{0,2}[A-Za-z_][\w.-]*)=(.*)", re.DOTALL)


def redact_argv(argv: Sequence[str]) -> list[str]:
    """Return a command line with the values of secret options and other secrets marked."""
    clean: list[str] = []
    option = ""  # the secret option whose value comes next
    for item in argv:
        assignment = _ASSIGNMENT.fullmatch(item)
        if option and not item.startswith("-"):
            clean.append(_redact_value(option, item))
        elif assignment and is_secret_name(assignment[1]):
            clean.append(f"{assignment[1]}={_redact_value(assignment[1], assignment[2])}")
        else:
            clean.append(redact_text(item))
        is_option = item.startswith("-") and assignment is None and is_secret_name(item)
        option = item if is_option else ""
    return clean


def redact_config(value: Any) -> Any:
    """Return plain data with secrets marked, by the names of keys and the shapes of strings."""
    return _redact_plain(value, "")


def _redact_plain(value: Any, name: str) -> Any:
    """Redact a value; `name` is the secret key it lies under, or empty."""
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        return _redact_value(name, value) if name else redact_text(value)
    if isinstance(value, (dict, Mapping)):  # dict first: asking an abstract class is slow
        return {
            key: _redact_plain(item, key if isinstance(key, str) and is_secret_name(key) else name)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_redact_plain(item, name) for item in value]
    if isinstance(value, tuple):
        return tuple(_redact_plain(item, name) for item in value)
    return value


def redact_url(url: str) -> str:
    """Return a URL without its user and password; `git@host:path` has no password and stays."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return redact_text(url)
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    keep = f"{user}@" if at and "ssh" in scheme and ":" not in user else ""
    return redact_text(f"{scheme}://{keep}{host}{slash}{path}")
