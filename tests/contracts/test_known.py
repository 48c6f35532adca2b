"""The table of known differences: it names contracts that are there, and readers find the same one in the docs."""

from __future__ import annotations

from pathlib import Path

from tests.contracts import test_dynamodb_facts, test_partiql_facts, test_s3_facts, test_table_facts
from tests.contracts.known import WRONG

_PAGE = Path(__file__).parents[2] / "docs" / "servers.md"
_MODULES = (test_dynamodb_facts, test_partiql_facts, test_s3_facts, test_table_facts)


def _rows() -> list[str]:
    rows = []
    for server, wrong in WRONG.items():
        for test, what in wrong.items():
            contract = test.removeprefix("test_").replace("_", " ")
            rows.append(f"| {server} | {contract} | {what} |")
    return rows


def test_each_difference_is_of_a_contract() -> None:
    """A test that was renamed is no difference."""
    tests = {name for module in _MODULES for name in vars(module)}
    assert {test.partition("[")[0] for wrong in WRONG.values() for test in wrong} <= tests


def test_the_docs_have_the_same_table() -> None:
    """Row by row."""
    table = [line for line in _PAGE.read_text().splitlines() if line.startswith(tuple(f"| {server} |" for server in WRONG))]
    assert table == _rows()
