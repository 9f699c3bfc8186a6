"""Ids and friendly names, and the rule that keeps both inside the home."""

import os
import re

from homerun.core.errors import UsageError

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_ADJECTIVES = (
    "amber ancient autumn azure bold brave breezy bright bronze calm clever cosmic crimson "
    "crisp dapper daring dawn deep eager earnest electric ember fancy fast fearless floral "
    "frosty gentle gilded glad golden grand happy hardy hidden honest humble icy jolly keen "
    "kind lively lucky lunar mellow merry mighty misty noble olive patient playful polished "
    "proud quick quiet radiant rapid ruby silent silver smooth solar sparkling steady still "
    "stoic sunny swift tidal vivid wandering warm wild wise"
).split()
_NOUNS = (
    "anchor aurora badger bay beacon birch bison breeze brook canyon cedar cliff cloud comet "
    "coral crane creek delta dolphin dune eagle elm falcon fern fjord forest fox galaxy glade "
    "glacier grove harbor hawk heron hill island jaguar jay juniper lagoon lake lark leaf lynx "
    "maple meadow meteor moon moose nebula oak ocean orchid otter owl peak pine planet plover "
    "pond prairie puffin rain raven reef ridge river robin sequoia sky snow sparrow spruce star "
    "stone stream sunset swan tide tiger trail tundra valley wave willow wind wolf wren"
).split()


def new_id(length: int = 8) -> str:
    """Return a random lower-case id of letters and digits, as W&B's run ids."""
    return id_of(int.from_bytes(os.urandom(2 * length)), length)


def id_of(number: int, length: int = 8) -> str:
    """Return the id that a large number stands for."""
    return "".join(_ALPHABET[number // 36**i % 36] for i in range(length))


def friendly_name(run_id: str, number: int | None = None) -> str:
    """Return a name a person can say, always the same for one id: `amber-falcon-12`."""
    seed = int.from_bytes(run_id.encode(), "big")
    words = f"{_ADJECTIVES[seed % len(_ADJECTIVES)]}-{_NOUNS[seed % 9973 % len(_NOUNS)]}"
    return words if number is None else f"{words}-{number}"


def check_id(value: str) -> str:
    """Return the run id if it can name a folder inside the home; raise UsageError otherwise."""
    if not isinstance(value, str) or not _ID.fullmatch(value) or ".." in value:
        raise UsageError(
            f"run id {value!r} cannot be used; use 1 to 128 letters, digits, '_', '-' or '.', "
            "starting with a letter or digit"
        )
    return value
