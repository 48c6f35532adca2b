"""The tables of docs/analysts.md are what the engines do: each line of theirs is a test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from archive.errors import InputError
from archive.model.spec import CHAT_MESSAGES
from athena import local
from athena.config import Catalog
from athena.objects import LakeObjects
from athena.render import as_csv
from athena.views.view import views_of
from tests.athena.conftest import Answer

PAGE: Final = (Path(__file__).parents[2] / "docs" / "analysts.md").read_text()


def _lines(heading: str) -> list[list[str]]:
    """Return the cells of the table with this heading."""
    _, _, table = PAGE.partition(f"| {heading} |")
    lines = table.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


DIFFERENCES: Final = _lines("difference | question | Athena's answer")
REFUSED: Final = _lines("not answered by DuckDB | question | says")
NAMED: Final = [
    "date_trunc",
    "from_unixtime",
    "AT_TIME_ZONE",
    "approx_percentile",
    "approx_distinct",
    "json_extract_scalar",
    "UNNEST",
    "OVER",
    "GROUP_BY_1",
    "7_/_2",
]


def _asked(cell: str) -> str:
    sql = cell.strip("`")
    return sql if sql.startswith(("SELECT", "DELETE")) else f"SELECT {sql}"


@pytest.mark.parametrize(("difference", "question", "expected"), DIFFERENCES, ids=[line[0] for line in DIFFERENCES])
def test_a_difference_that_is_handled(catalog: Catalog, difference: str, question: str, expected: str) -> None:
    """DuckDB gives the answer that the page says is Athena's."""
    table = local.ask(_asked(question), catalog, LakeObjects.at(catalog.location, None, {}))
    shown = as_csv(table).decode().splitlines()[1].strip('"')
    assert (shown or "NULL") == expected.strip("`"), difference


@pytest.mark.parametrize(("difference", "question", "says"), REFUSED, ids=[line[0] for line in REFUSED])
def test_a_difference_that_is_refused(answer: Answer, difference: str, question: str, says: str) -> None:
    """With a sentence that has these words."""
    with pytest.raises(InputError, match=re.escape(says)):
        answer(_asked(question))
    assert difference


@pytest.mark.parametrize("name", NAMED)
def test_what_analysts_use_most_is_on_the_page(name: str) -> None:
    """By its name in a question."""
    assert any(name.replace("_", " ") in question or name in question for _, question, _ in DIFFERENCES)


def test_every_view_is_on_the_page_with_its_purpose() -> None:
    """And no other."""
    told = {name.strip("`"): purpose for name, purpose in _lines("view | answers")}
    assert told == {
        view.name: view.purpose if view.is_pruned else f"{view.purpose} {view.reads}" for view in views_of(CHAT_MESSAGES, "messages")[0]
    }
