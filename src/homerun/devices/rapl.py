"""Energy of the CPU packages, from the kernel's RAPL counters.

https://docs.kernel.org/power/powercap/powercap.html. Intel and AMD; since 2020 for root alone.
"""

from functools import lru_cache
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
_UJ_PER_WH = 3.6e9


class CpuEnergy:
    """Counts what all CPU packages of the machine use; `update` it every few minutes."""

    def __init__(self, root: Path = POWERCAP) -> None:
        self._domains = _readable(root)
        self._last = [_read(path) for path, _ in self._domains]
        self._used_uj = 0

    def update(self) -> None:
        """Add what was used since the last time; a counter wraps within minutes to hours."""
        for i, (path, most_uj) in enumerate(self._domains):
            now, last = _read(path), self._last[i]
            if now is not None and last is not None:
                self._used_uj += now - last if now >= last else now - last + most_uj
            self._last[i] = now

    def wh(self) -> float | None:
        """Return the energy in Wh, None where a counter cannot be read."""
        self.update()
        if not self._last or None in self._last:
            return None
        return self._used_uj / _UJ_PER_WH


def why_no_cpu_energy(root: Path = POWERCAP) -> str:
    """Return why the energy of the CPU is not known and how to have it; empty when it is."""
    domains = _packages(root)
    if not domains:
        return "the kernel shows no RAPL counters here"
    if _readable(root):
        return ""
    return (
        "the RAPL counters are readable by root alone; to allow everybody, until the next start: "
        f"sudo chmod a+r {root}/intel-rapl:*/*energy*_uj"
    )


def _packages(root: Path) -> list[Path]:
    """Return the folders of whole packages; cores and memory are in them, psys is around."""
    found = []
    for folder in sorted(root.glob("intel-rapl:*")):
        try:
            if (folder / "name").read_text().startswith("package"):
                found.append(folder)
        except OSError:
            continue
    return found


@lru_cache(maxsize=8)
def _readable(root: Path) -> tuple[tuple[Path, int], ...]:
    """Return the counters and where each wraps, none when one of them cannot be read."""
    found = []
    for folder in _packages(root):
        counter, most_uj = folder / "energy_uj", _read(folder / "max_energy_range_uj")
        if most_uj is None or _read(counter) is None:
            return ()
        found.append((counter, most_uj))
    return tuple(found)


def _read(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
