"""Logged values that are more than a number: files below the run's folder, records in its history.

Standard library only; numpy, Pillow, pandas and matplotlib are met when a value comes from them.
"""

from homerun.track.media.clips import Audio, Video
from homerun.track.media.documents import Html, Plotly
from homerun.track.media.files import Media
from homerun.track.media.histogram import Histogram
from homerun.track.media.image import Image
from homerun.track.media.records import to_record
from homerun.track.media.table import Table

__all__ = [
    "Audio",
    "Histogram",
    "Html",
    "Image",
    "Media",
    "Plotly",
    "Table",
    "Video",
    "to_record",
]
