"""`check` tries all that a run needs: what is not permitted is named, and no message is touched."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from archive.engine.checking import Finding, check
from archive.engine.session import Session
from archive.errors import ServiceError
from tests.archive.engine.workplace import Workplace, denied, hooked, message

_ACTIONS = {
    "Scan": "dynamodb:Scan",
    "Query": "dynamodb:Query",
    "BatchGetItem": "dynamodb:BatchGetItem",
    "PutObject": "s3:PutObject",
    "GetObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "DeleteItem": "dynamodb:DeleteItem",
}
"""Each operation that a run calls in mode delete, protocol single, and the IAM action that permits it."""


def failed(session: Session) -> list[Finding]:
    """Return what the check says is wrong."""
    return [finding for finding in check(session) if finding.verdict == "failed"]


def test_a_table_and_a_lake_in_order_pass(place: Workplace) -> None:
    """All that is left is a warning: there is no point-in-time recovery."""
    place.put(message("a", 1, 1), message("b", 2, 2))
    findings = check(place.session())
    assert [finding.what for finding in findings if finding.verdict != "ok"] == ["purge: nothing forbids it"]
    assert [finding.verdict for finding in findings].count("warning") == 1
    assert "2 modules found" in [finding.text for finding in findings]


def test_an_empty_table_passes(place: Workplace) -> None:
    """There may be no module yet."""
    assert failed(place.session()) == []


def test_checks_touch_no_message_and_begin_no_lake(place: Workplace) -> None:
    """What is written is one probe object."""
    items = [message("a", 1, 1), message("b", 2, 2)]
    place.put(*items)
    check(place.session())
    assert sorted(place.items(), key=str) == sorted(items, key=str)
    assert [found["Key"] for found in place.s3.list_objects_v2(Bucket=place.bucket)["Contents"]] == ["lake/checks/conditional-put"]


@pytest.mark.parametrize("operation", _ACTIONS)
def test_a_missing_permission_is_named(place: Workplace, operation: str) -> None:
    """By its IAM action, in the findings that need it, and in no other."""
    place.put(message("a", 1, 1))
    session = place.session()
    with denied(session, operation):
        findings = failed(session)
    assert findings, f"{operation} is not checked"
    for finding in findings:
        assert f"{_ACTIONS[operation]} on " in finding.text
        assert "is not permitted; grant it to the role in use" in finding.text


def test_a_table_that_may_not_be_described_is_an_error_at_the_start(place: Workplace) -> None:
    """A session needs it, and names it."""
    session = place.session()
    with denied(session, "DescribeTable"), pytest.raises(ServiceError, match=r"dynamodb:DescribeTable on table .* is not permitted"):
        session.reader.facts()


def test_marking_needs_update_item_and_is_checked_with_it(place: Workplace) -> None:
    """In mode expire nothing is deleted."""
    place.dynamodb.update_time_to_live(TableName=place.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
    session = place.with_policy(purge="expire").session()
    with denied(session, "UpdateItem"):
        (finding,) = failed(session)
    assert "dynamodb:UpdateItem on " in finding.text
    with denied(session, "DeleteItem"):
        assert failed(session) == []


def test_a_marking_check_makes_no_item(place: Workplace) -> None:
    """An UpdateItem without a condition would create one."""
    place.dynamodb.update_time_to_live(TableName=place.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
    assert failed(place.with_policy(purge="expire").session()) == []
    assert place.items() == []


@pytest.mark.parametrize("operation", ["DescribeTimeToLive", "GetBucketVersioning"])
def test_a_permission_for_marks_is_named(place: Workplace, operation: str) -> None:
    """What forbids a purge cannot be known without it."""
    place.dynamodb.update_time_to_live(TableName=place.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
    session = place.with_policy(purge="expire").session()
    with denied(session, operation):
        (finding,) = failed(session)
    assert operation in finding.text


def test_who_only_keeps_needs_no_permission_to_purge(place: Workplace) -> None:
    """Nor does the check ask for one."""
    session = place.with_policy(purge="keep").session()
    called: list[str] = []
    with hooked(session.purger_clients.dynamodb, "before-call", lambda model, **_: called.append(model.name)):
        assert all(finding.verdict == "ok" for finding in check(session))
    assert called == []


@pytest.mark.parametrize(
    ("operation", "action"), [("PutItem", "dynamodb:PutItem"), ("BatchExecuteStatement", "dynamodb:PartiQLDelete or PartiQLUpdate")]
)
def test_a_denied_partiql_is_named(place: Workplace, operation: str, action: str) -> None:
    """The probe's own items need PutItem, too; they are gone again, and nothing is remembered that was not tried."""
    session = place.with_policy(protocol="partiql").opened()
    with denied(session, operation):
        (finding,) = failed(session)
    assert f"{action} on " in finding.text
    assert session.record.partiql_types is None
    assert place.items() == []


def test_statements_that_are_denied_are_named(place: Workplace) -> None:
    """AWS answers 200 to the call, and refuses each statement."""
    session = place.with_policy(protocol="partiql").opened()

    def refuse(**_: object) -> tuple[AWSResponse, dict[str, Any]]:
        return AWSResponse("", 200, HTTPHeaders(), BytesIO()), {"Responses": [{"Error": {"Code": "AccessDenied"}}]}

    with hooked(session.purger_clients.dynamodb, "before-call.dynamodb.BatchExecuteStatement", refuse):
        (finding,) = failed(session)
    assert "dynamodb:PartiQLDelete" in finding.text
    assert "is not permitted" in finding.text


def test_a_spool_that_cannot_be_made_is_found(place: Workplace, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    (finding,) = failed(place.with_lake(spool_directory=tmp_path / "file" / "spool").session())
    assert finding.what == "spool"
    assert "set [lake] spool_directory" in finding.text


def test_a_lake_that_may_not_be_purged_from_is_found(place: Workplace) -> None:
    """The refusal is the finding."""
    place.s3.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Suspended"})
    (finding,) = failed(place.session())
    assert "keeps no versions" in finding.text
