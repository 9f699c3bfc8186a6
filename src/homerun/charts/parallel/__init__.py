"""Parallel coordinates: one line a run over one axis a setting, the deciding metric last."""

from homerun.charts.parallel.chart import Parallel as Parallel
from homerun.charts.parallel.chart import parallel as parallel
from homerun.charts.parallel.document import document as document
