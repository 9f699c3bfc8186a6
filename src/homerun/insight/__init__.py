"""What a table of runs teaches: a DataFrame in, an answer with its confidence out."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.insight.advise import Advice as Advice
    from homerun.insight.advise import advise as advise
    from homerun.insight.answer import Answer as Answer
    from homerun.insight.compare import compare as compare
    from homerun.insight.contradicting import contradiction as contradiction
    from homerun.insight.evidence import by_hand as by_hand
    from homerun.insight.evidence import learned as learned
    from homerun.insight.importance import importance as importance
    from homerun.insight.independence import independence as independence
    from homerun.insight.models import EffectsModel as EffectsModel
    from homerun.insight.models import fit_effects as fit_effects
    from homerun.insight.page import Report as Report
    from homerun.insight.page import Section as Section
    from homerun.insight.plan import plan as plan
    from homerun.insight.pooling import pool as pool
    from homerun.insight.report import report as report
    from homerun.insight.scope import differences as differences
    from homerun.insight.scope import joined as joined
    from homerun.insight.scope import kind_of as kind_of
    from homerun.insight.scope import scope_of as scope_of
    from homerun.insight.scope import told as told
    from homerun.insight.settled import settled as settled
    from homerun.insight.sweep_text import sweep_text as sweep_text
    from homerun.insight.table import Prepared as Prepared
    from homerun.insight.table import prepare as prepare
    from homerun.insight.table import show as show
    from homerun.insight.tunability import tunability as tunability

lazy.attach(
    __name__,
    {
        "advise": "Advice advise",
        "answer": "Answer",
        "compare": "compare",
        "contradicting": "contradiction",
        "evidence": "by_hand learned",
        "importance": "importance",
        "independence": "independence",
        "models": "EffectsModel fit_effects",
        "page": "Report Section",
        "plan": "plan",
        "pooling": "pool",
        "report": "report",
        "scope": "differences joined kind_of scope_of told",
        "settled": "settled",
        "sweep_text": "sweep_text",
        "table": "Prepared prepare show",
        "tunability": "tunability",
    },
    extra="insight",
)
