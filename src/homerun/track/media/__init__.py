"""Logged values that are more than a number: files below the run's folder, records in its history.

Standard library only; numpy, Pillow, pandas and matplotlib are met when a value comes from them.
"""

from homerun.track.media.annotations import BoundingBoxes2D, Classes, ImageMask
from homerun.track.media.clips import Audio, Video
from homerun.track.media.documents import Html, Plotly
from homerun.track.media.files import Media, Record
from homerun.track.media.graph import Graph
from homerun.track.media.histogram import Histogram
from homerun.track.media.image import Image
from homerun.track.media.records import tables_of, to_record
from homerun.track.media.shapes import Molecule, Object3D, box3d
from homerun.track.media.table import JoinedTable, PartitionedTable, Table

__all__ = [
    "Audio",
    "BoundingBoxes2D",
    "Classes",
    "Graph",
    "Histogram",
    "Html",
    "Image",
    "ImageMask",
    "JoinedTable",
    "Media",
    "Molecule",
    "Object3D",
    "PartitionedTable",
    "Plotly",
    "Record",
    "Table",
    "Video",
    "box3d",
    "tables_of",
    "to_record",
]
