"""How a report writes numbers, sizes, money, days and lengths of time."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Final

_UNITS: Final = ("bytes", "KB", "MB", "GB", "TB", "PB")
_STEP: Final = 1024  # as AWS bills
_MINUTE, _HOUR = 60, 3600
_WHOLE_DOLLARS: Final = 1000
_CENTS: Final = Decimal("0.1")
_LEAST: Final = Decimal("0.0001")


def unit_of(largest: int) -> tuple[int, str]:
    """Return the unit that sizes up to `largest` bytes are written in: its bytes, and its name."""
    power = 0
    while power < len(_UNITS) - 1 and largest >= _STEP ** (power + 1):
        power += 1
    return _STEP**power, _UNITS[power]


def size(count: int) -> str:
    """Return a number of bytes: `1.4 GB`."""
    unit, name = unit_of(abs(count))
    return f"{count:,} bytes" if unit == 1 else f"{count / unit:,.{1 if abs(count) / unit >= 10 else 2}f} {name}"  # noqa: PLR2004 - three digits


def money(dollars: Decimal) -> str:
    """Return an amount: `$1,204`, `$12.40`, or `$0.0031` where cents would say nothing."""
    sign, amount = ("-" if dollars < 0 else ""), abs(dollars)
    if amount >= _WHOLE_DOLLARS:
        return f"{sign}${amount:,.0f}"
    if amount == 0 or amount >= _CENTS:
        return f"{sign}${amount:,.2f}"
    return f"{sign}${float(amount):.2g}" if amount >= _LEAST else f"under ${_LEAST}"


def day(moment: date) -> str:
    """Return a day: `2024-01-31`."""
    return moment.isoformat()


def instant(moment: datetime) -> str:
    """Return an instant of UTC: `2024-01-31 03:00 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def duration(seconds: float) -> str:
    """Return a length of time: `12 s`, `3 min`, `1.5 h`."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    return f"{seconds / _MINUTE:.1f} min" if seconds < _HOUR else f"{seconds / _HOUR:.1f} h"


def share(part: float) -> str:
    """Return a share from 0 to 1: `12.3%`."""
    return f"{part * 100:.1f}%" if part >= 0.001 or part == 0 else "under 0.1%"  # noqa: PLR2004 - what one digit shows


def count(number: int, what: str) -> str:
    """Return a number of things: `1 message`, `2,000 messages`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
