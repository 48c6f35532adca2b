"""`dynalake costs`: what it prints, as text and as JSON, without and with a table to look at, and the commands of docs/costs.md."""

from __future__ import annotations

import json
import re
import shlex
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from rich.console import Console
from typer.testing import CliRunner

from archive.model.prices import REGIONS, prices_of
from archive.model.table_shape import chat_messages
from archive.model.ways import Scenario
from athena.columns import RUNS, record_columns
from athena.gate import check_question
from flows.cli import app
from flows.show_costs import dollars, months, short, show_costs, signed
from tests.conftest import Golden
from tests.servers import Server, create_chat_messages

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "costs.md"


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in an empty folder, without credentials, and without a way to any server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("COLUMNS", "120")


def run(*words: str) -> str:
    """Run the command, and return what it prints."""
    result = CliRunner().invoke(app, ["costs", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_scenarios_need_nothing(golden: Golden) -> None:
    """No settings, no credentials, no network: four volumes are priced."""
    golden("costs.txt", run())


def test_money_is_text_and_counts_are_numbers() -> None:
    """For programs: one volume, of another size, with each part, each policy and each alternative."""
    found = json.loads(run("--messages", "5_000_000", "--item-bytes", "1500", "--json"))
    (scenario,) = found["scenarios"]
    assert (found["region"], scenario["messages_a_month"], scenario["messages_stored"]) == ("us-east-1", 5_000_000, 60_000_000)
    assert [part["write_units"] for part in scenario["parts"]] == [10_000_000] * 4
    parts = [Decimal(part[f"dollars_{what}"]) for part in scenario["parts"] for what in ("storage", "writes", "reads")]
    assert abs(sum(parts) - Decimal(scenario["dollars_a_month"])) < Decimal("0.0001")
    assert set(scenario["policies"]) == {"delete", "expire", "born with a TTL", "keep"}
    assert scenario["policies"]["keep"]["months_to_break_even"] is None


def test_the_settings_prices_and_policy_count(tmp_path: Path) -> None:
    """And no bucket need be named in them."""
    file = tmp_path / "own.toml"
    file.write_text('[source]\nregion = "eu-central-1"\n[prices]\nwrite_million = 0.5\n[policy]\nretention_days = 360\n')
    text = run("--config", str(file))
    assert "at the prices of eu-central-1" in text
    assert "Set in [prices]: write_million." in text
    assert re.search(r"taken from us-east-1: .*scan_tb", text)
    found = json.loads(run("--config", str(file), "--messages", "1_000_000", "--json"))["scenarios"][0]
    assert [part["dollars_writes"] for part in found["parts"]] == ["1.000000"] * 4
    assert found["policies"]["delete"]["dollars_backlog_once"] == "0.000000"


def test_a_real_table_is_looked_at(moto_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One DescribeTable: its items, sizes and indexes; nothing else of the settings need exist."""
    client = moto_server.dynamodb()
    create_chat_messages(client, "CostsTable")
    for number in range(3):
        item: Any = {"conversationId": {"S": "c"}, "timestamp": {"N": str(number)}, "moduleId": {"N": "1"}, "content": {"S": "x" * 1_100}}
        client.put_item(TableName="CostsTable", Item=item)
    for name, value in (("AWS_ENDPOINT_URL", moto_server.endpoint), ("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")):
        monkeypatch.setenv(name, value)
    file = tmp_path / "own.toml"
    file.write_text('[source]\ntable = "CostsTable"\nregion = "us-east-1"\n')
    found = json.loads(run("--config", str(file), "--table", "--json"))
    (scenario,) = found["scenarios"]
    assert (scenario["messages_stored"], scenario["messages_a_month"], len(scenario["parts"])) == (3, 3, 4)
    assert "(its items by its age; --messages says better)" in found["notes"][0]
    assert "its age" not in run("--config", str(file), "--table", "--messages", "100")


def test_what_is_provisioned_is_told_at_its_price(moto_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """20 write and 10 read units for 730 hours, whatever is used of them."""
    client = moto_server.dynamodb()
    client.create_table(
        TableName="CostsProvisioned",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        ProvisionedThroughput={"WriteCapacityUnits": 20, "ReadCapacityUnits": 10},
    )
    client.put_item(TableName="CostsProvisioned", Item={"id": {"S": "a"}})
    for name, value in (("AWS_ENDPOINT_URL", moto_server.endpoint), ("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")):
        monkeypatch.setenv(name, value)
    file = tmp_path / "own.toml"
    file.write_text('[source]\ntable = "CostsProvisioned"\nregion = "us-east-1"\n')
    text = run("--config", str(file), "--table")
    assert "1 items of" in text
    assert "0 indexes, 1 region;" in text
    assert "It is provisioned: 20 write and 10 read units are $10.44 a month, whatever is used." in " ".join(text.split())


def test_without_a_way_to_the_table_one_sentence_says_so() -> None:
    """As for every other command that looks at it."""
    result = CliRunner().invoke(app, ["costs", "--table"])
    assert result.exit_code != 0
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_can_be_priced(region: str) -> None:
    """And says where its prices are from."""
    console = Console(file=StringIO(), width=100)
    show_costs(console, [Scenario(chat_messages(2_048), 10**6, 10**7, prices_of(region))], [])
    assert region in console.file.getvalue()  # type: ignore[attr-defined]


def test_amounts_are_shown_to_cents_or_better() -> None:
    """Nothing that costs something is shown as nothing that matters, and no volume is rounded."""
    assert [dollars(Decimal(text)) for text in ("0", "0.0042", "0.01", "1234.567")] == ["0.00", "0.0042", "0.01", "1,234.57"]
    assert [signed(Decimal(text)) for text in ("1", "-1", "0")] == ["+1.00", "-1.00", "0.00"]
    assert [months(number) for number in (None, Decimal("2.54"))] == ["never", "2.5"]
    assert [short(number) for number in (10**9, 25 * 10**6, 5_000, 1_234_567)] == ["1B", "25M", "5k", "1,234,567"]


def commands() -> list[str]:
    """Return the lines of the document that a reader would type."""
    return re.findall(r"^(?:\$ )?dynalake (costs.*)$", DOCUMENT.read_text(), re.MULTILINE)


@pytest.mark.parametrize("line", [line for line in commands() if "--table" not in line])
def test_the_commands_of_the_document_run(line: str) -> None:
    """As they stand."""
    result = CliRunner().invoke(app, shlex.split(line, comments=True))
    assert result.exit_code == 0, result.output


def test_what_the_document_shows_is_printed() -> None:
    """Each line of its example is one that the command prints now."""
    (shown,) = re.findall(r"^```\n\$ dynalake costs\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    printed = {line.rstrip() for line in run().splitlines()}
    assert [line for line in shown.splitlines() if line not in ("", "...") and line.rstrip() not in printed] == []
    assert len(commands()) > 2


def test_the_question_of_the_document_can_be_asked() -> None:
    """It is one SELECT, and names columns that runs have."""
    (sql,) = re.findall(r"^```sql\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert check_question(sql).strip() == sql.strip()
    assert set(re.findall(r"\b[a-z_]+\b", re.sub(r"'[^']*'", "", sql))) - {"runs"} <= {column.name for column in record_columns(RUNS)}
