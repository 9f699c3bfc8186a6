"""Figures that answer to the mouse: figure.js draws them, in a page of theirs or in another one."""

from homerun.charts.live.bundle import Bundle as Bundle
from homerun.charts.live.bundle import page_of as page_of
from homerun.charts.live.page import START_ALL as START_ALL
from homerun.charts.live.page import data_of as data_of
from homerun.charts.live.page import fragment_of as fragment_of
from homerun.charts.live.page import module_of as module_of
from homerun.charts.live.page import place_of as place_of
from homerun.charts.live.page import script_of as script_of
from homerun.charts.live.page import style_of as style_of
