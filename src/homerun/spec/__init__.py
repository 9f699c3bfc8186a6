"""Sweep files: W&B's schema and the key `homerun:`, checked; grids, constraints, command lines."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.spec.change import Edit as Edit
    from homerun.spec.change import edited as edited
    from homerun.spec.change import parse_edit as parse_edit
    from homerun.spec.change import remarks as remarks
    from homerun.spec.command import command_line as command_line
    from homerun.spec.command import parameter_files as parameter_files
    from homerun.spec.command import parameter_json as parameter_json
    from homerun.spec.command import parameter_yaml as parameter_yaml
    from homerun.spec.constraints import Constraint as Constraint
    from homerun.spec.early import Asha as Asha
    from homerun.spec.early import Hyperband as Hyperband
    from homerun.spec.early import Median as Median
    from homerun.spec.early import Rule as Rule
    from homerun.spec.export import wandb_yaml as wandb_yaml
    from homerun.spec.expression import Expression as Expression
    from homerun.spec.expression import ExpressionError as ExpressionError
    from homerun.spec.expression import parse_expression as parse_expression
    from homerun.spec.expression import same as same
    from homerun.spec.fits import fits as fits
    from homerun.spec.fits import fitting as fitting
    from homerun.spec.fits import part_of as part_of
    from homerun.spec.fits import placing as placing
    from homerun.spec.fits import usable as usable
    from homerun.spec.grid import MISSING as MISSING
    from homerun.spec.grid import Axis as Axis
    from homerun.spec.grid import Grid as Grid
    from homerun.spec.grid import axis_of as axis_of
    from homerun.spec.grid import multiple as multiple
    from homerun.spec.grid import nest as nest
    from homerun.spec.grid import value_at as value_at
    from homerun.spec.parameters import DISTRIBUTIONS as DISTRIBUTIONS
    from homerun.spec.parameters import Parameter as Parameter
    from homerun.spec.parameters import real_bounds as real_bounds
    from homerun.spec.parameters import steps as steps
    from homerun.spec.reader import read as read
    from homerun.spec.schema import from_dict as from_dict
    from homerun.spec.schema import load as load
    from homerun.spec.schema import parse as parse
    from homerun.spec.settings import LEARNED as LEARNED
    from homerun.spec.settings import Settings as Settings
    from homerun.spec.settings import duration_s as duration_s
    from homerun.spec.settings import memory_mib as memory_mib
    from homerun.spec.sweep import Metric as Metric
    from homerun.spec.sweep import Scheduler as Scheduler
    from homerun.spec.sweep import Sweep as Sweep

lazy.attach(
    __name__,
    {
        "change": "Edit edited parse_edit remarks",
        "command": "command_line parameter_files parameter_json parameter_yaml",
        "constraints": "Constraint",
        "early": "Asha Hyperband Median Rule",
        "export": "wandb_yaml",
        "expression": "Expression ExpressionError parse_expression same",
        "fits": "fits fitting part_of placing usable",
        "grid": "Axis Grid MISSING axis_of multiple nest value_at",
        "parameters": "DISTRIBUTIONS Parameter real_bounds steps",
        "reader": "read",
        "schema": "from_dict load parse",
        "settings": "LEARNED Settings duration_s memory_mib",
        "sweep": "Metric Scheduler Sweep",
    },
)
