"""What a table of runs teaches: a DataFrame in, an answer with its confidence out."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.insight.advice.advise import Advice as Advice
    from homerun.insight.advice.advise import advise as advise
    from homerun.insight.advice.next_sweep import NextSweep as NextSweep
    from homerun.insight.advice.plan import plan as plan
    from homerun.insight.advice.sweep_text import sweep_text as sweep_text
    from homerun.insight.answer import Answer as Answer
    from homerun.insight.columns import classify as classify
    from homerun.insight.columns import find_column as find_column
    from homerun.insight.columns import is_number as is_number
    from homerun.insight.columns import plain_table as plain_table
    from homerun.insight.columns import require as require
    from homerun.insight.columns import require_goal as require_goal
    from homerun.insight.columns import require_metric as require_metric
    from homerun.insight.compare import compare as compare
    from homerun.insight.finding.contradicting import contradiction as contradiction
    from homerun.insight.finding.evidence import by_hand as by_hand
    from homerun.insight.finding.evidence import learned as learned
    from homerun.insight.finding.pooling import pool as pool
    from homerun.insight.finding.scope import differences as differences
    from homerun.insight.finding.scope import joined as joined
    from homerun.insight.finding.scope import kind_of as kind_of
    from homerun.insight.finding.scope import scope_of as scope_of
    from homerun.insight.finding.scope import told as told
    from homerun.insight.importance import importance as importance
    from homerun.insight.importance import importance_of as importance_of
    from homerun.insight.independence import independence as independence
    from homerun.insight.independence import independence_of as independence_of
    from homerun.insight.models import EffectsModel as EffectsModel
    from homerun.insight.models import fit_effects as fit_effects
    from homerun.insight.report.learned import report as report
    from homerun.insight.report.page import Picture as Picture
    from homerun.insight.report.page import Report as Report
    from homerun.insight.report.page import Section as Section
    from homerun.insight.settled import settled as settled
    from homerun.insight.table import Parameter as Parameter
    from homerun.insight.table import Prepared as Prepared
    from homerun.insight.table import has_result as has_result
    from homerun.insight.table import is_by_factors as is_by_factors
    from homerun.insight.table import prepare as prepare
    from homerun.insight.table import show as show
    from homerun.insight.tunability import tunability as tunability

lazy.attach(
    __name__,
    {
        "advice.advise": "Advice advise",
        "advice.next_sweep": "NextSweep",
        "advice.plan": "plan",
        "advice.sweep_text": "sweep_text",
        "answer": "Answer",
        "columns": "classify find_column is_number plain_table require require_goal require_metric",
        "compare": "compare",
        "finding.contradicting": "contradiction",
        "finding.evidence": "by_hand learned",
        "finding.pooling": "pool",
        "finding.scope": "differences joined kind_of scope_of told",
        "importance": "importance importance_of",
        "independence": "independence independence_of",
        "models": "EffectsModel fit_effects",
        "report.learned": "report",
        "report.page": "Picture Report Section",
        "settled": "settled",
        "table": "Parameter Prepared has_result is_by_factors prepare show",
        "tunability": "tunability",
    },
    extra="insight",
)
