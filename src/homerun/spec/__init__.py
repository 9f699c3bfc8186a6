"""Sweep files: W&B's schema and the key `homerun:`, checked; grids, constraints, command lines."""

from homerun.spec.command import (
    ParameterFiles,
    command_line,
    parameter_files,
    parameter_json,
    parameter_yaml,
)
from homerun.spec.constraints import Constraint
from homerun.spec.export import wandb_yaml
from homerun.spec.expression import ExpressionError, parse_expression
from homerun.spec.grid import Axis, Grid, axis_of, multiple, nest
from homerun.spec.parameters import DISTRIBUTIONS, Parameter, real_bounds, steps
from homerun.spec.reader import read
from homerun.spec.schema import from_dict, load, parse
from homerun.spec.settings import Settings
from homerun.spec.sweep import Hyperband, Method, Metric, Scheduler, Sweep

__all__ = [
    "DISTRIBUTIONS",
    "Axis",
    "Constraint",
    "ExpressionError",
    "Grid",
    "Hyperband",
    "Method",
    "Metric",
    "Parameter",
    "ParameterFiles",
    "Scheduler",
    "Settings",
    "Sweep",
    "axis_of",
    "command_line",
    "from_dict",
    "load",
    "multiple",
    "nest",
    "parameter_files",
    "parameter_json",
    "parameter_yaml",
    "parse",
    "parse_expression",
    "read",
    "real_bounds",
    "steps",
    "wandb_yaml",
]
