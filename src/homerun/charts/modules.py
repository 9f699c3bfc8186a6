"""JavaScript and style sheets of ours: files to read, texts for pages and widgets."""

import re
from functools import cache
from importlib.resources import files

_IMPORT = re.compile(r"""^import \{[^{}]*\} from ["']\./([\w-]+\.js)["'];?\n""", re.MULTILINE)
_EXPORT = re.compile(r"^export ", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*(?:/\*\*.*?\*/|//[^\n]*)\n", re.MULTILINE | re.DOTALL)
_REMARK = re.compile(r"""(?<=\S)[ \t]+// [^"'`\n]*$""", re.MULTILINE)  # a quote may end a text


@cache
def joined(package: str, entry: str) -> str:
    """Return an ES module and those it imports as one, each after what it needs.

    What they import by name from files beside them is simply there; so no two of them may give
    something on their top level the same name. It exports what the entry does. Comments are left
    out: whole lines, and ends of lines without a quote.
    """
    texts: dict[str, str] = {}

    def add(name: str) -> None:
        source = text_of(package, name)
        for other in _IMPORT.findall(source):
            if other not in texts:
                add(other)
        text = _REMARK.sub("", _COMMENT.sub("", _IMPORT.sub("", source))).strip()
        texts[name] = text if name == entry else _EXPORT.sub("", text)

    add(entry)
    return "\n\n".join(texts.values()) + "\n"


@cache
def text_of(package: str, name: str) -> str:
    """Return the text of a file in a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")
