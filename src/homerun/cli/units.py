"""Values with units on the command line: times and sizes of memory."""

from typing import Any

import click

from homerun.spec import LEARNED, duration_s, memory_mib


class _Seconds(click.ParamType):  # type: ignore[type-arg]  # generic for the checker alone
    """Seconds, from a number or from text such as 90s, 30m, 4h, 1d."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds that a text means."""
        text = str(value)
        seconds = float(text) if text.replace(".", "", 1).isdecimal() else duration_s(text)
        if not seconds:
            self.fail(
                f"{value!r} is no time; use seconds, or text such as 90s, 30m, 4h or 1d", param, ctx
            )
        return seconds


class _Memory(click.ParamType):  # type: ignore[type-arg]
    """MiB, from text such as 6GiB."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the MiB that a text means."""
        mib = value if isinstance(value, float) else memory_mib(str(value))
        if mib is None:
            self.fail(f"{value!r} is no size; use text such as 6GiB or 500MiB", param, ctx)
        return mib


class _MemoryOrLearned(_Memory):
    """The same, or the word that says that it is to be learned."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the MiB that a text means, or the word as it is."""
        return value if value == LEARNED else super().convert(value, param, ctx)


SECONDS = _Seconds()
MEMORY = _Memory()
MEMORY_OR_LEARNED = _MemoryOrLearned()
