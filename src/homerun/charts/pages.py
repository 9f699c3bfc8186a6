"""A page of its own: one HTML file with script, data and style inside, which asks no network."""

import base64
import gzip
import hashlib
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from homerun.charts.colors import DARK, LIGHT
from homerun.core import markup

LARGEST = 600_000  # characters of a page that a saved notebook keeps

_STYLE = f"""
:root {{color-scheme: light dark; font: 14px/1.4 system-ui, "Segoe UI", Roboto, sans-serif}}
body {{margin: 12px 16px; background: {LIGHT["paper"]}; color: {LIGHT["ink"]}}}
.plain {{border-collapse: collapse; font-variant-numeric: tabular-nums}}
.plain :is(td, th) {{padding: 2px 12px 2px 0; text-align: left; overflow-wrap: anywhere}}
@media (prefers-color-scheme: dark) {{
  body {{background: {DARK["paper"]}; color: {DARK["ink"]}}}
}}
@media print {{
  :root {{color-scheme: light}}
  body {{margin: 0; background: {LIGHT["paper"]}; color: {LIGHT["ink"]}}}
}}
"""

_UNPACKING = """
const text = document.getElementById("packed").textContent;
const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
const content = await new Response(stream).text();
document.open();
document.write(content);
document.close();
"""


def page(
    title: str,
    *,
    module: str,
    data: Any,
    start: str,
    body: str = '<main id="chart"></main>',
    without_script: str = "",
    style: str = "",
    refresh_s: float | None = None,
) -> str:
    """Return a page that runs `start` after an ES module, with `data` (JSON) as its `data`.

    `start` sees everything in the module. `without_script` is HTML for readers without JavaScript.
    The page may load nothing but itself, after `refresh_s` seconds, and runs no other script than
    this one (Content-Security-Policy).
    """
    reading = 'const data = JSON.parse(document.getElementById("data").textContent);'
    script = _for_script(f"{module.rstrip()}\n{{\n{reading}\n{start.strip()}\n}}\n")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    again = f'<meta http-equiv="refresh" content="{refresh_s:g}">\n' if refresh_s else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
{again}<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{markup.text(title) or "homerun"}</title>
<style>{_STYLE}{style}</style>
</head>
<body>
{body}
<noscript><p>This chart needs JavaScript: allow it for this page, which loads nothing.</p>
{without_script}</noscript>
<script type="application/json" id="data">{json_text(data)}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def json_text(data: Any) -> str:
    """Return JSON that can stand in a script element: it cannot end it, and has no odd number."""
    plain = json.dumps(_finite(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in ("<", ">", "&", "\u2028", "\u2029"):
        plain = plain.replace(sign, f"\\u{ord(sign):04x}")
    # A half of a surrogate pair, which a file name may hold, is no UTF-8.
    return re.sub(r"[\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", plain)


def table(rows: list[Mapping[str, str]], caption: str = "") -> str:
    """Return rows of texts as an HTML table."""
    if not rows:
        return ""
    head = "".join(f"<th>{markup.text(name)}</th>" for name in rows[0])
    lines = "".join(
        f"<tr>{''.join(f'<td>{markup.text(value)}</td>' for value in row.values())}</tr>\n"
        for row in rows
    )
    start = f'<table class="plain"><caption>{markup.text(caption)}</caption>'
    return f"{start}\n<tr>{head}</tr>\n{lines}</table>"


def layered(
    picture: str, page: str, *, height: int, title: str, place: str = "", style: str = ""
) -> str:
    """Return a page in a frame over a picture, which is seen where frames are taken out.

    A page that is too large for a saved notebook is left out. `place`: an id of the whole.
    """
    over = framed(page, height=height, title=title) if len(page) <= LARGEST else ""
    cell = '<div style="grid-area:1/1">'  # of the frame's own, too: marimo puts frames into a div
    start = f' id="{place}"' if place else ""
    rules = f"<style>{style}</style>" if style else ""
    return f'<div{start} style="display:grid">{rules}{cell}{picture}</div>{cell}{over}</div></div>'


def framed(content: str, *, height: int, title: str) -> str:
    """Return a page inside of another one, as a frame that shares nothing with it."""
    # Double quotes, of which JSON has many, stay single characters.
    inside = content.replace("&", "&amp;").replace("'", "&#39;").replace("<", "&lt;")
    return (
        f'<iframe srcdoc=\'{inside}\' title="{markup.text(title)}" loading="lazy"'
        ' sandbox="allow-scripts allow-downloads" allow="clipboard-write"'
        f' style="display:block;width:100%;height:{height}px;border:0"></iframe>'
    )


def compressed(text: str) -> str:
    """Return a text as gzip in base64, which can stand in any element; the same each time."""
    packed = gzip.compress(text.encode("utf-8", "replace"), 7, mtime=0)
    return base64.b64encode(packed).decode()


def packed(content: str, *, without_script: str = "") -> str:
    """Return a page that unpacks another one and becomes it; for frames inside of a page.

    `without_script` is HTML that stands there until then, and for good without script or in a
    browser that cannot unpack; without any, what lies below the frame is seen. It may do no more
    than the page may.
    """
    style = _STYLE if without_script else ""  # a colour of its own would hide what lies below
    policy = (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>homerun</title>
<style>{style}</style>
</head>
<body>
{without_script}
<script type="text/plain" id="packed">{compressed(content)}</script>
<script type="module">{_UNPACKING}</script>
</body>
</html>
"""


def _finite(data: Any) -> Any:
    """Return data without NaN and infinities, which JSON does not have."""
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    if isinstance(data, Mapping):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    return data


def _for_script(code: str) -> str:
    """Return JavaScript of the same meaning that does not end the script element it stands in."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")
