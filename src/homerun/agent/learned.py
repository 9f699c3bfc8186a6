"""How much GPU memory a run is going to need, learned from the peaks of earlier ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MARGIN = 1.1  # what is reserved, beyond the highest peak
_SAME = 1.05  # peaks that differ by less tell nothing

Peak = tuple[Mapping[str, Any], float]  # configuration, peak memory on one GPU in MiB


def learned_mib(peaks: Sequence[Peak], config: Mapping[str, Any]) -> float | None:
    """Return the MiB to reserve for a configuration; None while no run tells.

    It is 1.1 times the highest peak of the runs that agree in all settings that matter.
    """
    keys = settings_that_matter(peaks)
    wanted = _values(config, keys)
    alike = [mib for known, mib in peaks if _values(known, keys) == wanted]
    return max(alike) * MARGIN if alike else None


def settings_that_matter(peaks: Sequence[Peak]) -> list[str]:
    """Return the keys whose value may change the peak, as far as these runs can tell.

    A key is left out when runs that differ in it, and in no other key that matters, have the same
    peak to within 5 %. What was never varied alone may matter.
    """
    keys = sorted({key for config, _ in peaks for key in config})
    for key in list(keys):
        rest = [other for other in keys if other != key]
        if _is_indifferent(peaks, key, rest):
            keys = rest
    return keys


def _is_indifferent(peaks: Sequence[Peak], key: str, rest: Iterable[str]) -> bool:
    groups: dict[str, list[tuple[str, float]]] = {}
    for config, mib in peaks:
        groups.setdefault(_values(config, rest), []).append((_values(config, [key]), mib))
    compared = [group for group in groups.values() if len({value for value, _ in group}) > 1]
    return bool(compared) and all(_spread(group) <= _SAME for group in compared)


def _spread(group: Sequence[tuple[str, float]]) -> float:
    peaks = [mib for _, mib in group]
    return max(peaks) / max(min(peaks), 1e-9)


def _values(config: Mapping[str, Any], keys: Iterable[str]) -> str:
    return repr([(key, config.get(key)) for key in keys])
