"""The small languages inside SQL texts."""

from __future__ import annotations

import pytest

from archive.errors import InputError
from athena.patterns import java_replacement, joda_format


@pytest.mark.parametrize(
    ("joda", "strftime"),
    [
        ("yyyy-MM-dd HH:mm:ss.SSS", "%Y-%m-%d %H:%M:%S.%g"),
        ("yyyy-MM-dd'T'HH:mm", "%Y-%m-%dT%H:%M"),
        ("h 'o''clock' a", "%-I o'clock %p"),
        ("EEEE, d MMMM yyyy", "%A, %-d %B %Y"),
        ("''yy''", "'%y'"),
        ("100%", "100%%"),
    ],
)
def test_joda_formats(joda: str, strftime: str) -> None:
    """Letters, quoted text and percent signs are carried over."""
    assert joda_format(joda) == strftime


@pytest.mark.parametrize("pattern", ["yyyy-MM-dd Z", "G", "SSSSSS", "yyyyMMddQ"])
def test_an_unknown_letter_is_refused(pattern: str) -> None:
    """A letter without a certain counterpart is an error, not a guess."""
    with pytest.raises(InputError, match="date format"):
        joda_format(pattern)


@pytest.mark.parametrize(
    ("java", "pattern", "re2"),
    [
        ("3c$2 ", "", r"3c\2 "),
        (r"\$5", "", "$5"),
        (r"a\\b", "", r"a\\b"),
        ("${y}-${m}", r"(?<m>\d+)/(?:x)(?<y>\d+)", r"\2-\1"),
        ("${b}", r"(a)(?<=x)\((?<b>c)", r"\2"),
        ("plain", "", "plain"),
    ],
)
def test_replacements(java: str, pattern: str, re2: str) -> None:
    """Numbers, names and escaped characters become RE2's."""
    assert java_replacement(java, pattern) == re2


@pytest.mark.parametrize(("java", "pattern"), [("$", ""), ("a$b", ""), ("a\\", ""), ("${n}", "(a)")])
def test_a_replacement_that_java_rejects_is_refused(java: str, pattern: str) -> None:
    """A bare dollar sign or backslash, and a group that is not there, are errors in Trino too."""
    with pytest.raises(InputError, match="replacement"):
        java_replacement(java, pattern)
