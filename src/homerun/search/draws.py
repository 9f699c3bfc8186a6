"""Random values of parameters, by their distributions."""

import itertools
import math
import random
from bisect import bisect_right
from typing import Any

from homerun.spec import Parameter, multiple, nest, real_bounds, steps

_SMALLEST = 2.0**-54  # stands for the quantile 0, at which a normal distribution has no value


def draw_config(parameters: tuple[Parameter, ...], key: str) -> dict[str, Any]:
    """Return one configuration, always the same for one key."""
    rng = random.Random(key)  # noqa: S311 - repeatable, not secret
    return nest((p.path, draw(p, rng)) for p in parameters)


def draw(p: Parameter, rng: random.Random) -> Any:
    """Return a random value of a parameter; one that its bounds allow."""
    if p.values:
        return p.values[_choice(p, rng.random())]
    if p.distribution == "int_uniform":
        low = int(p.min)
        # Whole numbers throughout: a float cannot count a range of over 2**53 values.
        return low + (int(rng.random() * 2**53) * (int(p.max) - low + 1) >> 53)
    value = _real(p, rng)
    if p.distribution.startswith("q_"):
        k = round(value / p.q)
        allowed = steps(p)
        return multiple(p, k if allowed is None else min(max(k, allowed[0]), allowed[-1]))
    return value


def _choice(p: Parameter, quantile: float) -> int:
    if not p.probabilities:
        return int(quantile * len(p.values))
    totals = list(itertools.accumulate(p.probabilities))
    return min(bisect_right(totals, quantile * totals[-1]), len(totals) - 1)


def _real(p: Parameter, rng: random.Random) -> float:
    """Return a draw of a continuous distribution, before any rounding to multiples of q."""
    kind = p.distribution.removeprefix("q_")
    if kind == "beta":
        return rng.betavariate(p.a, p.b)
    quantile = rng.random() or _SMALLEST
    if kind in ("normal", "log_normal"):
        from statistics import NormalDist  # noqa: PLC0415  loads decimal and fractions

        value = p.mu + p.sigma * NormalDist().inv_cdf(quantile)
        return value if kind == "normal" else math.exp(value)
    low, high = real_bounds(p)
    if "log_uniform" in kind:
        exponent = (1 - quantile) * math.log(low) + quantile * math.log(high)
        return min(max(math.exp(exponent), low), high)
    return min(max((1 - quantile) * low + quantile * high, low), high)
