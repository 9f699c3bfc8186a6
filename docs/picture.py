"""Draw what a command prints on a terminal as an SVG: picture.py TITLE WIDTH < OUTPUT > FILE.

homerun --color always ls SWEEP -n 10 2>&1 | python docs/picture.py TITLE 100 > ls.svg
"""

import io
import sys

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text


def main() -> None:
    title, width = sys.argv[1], int(sys.argv[2])
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(sys.stdin.read()))
    svg = console.export_svg(title=title, theme=MONOKAI)
    # A picture that asks nobody for anything: the fonts of a remote server are left out.
    start, end = svg.index("@font-face"), svg.rindex("@font-face")
    sys.stdout.write(svg[:start] + svg[svg.index("}", end) + 1 :])


if __name__ == "__main__":
    main()
