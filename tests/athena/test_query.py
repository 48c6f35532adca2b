"""Which engine answers."""

from __future__ import annotations

from typing import Any

import pytest

from archive.errors import InputError, ServiceError
from archive.model.spec import CHAT_MESSAGES
from athena.access import Access
from athena.config import AthenaConfig, Catalog
from athena.query import choose_engine, query

S3 = "s3://lake/chat"


@pytest.mark.parametrize(
    ("engine", "location", "environ", "expected"),
    [
        ("auto", S3, {}, "athena"),
        ("auto", S3, {"AWS_ENDPOINT_URL": "http://localhost:5000"}, "duckdb"),
        ("auto", S3, {"AWS_ENDPOINT_URL_S3": "http://localhost:5000"}, "duckdb"),
        ("auto", S3, {"AWS_ENDPOINT_URL_DYNAMODB": "http://localhost:5000"}, "athena"),
        ("auto", "some/directory", {}, "duckdb"),
        ("duckdb", S3, {}, "duckdb"),
        ("athena", S3, {"AWS_ENDPOINT_URL": "http://localhost:5000"}, "athena"),
    ],
)
def test_the_engine_that_is_meant(engine: Any, location: str, environ: dict[str, str], expected: str) -> None:  # noqa: ANN401 - a Literal
    """Auto is DuckDB for a local copy and for an emulator, else Athena; a named engine is used."""
    assert choose_engine(engine, location, environ) == expected


@pytest.mark.parametrize(("engine", "location"), [("athena", "some/directory"), ("spark", S3)])
def test_an_engine_that_cannot_answer(engine: Any, location: str) -> None:  # noqa: ANN401 - a Literal
    """Athena sees no local directory, and other engines do not exist."""
    with pytest.raises(InputError):
        choose_engine(engine, location, {})


def test_a_local_copy_is_asked_without_aws(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory needs no credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert query("SELECT count(*) AS n FROM messages", catalog, access=Access(environ={}))["n"].to_pylist() == [3]


def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials the error says how to give them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(ServiceError, match="credentials"):
        query("SELECT 1 FROM messages", Catalog(S3, CHAT_MESSAGES, AthenaConfig("dynalake")), engine="duckdb", access=Access(environ={}))
