"""A report as a page: HTML that needs nothing else, Markdown, text, plain data."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homerun.core import markup, printable
from homerun.insight.answer import Answer

if TYPE_CHECKING:
    from pandas import DataFrame

_WIDTH = 80
_NUMBER = re.compile(r"(?:[<-]?[\d.,]+(?:e[+-]?\d+)?(?: %)?)?")
_INTERVAL = re.compile(r"\[([^\[\], ]+), ([^\[\],]{1,12})\]")  # is not broken into two lines
# Two classes outdo what notebooks say of tables.
_STYLE = """
.homerun-report {font: 15px/1.5 system-ui, sans-serif; max-width: 46rem; margin: auto}
.homerun-report h1 {font-size: 1.5rem; line-height: 1.2; margin: 0 0 .2rem}
.homerun-report h2 {font-size: 1.1rem; margin: 1.8rem 0 .4rem}
.homerun-report p, .homerun-report li, .homerun-report dd {overflow-wrap: anywhere}
.homerun-report p {margin: .4rem 0}
.homerun-report .quiet {opacity: .7; font-size: .88em}
.homerun-report dl {display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1rem;
  margin: 1rem 0; padding: .8rem 1rem; border-left: 4px solid #2f7fd1; background: #8881}
.homerun-report dt {font-weight: 600}
.homerun-report dd {margin: 0}
.homerun-report .wide {overflow-x: auto}
.homerun-report table {border-collapse: collapse; font-size: .9em; width: 100%;
  table-layout: auto; margin: 0;
  font-variant-numeric: tabular-nums; color: inherit}
.homerun-report .wide :is(th, td) {text-align: left; vertical-align: top;
  padding: .25rem .7rem .25rem 0; border-bottom: 1px solid #8885; background: none;
  color: inherit}
.homerun-report tr {background: none}
.homerun-report .wide .number {text-align: right}
.homerun-report code, .homerun-report pre {font: .9em ui-monospace, monospace; background: #8882;
  color: inherit; padding: .1rem .3rem; border-radius: 3px}
.homerun-report pre {padding: .5rem .7rem; overflow-x: auto}
.homerun-report > figure {display: inline-block; margin: .4rem .6rem .4rem 0; max-width: 100%;
  vertical-align: top}
.homerun-report svg {max-width: 100%; height: auto; display: block}
.homerun-report > figure > figcaption {opacity: .7; font-size: .85em; max-width: 19.5rem}
.homerun-report > figure.broad {display: block; margin: .8rem 0}
.homerun-report > figure.broad > figcaption {max-width: none}
"""
_PAGE_STYLE = """
:root {color-scheme: light dark}
body {margin: 2rem 1rem; background: #fff; color: #1c1e21}
@media (prefers-color-scheme: dark) {body {background: #16181c; color: #e4e6ea}}
@media print {body {margin: 0; background: #fff; color: #000} .homerun-report {max-width: none}
  figure, tr, dl {break-inside: avoid} h2 {break-after: avoid}}
"""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as a piece of HTML, and what it shows, in words."""

    html: str
    caption: str = ""
    is_broad: bool = False  # as wide as the page


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """A part of a report: what it says, a table whose cells are texts, pictures, remarks."""

    title: str
    sentences: tuple[str, ...] = ()
    table: "DataFrame | None" = None
    pictures: tuple[Picture, ...] = ()
    items: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    remark: str = ""

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing in it."""
        has_rows = self.table is not None and len(self.table) > 0
        return not (self.sentences or has_rows or self.pictures or self.items or self.commands)


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What runs taught, on one page.

    `print` it for text at 80 columns; a notebook shows it as HTML.
    """

    title: str
    about: str  # what it is made from, in one line
    lessons: tuple[tuple[str, str], ...]  # (what about, sentence) the most important first
    sections: tuple[Section, ...]
    script: str = ""  # HTML at the end of the page, for pictures that answer to the mouse
    importance: Answer | None = None  # None: nothing could be asked
    independence: Answer | None = None

    def to_html(self) -> str:
        """Return a whole page that fetches nothing."""
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{_escaped(self.title)}</title>\n"
            f"<style>{_PAGE_STYLE}{_STYLE}</style>\n</head>\n<body>\n{self._html()}\n"
            f"{self.script}</body>\n</html>\n"
        )

    def to_markdown(self) -> str:
        """Return it as Markdown, without the pictures."""
        parts = [f"# {_marked(self.title)}", _marked(self.about)]
        parts.append("\n".join(f"- **{about}:** {_marked(text)}" for about, text in self.lessons))
        for section in self.sections:
            parts += [f"## {_marked(section.title)}", *map(_marked, section.sentences)]
            if section.table is not None and len(section.table):
                parts.append(_markdown_table(section.table))
            if section.items:
                parts.append("\n".join(f"- {_marked(item)}" for item in section.items))
            if section.commands:
                parts.append("\n".join(["```bash", *map(printable, section.commands), "```"]))
            if section.remark:
                parts.append(f"*{_marked(section.remark)}*")
        return "\n\n".join(part for part in parts if part) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON, without the pictures."""
        return {
            "title": self.title,
            "about": self.about,
            "lessons": [{"about": about, "sentence": text} for about, text in self.lessons],
            "sections": [
                {
                    "title": section.title,
                    "sentences": list(section.sentences),
                    "table": [] if section.table is None else section.table.to_dict("records"),
                    "items": list(section.items),
                    "commands": list(section.commands),
                }
                for section in self.sections
            ],
        }

    def __str__(self) -> str:
        parts = [printable(self.title), textwrap.fill(printable(self.about), _WIDTH)]
        wide = max((len(about) for about, _ in self.lessons), default=0) + 2
        parts += [
            textwrap.fill(
                printable(text).replace(" %", "\u00a0%"),
                _WIDTH,
                initial_indent=f"{about}:".ljust(wide),
                subsequent_indent=" " * wide,
            ).replace("\u00a0", " ")
            for about, text in self.lessons
        ]
        return "\n\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<style>{_STYLE}</style>{self._html()}"

    def _html(self) -> str:
        lessons = "\n".join(
            f"<dt>{_escaped(about)}</dt><dd>{_escaped(text)}</dd>" for about, text in self.lessons
        )
        sections = "\n".join(map(_section, self.sections))
        return (
            f'<div class="homerun-report">\n<h1>{_escaped(self.title)}</h1>\n'
            f'<p class="quiet">{_escaped(self.about)}</p>\n<dl>\n{lessons}\n</dl>\n'
            f"{sections}\n</div>"
        )


def _section(section: Section) -> str:
    parts = [f"<h2>{_escaped(section.title)}</h2>"]
    parts += [f"<p>{_escaped(sentence)}</p>" for sentence in section.sentences]
    if section.table is not None and len(section.table):
        parts.append(_html_table(section.table))
    if section.items:
        items = "".join(f"<li>{_escaped(item)}</li>" for item in section.items)
        parts.append(f"<ul>{items}</ul>")
    parts.append("\n".join(map(_figure, section.pictures)))
    if section.commands:
        parts.append(f"<pre>{chr(10).join(map(markup.text, section.commands))}</pre>")
    if section.remark:
        parts.append(f'<p class="quiet">{_escaped(section.remark)}</p>')
    return "\n".join(filter(None, parts))


def _figure(picture: Picture) -> str:
    broad = ' class="broad"' if picture.is_broad else ""
    text = f"<figcaption>{_escaped(picture.caption)}</figcaption>" if picture.caption else ""
    return f"<figure{broad}>{picture.html}{text}</figure>"


def _html_table(table: "DataFrame") -> str:
    css = [' class="number"' if is_number else "" for is_number in _numeric(table)]
    head = "".join(
        f"<th{of}>{_escaped(str(name))}</th>" for name, of in zip(table.columns, css, strict=True)
    )
    rows = "\n".join(
        "<tr>"
        + "".join(f"<td{of}>{_escaped(cell)}</td>" for cell, of in zip(row, css, strict=True))
        + "</tr>"
        for row in table.itertuples(index=False, name=None)
    )
    return (
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>'
        "\n</table></div>"
    )


def _markdown_table(table: "DataFrame") -> str:
    rules = ["---:" if is_number else "---" for is_number in _numeric(table)]
    rows: list[Sequence[str]] = [[_marked(str(name)) for name in table.columns], rules]
    rows += [[_marked(cell) for cell in row] for row in table.itertuples(index=False, name=None)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _numeric(table: "DataFrame") -> list[bool]:
    return [all(map(_NUMBER.fullmatch, table[name])) for name in table.columns]


def _escaped(text: str) -> str:
    """Return text for HTML in which no number is parted from its percent sign or its interval."""
    return _INTERVAL.sub("[\\1,&nbsp;\\2]", markup.text(text)).replace(" %", "&nbsp;%")


def _marked(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    plain = "".join(f"\\{c}" if c in "\\`*_[]|#~" else c for c in printable(text))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
