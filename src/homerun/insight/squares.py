"""Least squares with what it takes to judge it: F tests of blocks of columns, HC3, pure error."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PureError:
    """What repeats of a configuration say of the noise: a sum of squares and its freedom."""

    squares: float = 0.0
    freedom: int = 0


@dataclass(frozen=True, kw_only=True)
class Block:
    """What a block of columns adds to a model."""

    rank: int
    squares: float  # that it explains
    beta: Floats  # (k,), of the shortest solution
    cov: Floats  # (k, k), to be multiplied by the variance of the noise
    estimable: Floats  # (k, k), the projection on what the data can tell


def f_tail(value: float, df1: float, df2: float) -> float:
    """Return P(F > value)."""
    return float(special.fdtrc(df1, df2, value)) if df2 > 0 else 1.0


def t_quantile(p: float, df: float) -> float:
    """Return the p quantile of Student's t; infinite without degrees of freedom."""
    return float(special.stdtrit(df, p)) if df >= 1 else np.inf


def basis(columns: Floats, *, lengths: Floats | None = None) -> Floats:
    """Return orthonormal columns that span the same (n, rank).

    `lengths`: the columns' squared lengths before they were freed of others; what is left of a
    column that the others explain counts as nothing.
    """
    if lengths is None:
        lengths = np.einsum("ij,ij->j", columns, columns)
    q: Floats = columns[:, lengths > 0] / np.sqrt(lengths[lengths > 0])
    for _ in range(2):  # the second pass makes the columns orthogonal to the last digit
        values, vectors = np.linalg.eigh(q.T @ q)
        keep = values > 1e-8
        q = q @ (vectors[:, keep] / np.sqrt(values[keep]))
    return q


def noise(rss: float, df: int, pure: PureError) -> tuple[float, int]:
    """Return the variance of a cell's noise and its freedom: residuals and repeats pooled.

    Residuals that are larger than the repeats allow (p < .05) are a model that does not fit;
    then they alone are the noise.
    """
    if pure.freedom == 0:
        return (rss / df, df) if df > 0 else (np.nan, 0)
    repeats = pure.squares / pure.freedom
    if df <= 0:
        return repeats, pure.freedom
    if rss / df > repeats and f_tail(rss / df / max(repeats, 1e-300), df, pure.freedom) < 0.05:
        return rss / df, df
    return (rss + pure.squares) / (df + pure.freedom), df + pure.freedom


def block_of(columns: Floats, residual: Floats, lengths: Floats) -> Block:
    """Return what columns explain of the residuals; both are free of the rest of the model.

    `lengths`: the columns' squared lengths before that; what is left of nothing counts as nothing.
    """
    scale = np.sqrt(np.where(lengths > 0, lengths, 1.0))
    scaled = columns / scale
    values, vectors = np.linalg.eigh(scaled.T @ scaled)
    keep = values > 1e-8
    kept, values = vectors[:, keep], values[keep]
    along = kept.T @ (scaled.T @ residual)
    inverse = kept / values
    return Block(
        rank=int(keep.sum()),
        squares=float(along @ (along / values)),
        beta=(inverse @ along) / scale,
        cov=(inverse @ kept.T) / scale[:, None] / scale[None, :],
        estimable=(kept @ kept.T) * scale[None, :] / scale[:, None],
    )


def hc3(columns: Floats, cov: Floats, residual: Floats, leverage: Floats) -> Floats:
    """Return the HC3 covariance of a block's coefficients (MacKinnon, White 1985)."""
    meat = columns * (residual / np.maximum(1 - leverage, 1e-3))[:, None]
    half = meat @ cov
    cov_of_block: Floats = half.T @ half
    return cov_of_block


def quadratic(rows: Floats, form: Floats) -> Floats:
    """Return the value of a quadratic form for each row (n,)."""
    values: Floats = np.einsum("ij,ij->i", rows @ form, rows)
    return values


def leverages(q: Floats) -> Floats:
    """Return the diagonal of the hat matrix of an orthonormal basis."""
    diagonal: Floats = np.einsum("ij,ij->i", q, q)
    return diagonal


def is_uneven(residual: Floats, columns: Floats) -> bool:
    """Tell whether the noise differs between settings (Koenker's test on the columns, p < .05).

    Or whether a few residuals are so large that F tests trust them too much (kurtosis).
    """
    n, squares = len(residual), residual**2
    spread = squares - squares.mean()
    total = float(spread @ spread)
    if total == 0:
        return False
    if total / n / squares.mean() ** 2 > 2 + 4 * np.sqrt(24 / n):
        return True
    q = basis(columns - columns.mean(axis=0))
    explained = float(np.sum((q.T @ spread) ** 2)) / total
    return float(special.chdtrc(q.shape[1], n * explained)) < 0.05


def stacked(blocks: Sequence[Floats]) -> tuple[Floats, list[slice]]:
    """Return blocks of columns beside each other, and where each lies; a column is contiguous."""
    edges = np.cumsum([0, *(block.shape[1] for block in blocks)])
    places = [slice(int(a), int(b)) for a, b in pairwise(edges)]
    columns = np.empty((len(blocks[0]), int(edges[-1])), order="F")
    for place, block in zip(places, blocks, strict=True):
        columns[:, place] = block
    return columns, places
