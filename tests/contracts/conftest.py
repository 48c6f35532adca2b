"""Runs each contract against each endpoint, and expects a failure exactly where `known.py` says that one differs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts.endpoints import NAMED, Endpoint, dynamodb_endpoints, named, s3_endpoints
from tests.contracts.known import why_wrong
from tests.strict import loosely


@pytest.fixture(autouse=True)
def _loose() -> Iterator[None]:
    """Send what AWS would refuse: what the server says to it is the question."""
    with loosely():
        yield


@pytest.fixture(params=dynamodb_endpoints("moto", "dynalite", "ministack"))
def dynamodb_endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """Each DynamoDB in turn."""
    return _endpoint(request)


@pytest.fixture(params=dynamodb_endpoints("ministack"))
def partiql_endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """Each DynamoDB that has PartiQL: moto crashes at the first DELETE, and dynalite has none."""
    return _endpoint(request)


@pytest.fixture(params=s3_endpoints("moto", "ministack"))
def s3_endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """Each S3 in turn."""
    return _endpoint(request)


def _endpoint(request: pytest.FixtureRequest) -> Endpoint:
    if request.param == NAMED:
        return named()
    found: Endpoint = request.getfixturevalue(f"{request.param}_server")
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Turn each known difference into a failure that must come: when it does not, the server has learned it."""
    for item in items:
        if Path(__file__).parent in item.path.parents and isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            params = item.callspec.params
            server = next((params[name] for name in ("dynamodb_endpoint", "partiql_endpoint", "s3_endpoint") if name in params), "")
            reason = why_wrong(str(server), item.originalname, str(params.get("kind", "")))
            if reason:
                item.add_marker(pytest.mark.xfail(reason=f"{server} {reason}", strict=True))
