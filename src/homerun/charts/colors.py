"""The colours of all pictures: few, told apart by people who are colour-blind, light and dark."""

from homerun.core import markup

# Okabe and Ito, Color Universal Design (2008), without black; yellow last, as it is pale on white.
CATEGORIES = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#8c6d31",
    "#f0e442",
)
ACCENT = markup.ACCENT  # told apart from black and from white

PALE = "#f8f8f8"  # on what is dark in light and dark; not the white of paper, which may change

LIGHT = {"ink": "#1b1f24", "muted": "#8a929c", "grid": "#e3e6ea", "paper": "#ffffff"}
DARK = {"ink": "#e8eaed", "muted": "#8f98a3", "grid": "#333940", "paper": "#15181c"}

# Cividis (Nunez, Anderton and Renslow, 2018): even in lightness, so that it
# reads the same with any kind of colour vision, and in print.
RAMP = ("#00224e", "#2a3f6d", "#575d6d", "#7d7c78", "#a59c74", "#d2c060", "#fee838")


def category(index: int) -> str:
    """Return the colour of a category; they come again after eight."""
    return CATEGORIES[index % len(CATEGORIES)]


def quarters(theme: str) -> dict[str, str]:
    """Return the colours of four quarters of numbers; the best, the first, stands out most."""
    shades = RAMP[6:0:-2] + RAMP[1:2] if theme == "dark" else RAMP[:5:2] + RAMP[5:6]
    return dict(zip(("first", "second", "third", "fourth"), shades, strict=True))


def on(color: str) -> str:
    """Return the colour of a text that is read on a colour: pale, or black where that is pale."""
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    light = 0.21 * red**2.2 + 0.72 * green**2.2 + 0.07 * blue**2.2  # relative luminance (WCAG 2.2)
    return "#000000" if light > 0.3 else PALE
