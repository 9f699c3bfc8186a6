"""Orders of a grid: bijections of range(size), computed for one index at a time.

Nothing is listed, so any place of the order of a grid of any size is known at once.
"""

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache

_ROUNDS = 8


@lru_cache(maxsize=4096)  # the few values of an axis are asked for again and again
def shuffled(index: int, size: int, key: str) -> int:
    """Return where a permutation of range(size), chosen by the key, takes an index.

    A Feistel network over the next even number of bits, walked until the result is in range:
    Black and Rogaway, Ciphers with Arbitrary Finite Domains, CT-RSA 2002. Under four walks a call
    on average.
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = index >> half, index & mask
        for round_ in range(_ROUNDS):
            text = f"{key}/{round_}/{right}".encode()
            digest = hashlib.shake_128(text).digest(half // 8 + 1)
            left, right = right, left ^ (int.from_bytes(digest, "big") & mask)
        index = left << half | right
        if index < size:
            return index


def balanced(index: int, sizes: Sequence[int], key: str) -> list[int]:
    """Return the digits of the index-th point of an order that covers every axis evenly.

    In the first m points of it, for every m, the values of an axis appear equally often, give or
    take one. The group Z_n1 x Z_n2 x ... is walked along the diagonal (1, 1, ...), which visits
    each value of each axis in turn and comes home after lcm(n1, n2, ...) steps; then a point not
    yet visited is the next start. Starts are told apart by a shift of axis d below
    gcd(lcm(n1 ... n(d-1)), nd), and taken in shuffled order, so that pairs of axes mix as well.
    """
    period = math.lcm(*sizes)
    start, step = divmod(index, period)
    start = shuffled(start, math.prod(sizes) // period, f"{key}/starts")
    digits, before = [], 1
    for axis, size in enumerate(sizes):
        start, shift = divmod(start, math.gcd(before, size))
        before = math.lcm(before, size)
        digits.append(shuffled((step + shift) % size, size, f"{key}/{axis}"))
    return digits
