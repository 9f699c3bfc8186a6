"""A fingerprint of a configuration: how the home knows that it was tried before."""

import json

from homerun.core.nouns import Config


def config_hash(config: Config) -> str:
    """Return 16 hex digits that are the same for equal configurations, whatever their key order.

    1, 1.0, True and "1" are four different values, because a program may treat them differently.
    """
    import hashlib  # noqa: PLC0415  loads OpenSSL, and most commands hash nothing

    text = json.dumps(config, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
