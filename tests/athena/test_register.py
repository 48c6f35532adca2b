"""Glue holds what the lake needs after registering, and is left alone when it already does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from archive.errors import InputError, ServiceError, TransientServiceError
from archive.model.spec import CHAT_MESSAGES
from athena.columns import RECEIPTS
from athena.register import register, widen, widened
from athena.tables import Table, messages_table, records_table
from tests.servers import Server

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

MESSAGES = messages_table(CHAT_MESSAGES, "s3://lake/chat/messages/", date(2015, 1, 1), "day")
TABLES = (MESSAGES, records_table(RECEIPTS, "s3://lake/chat/receipts/", date(2015, 1, 1), "day"))


@pytest.fixture
def glue(moto_server: Server) -> GlueClient:
    """A Glue client of the moto server."""
    return moto_server.glue()


@pytest.fixture
def database() -> str:
    """A database name of the test's own."""
    return f"lake_{uuid4().hex[:8]}"


@pytest.fixture
def writes(glue: GlueClient) -> Iterator[list[str]]:
    """The names of all calls to Glue that write."""
    seen: list[str] = []

    def note(model: Any, **_: Any) -> None:  # noqa: ANN401 - botocore's
        if not model.name.startswith("Get"):
            seen.append(model.name)

    glue.meta.events.register("before-call.glue", note)
    yield seen
    glue.meta.events.unregister("before-call.glue", note)


def _stored(glue: GlueClient, database: str, name: str = "messages") -> dict[str, Any]:
    return dict(glue.get_table(DatabaseName=database, Name=name)["Table"])


def test_an_empty_catalog_gets_database_and_tables(glue: GlueClient, database: str) -> None:
    """The first call creates everything and says so."""
    changes = register(glue, database, TABLES)
    assert changes == [f"created database {database}", f"created table {database}.messages", f"created table {database}.receipts"]
    assert _stored(glue, database)["Parameters"] == dict(MESSAGES.parameters)


def test_a_second_call_writes_nothing(glue: GlueClient, database: str, writes: list[str]) -> None:
    """Registering what is there makes no write call."""
    register(glue, database, TABLES)
    writes.clear()
    assert register(glue, database, TABLES) == []
    assert writes == []


def test_a_changed_definition_is_updated_once(glue: GlueClient, database: str, writes: list[str]) -> None:
    """A new comment, location and start are written in one update that names them."""
    register(glue, database, TABLES)
    writes.clear()
    changed = messages_table(CHAT_MESSAGES, "s3://elsewhere/chat/messages/", date(2014, 1, 1), "day")
    first, *others = changed.columns
    changed = replace(changed, columns=(replace(first, comment="changed"), *others))
    assert register(glue, database, [changed]) == [
        f"updated table {database}.messages: columns, location, projection.dt.range, storage.location.template"
    ]
    assert writes == ["UpdateTable"]
    assert _stored(glue, database)["StorageDescriptor"]["Columns"][0]["Comment"] == "changed"
    assert register(glue, database, [changed]) == []


def test_what_others_set_stays(glue: GlueClient, database: str) -> None:
    """Owner and foreign parameters survive an update, a stale projection setting does not."""
    theirs: Any = MESSAGES.with_parameters({"team": "analytics", "projection.hour.type": "integer"}).glue_input()
    theirs["Owner"] = "somebody"
    glue.create_database(DatabaseInput={"Name": database})
    glue.create_table(DatabaseName=database, TableInput=theirs)
    assert register(glue, database, [MESSAGES]) == [f"updated table {database}.messages: projection.hour.type"]
    stored = _stored(glue, database)
    assert stored["Parameters"] == {**dict(MESSAGES.parameters), "team": "analytics"}
    assert stored["Owner"] == "somebody"
    assert register(glue, database, [MESSAGES]) == []


def test_the_range_is_never_made_narrower(glue: GlueClient, database: str, writes: list[str]) -> None:
    """A later earliest date leaves the older start: what was archived then must still be found."""
    register(glue, database, TABLES)
    writes.clear()
    later = messages_table(CHAT_MESSAGES, MESSAGES.location, date(2020, 1, 1), "day")
    assert register(glue, database, [later]) == []
    assert writes == []
    assert _stored(glue, database)["Parameters"]["projection.dt.range"] == "2015-01-01,NOW"


def test_a_run_widens_the_range_and_nothing_else(glue: GlueClient, database: str, writes: list[str]) -> None:
    """What somebody else made of a table's columns and comments is not the nightly run's business."""
    register(glue, database, TABLES)
    theirs: Any = MESSAGES.with_parameters({"team": "analytics"}).glue_input()
    theirs["Description"], theirs["Owner"] = "ours now", "somebody"
    theirs["StorageDescriptor"]["Columns"][0]["Comment"] = "changed"
    glue.update_table(DatabaseName=database, TableInput=theirs)
    writes.clear()
    earlier = messages_table(CHAT_MESSAGES, MESSAGES.location, date(2014, 5, 6), "day")
    assert widen(glue, database, [earlier]) == ([f"updated table {database}.messages: projection.dt.range"], [])
    stored = _stored(glue, database)
    theirs["Parameters"]["projection.dt.range"] = "2014-05-06,NOW"
    assert {key: stored[key] for key in theirs} == theirs
    assert widen(glue, database, [earlier, MESSAGES]) == ([], [])
    assert writes == ["UpdateTable"]


def test_a_run_makes_no_table(glue: GlueClient, database: str, writes: list[str]) -> None:
    """Those that are missing are named; making them is for `dynalake setup athena`."""
    assert widen(glue, database, TABLES) == ([], [f"{database}.messages", f"{database}.receipts"])
    assert writes == []


@pytest.mark.parametrize(
    ("old", "new", "bounds", "unit"),
    [
        (("2015-01-10", "day"), ("2014-05-06", "day"), "2014-05-06,NOW", "DAYS"),
        (("2015-01-10", "day"), ("2016-05-06", "month"), "2015-01-01,NOW", "DAYS"),
        (("2015-01-10", "month"), ("2016-05-06", "day"), "2015-01-01,NOW", "DAYS"),
        (("2015-01-10", "month"), ("2016-05-06", "month"), "2015-01-01,NOW", "MONTHS"),
    ],
)
def test_a_new_layout_still_covers_the_old_partitions(old: tuple[str, Any], new: tuple[str, Any], bounds: str, unit: str) -> None:
    """The earlier start and the finer unit win, whatever the order of the layouts was."""
    before, after = (messages_table(CHAT_MESSAGES, MESSAGES.location, date.fromisoformat(day), part) for day, part in (old, new))
    found = dict(widened(after, dict(before.parameters)).parameters)
    assert (found["projection.dt.range"], found["projection.dt.interval.unit"]) == (bounds, unit)


def test_a_table_athena_cannot_use_is_refused_before_any_write(glue: GlueClient, database: str, writes: list[str]) -> None:
    """Nothing is created, not even the database, if one of the tables is wrong."""
    wrong: Table = MESSAGES.with_parameters({"projection.dt.range": "2015/01/01,NOW"})
    with pytest.raises(InputError):
        register(glue, database, [TABLES[1], wrong])
    assert writes == []


@pytest.mark.parametrize(
    ("code", "status", "error", "says"),
    [
        ("AccessDeniedException", 400, ServiceError, "glue:GetDatabase on lake is not permitted"),
        ("ConcurrentModificationException", 400, TransientServiceError, "run again later"),
        ("InternalServiceException", 500, TransientServiceError, "run again later"),
    ],
)
def test_what_glue_refuses_is_translated(code: str, status: int, error: type[Exception], says: str) -> None:
    """AWS's errors become ours, with the action and a hint."""
    glue = boto3.client("glue", region_name="us-east-1", config=Config(retries={"total_max_attempts": 1}))
    with Stubber(glue) as stub:
        stub.add_client_error("get_database", code, "no", status)
        with pytest.raises(error, match=says):
            register(glue, "lake", TABLES)


def test_a_database_made_by_another_run_meanwhile_is_fine() -> None:
    """AlreadyExists between looking and creating is what we wanted anyway."""
    glue = boto3.client("glue", region_name="us-east-1")
    with Stubber(glue) as stub:
        stub.add_client_error("get_database", "EntityNotFoundException")
        stub.add_client_error("create_database", "AlreadyExistsException")
        assert register(glue, "lake", []) == []


def test_a_table_made_by_another_run_meanwhile_is_compared() -> None:
    """If another run creates the same table first, nothing is left to do."""
    glue = boto3.client("glue", region_name="us-east-1")
    with Stubber(glue) as stub:
        stub.add_response("get_database", {"Database": {"Name": "lake"}})
        stub.add_client_error("get_table", "EntityNotFoundException")
        stub.add_client_error("create_table", "AlreadyExistsException")
        stub.add_response("get_table", {"Table": MESSAGES.glue_input()})
        assert register(glue, "lake", [MESSAGES]) == []
        stub.assert_no_pending_responses()
