"""Where names stand beside their points so that none covers another."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from homerun.charts.arrays import Floats

_COVERED = 3  # points that a name may hide


class Box(NamedTuple):
    """A rectangle in pixels, y upwards."""

    left: float
    bottom: float
    right: float
    top: float


# Directions from a point to its name, the best to read first.
_AROUND = ((1, 0), (1, 1), (1, -1), (-1, 0), (-1, 1), (-1, -1), (0, 1), (0, -1))


def place(
    anchors: Floats,
    sizes: Sequence[tuple[float, float]],
    *,
    obstacles: Floats,
    bounds: Box,
    gap: float,
    taken: Iterable[Box] = (),
) -> list[Box | None]:
    """Return a box for each name, the first names first; None where there is no room.

    `anchors` and `obstacles` are (n, 2): points with a name, and points of which a box may cover a
    few if there is no other way. No box covers another one, one that is `taken` or an anchor, or
    leaves the bounds.
    """
    placed = list(taken)
    found: list[Box | None] = []
    for (x, y), (width, height) in zip(anchors, sizes, strict=True):
        best, least = None, np.inf
        for rank, (across, up) in enumerate(_AROUND):
            left = x + across * gap - (width * (1 - across) / 2)
            bottom = y + up * gap - (height * (1 - up) / 2)
            box = Box(left, bottom, left + width, bottom + height)
            if not _inside(box, bounds) or any(_cover(box, other) for other in placed):
                continue
            if _count(box, anchors):
                continue
            cost = _count(box, obstacles) + rank / 100
            if cost < min(least, _COVERED + 1):
                best, least = box, cost
        found.append(best)
        if best is not None:
            placed.append(best)
    return found


def _inside(box: Box, bounds: Box) -> bool:
    return (
        box.left >= bounds.left
        and box.right <= bounds.right
        and box.bottom >= bounds.bottom
        and box.top <= bounds.top
    )


def _cover(one: Box, other: Box) -> bool:
    return (
        one.left < other.right
        and other.left < one.right
        and one.bottom < other.top
        and other.bottom < one.top
    )


def _count(box: Box, points: Floats) -> int:
    if not len(points):
        return 0
    x, y = points[:, 0], points[:, 1]
    return int(((x > box.left) & (x < box.right) & (y > box.bottom) & (y < box.top)).sum())
