"""Sweep files: W&B's schema and the key `homerun:`, checked; grids, constraints, command lines."""

from homerun.spec.change import Edit, edited, parse_edit, remarks
from homerun.spec.command import (
    ParameterFiles,
    command_line,
    parameter_files,
    parameter_json,
    parameter_yaml,
)
from homerun.spec.constraints import Constraint
from homerun.spec.early import Asha, Hyperband, Median, Rule
from homerun.spec.export import wandb_yaml
from homerun.spec.expression import ExpressionError, parse_expression
from homerun.spec.fits import can_be, fits, fitting, part_of, placing, usable
from homerun.spec.grid import Axis, Grid, axis_of, multiple, nest
from homerun.spec.parameters import DISTRIBUTIONS, Parameter, real_bounds, steps
from homerun.spec.reader import read
from homerun.spec.schema import from_dict, load, parse
from homerun.spec.settings import LEARNED, Settings, duration_s, memory_mib
from homerun.spec.sweep import Method, Metric, Scheduler, Sweep

__all__ = [
    "DISTRIBUTIONS",
    "LEARNED",
    "Asha",
    "Axis",
    "Constraint",
    "Edit",
    "ExpressionError",
    "Grid",
    "Hyperband",
    "Median",
    "Method",
    "Metric",
    "Parameter",
    "ParameterFiles",
    "Rule",
    "Scheduler",
    "Settings",
    "Sweep",
    "axis_of",
    "can_be",
    "command_line",
    "duration_s",
    "edited",
    "fits",
    "fitting",
    "from_dict",
    "load",
    "memory_mib",
    "multiple",
    "nest",
    "parameter_files",
    "parameter_json",
    "parameter_yaml",
    "parse",
    "parse_edit",
    "parse_expression",
    "part_of",
    "placing",
    "read",
    "real_bounds",
    "remarks",
    "steps",
    "usable",
    "wandb_yaml",
]
