"""What is written for a character that the encoding of the terminal does not have."""

import codecs
from io import TextIOWrapper

_HANDLER = "homerun.letters"  # the names under which streams find it
_ASCII = "homerun_ascii"  # click takes a stream in plain `ascii` for a mistake, and writes UTF-8
_PLAIN = str.maketrans(
    "▁▂▃▄▅▆▇█░▒▓━─│┤┬└┼×•●○·…⏎→←↑↓",  # noqa: RUF001
    "_.-:=+*#.:*=-|++++xooo|~/><^v",
)
_UPPER, _LOWER = 0x1B, 0xE4  # dots of braille in the upper and in the lower half of a cell
_BRAILLE = range(0x2800, 0x2900)


def prepare(stream: TextIOWrapper) -> None:
    """Have a stream write something legible, as wide, for what its encoding does not have."""
    codecs.register_error(_HANDLER, _replace)
    is_ascii = codecs.lookup(stream.encoding).name == "ascii"
    if is_ascii:
        codecs.register(_find)
    stream.reconfigure(encoding=_ASCII if is_ascii else None, errors=_HANDLER)


def _find(name: str) -> codecs.CodecInfo | None:
    if name != _ASCII:
        return None
    plain = codecs.lookup("ascii")
    return codecs.CodecInfo(
        plain.encode,
        plain.decode,
        plain.streamreader,
        plain.streamwriter,
        plain.incrementalencoder,
        plain.incrementaldecoder,
        name=_ASCII,
    )


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for the characters that cannot be encoded."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    texts = (_letter(letter) for letter in error.object[error.start : error.end])
    return "".join(texts), error.end


def _letter(letter: str) -> str:
    code = ord(letter)
    if code in _BRAILLE:
        dots = code - _BRAILLE.start
        return " '.:"[bool(dots & _UPPER) + 2 * bool(dots & _LOWER)]
    plain = letter.translate(_PLAIN)
    return plain if plain.isascii() else letter.encode("ascii", "backslashreplace").decode()
