"""What a secret is called, and the mark that stands in its place."""

import re
from functools import lru_cache

# Patterns are left to re's own cache: most programs hold nothing that is compared with them.
_WORD = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+"
_HINTS = ("pass", "secret", "cred", "auth", "bearer", "jwt", "key", "token")
KINDS_OF_KEY = (
    "api access private ssh signing encryption account master service license deploy wandb".split()
)
_SECRET_NAME = (
    r"passw|passphrase|secret|credential|authorization|authentication|bearer|"
    r"(?:^|_)(?:creds?|jwt|o?auth)(?:_|$)|"
    rf"(?:{'|'.join(KINDS_OF_KEY)})_?keys?(?:_|$)|"
    r"(?:api|access|auth|refresh|bot)_?tokens?(?:_|$)|token$"
)
_HARMLESS_END = frozenset(
    "path file dir folder name type dim size length len count url uri mode method weight".split()
)
_TOKEN_OF_TEXT = frozenset(  # pad_token and the like name a piece of text
    "pad eos bos unk mask cls sep stop special image video audio start end begin next prev last "
    "first current per num max min mean text prompt input output new target predicted generated "
    "class patch query label word byte decoder encoder forced suppress added extra".split()
)


_MARK = rb"<redacted:[0-9a-f]{8}>"
_NUMBER = rb"[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_PLACEHOLDER = rb"\$\w+|\$?\{[^{}]*\}|%s|\*+|\.{3}|<[\w -]+>"
_NOT_VALUES = frozenset(
    b"true false none null nan yes no on off bearer basic digest str bytes int float bool".split()
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Tell whether a value of this name is secret, whatever the style: apiKey, API_KEY, api-key."""
    if not any(hint in name.lower() for hint in _HINTS):
        return False
    words = [word.lower() for word in re.findall(_WORD, name)]
    if not words or words[-1] in _HARMLESS_END:
        return False
    if words[-1] == "token" and len(words) > 1 and words[-2] in _TOKEN_OF_TEXT:
        return False
    return re.search(_SECRET_NAME, "_".join(words)) is not None


def mark(secret: bytes) -> bytes:
    """Return what is written instead of a secret; equal secrets have equal marks."""
    import hashlib  # noqa: PLC0415 - most runs hold no secret

    return b"<redacted:%s>" % hashlib.sha256(secret).hexdigest()[:8].encode()


def is_open(name: str, value: bytes) -> bool:
    """Tell whether a value under a secret's name gives nothing away: a number, a word, a mark."""
    value = re.sub(_MARK, b"", value).strip()
    if not value or value.lower() in _NOT_VALUES:
        return True
    if re.fullmatch(_NUMBER, value):
        return len(value) < 4 or "pass" not in name.lower()
    return re.fullmatch(_PLACEHOLDER, value) is not None
