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

LIGHT = {"ink": "#1b1f24", "muted": "#8a929c", "grid": "#e3e6ea", "paper": "#ffffff"}
DARK = {"ink": "#e8eaed", "muted": "#8f98a3", "grid": "#333940", "paper": "#15181c"}

# Cividis (Nunez, Anderton and Renslow, 2018): even in lightness, so that it
# reads the same with any kind of colour vision, and in print.
RAMP = ("#00224e", "#2a3f6d", "#575d6d", "#7d7c78", "#a59c74", "#d2c060", "#fee838")


def category(index: int) -> str:
    """Return the colour of a category; they come again after eight."""
    return CATEGORIES[index % len(CATEGORIES)]
