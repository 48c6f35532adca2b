"""Opening a lake: whose it is, how time is cut in it, what was learned, and what forbids a purge."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from archive.engine.planning import Request
from archive.errors import LakeDamagedError, RefusedError, ServiceError, TransientServiceError
from archive.model.spec import CHAT_MESSAGES
from archive.model.window import iso
from tests.answering import s3_error
from tests.archive.engine.workplace import DAY_MS, TWO_DAYS, WEEK, Workplace, denied, hooked, message
from tests.servers import create_chat_messages

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

RECORD = "lake/archive.json"


def record_of(place: Workplace) -> dict[str, Any]:
    """Return archive.json as it is stored."""
    found: dict[str, Any] = json.loads(place.get(RECORD))
    return found


def versions_of_record(place: Workplace) -> int:
    """Return how often archive.json was written."""
    return len(place.s3.list_object_versions(Bucket=place.bucket, Prefix=RECORD)["Versions"])


def test_a_session_writes_nothing(place: Workplace) -> None:
    """It only looks: plans and status need no more."""
    assert place.session().is_new_lake
    assert "Contents" not in place.s3.list_objects_v2(Bucket=place.bucket)


def test_a_lake_is_begun_once(place: Workplace) -> None:
    """The second run finds it as it is."""
    place.opened()
    second = place.opened("run-2")
    assert not second.is_new_lake
    assert versions_of_record(place) == 1
    assert record_of(place)["owner"] == {"table_arn": second.facts.arn, "table_id": second.facts.table_id}
    assert record_of(place)["layouts"] == [{"from": "2015-01-01", "partition": "day", "segment": "day"}]


def test_runs_that_begin_a_lake_at_once_begin_one(place: Workplace) -> None:
    """Whoever comes second takes what the first one wrote."""
    sessions = [place.session(f"run-{number}") for number in range(4)]
    start = Barrier(len(sessions))

    def begin(number: int) -> None:
        start.wait()
        sessions[number].open_lake()

    with ThreadPoolExecutor(len(sessions)) as pool:
        list(pool.map(begin, range(len(sessions))))
    assert versions_of_record(place) == 1
    assert len({session.record.to_json() for session in sessions}) == 1


def test_another_tables_lake_is_refused(place: Workplace) -> None:
    """Its messages would overwrite this one's."""
    place.opened()
    other = create_chat_messages(place.dynamodb, f"{place.table}-other")
    with pytest.raises(RefusedError, match=r"this lake belongs to .*choose another \[lake\] prefix"):
        place.with_source(table=other).session()


def test_a_lake_taken_by_another_table_meanwhile_is_refused(place: Workplace) -> None:
    """Between the look and the beginning, another table's run may have begun it."""
    session = place.session()
    other = place.with_source(table=create_chat_messages(place.dynamodb, f"{place.table}-other"))
    other.opened("other")
    with pytest.raises(RefusedError, match="this lake belongs to"):
        session.open_lake()
    assert versions_of_record(place) == 1


def test_other_columns_are_refused(place: Workplace) -> None:
    """Segments of one lake have one schema."""
    place.opened()
    fewer = replace(CHAT_MESSAGES, columns=CHAT_MESSAGES.columns[:-1])
    with pytest.raises(RefusedError, match=r"the columns of the settings are not those"):
        place.with_source(spec=fewer).session()


def test_a_record_that_cannot_be_read_stops_the_run(place: Workplace) -> None:
    """It is not begun anew, which would forget whose the lake is."""
    place.s3.put_object(Bucket=place.bucket, Key=RECORD, Body=b"{")
    with pytest.raises(LakeDamagedError, match="restore its last version"):
        place.session()


def test_a_store_that_ignores_conditions_is_refused_before_anything_is_written(place: Workplace) -> None:
    """Some S3 servers take every PUT: there, two runs would overwrite each other."""
    session = place.session()

    def drop_conditions(params: dict[str, Any], **_: object) -> None:
        for name in ("If-None-Match", "If-Match"):
            params["headers"].pop(name, None)

    with hooked(session.clients.s3, "before-call.s3.PutObject", drop_conditions), pytest.raises(RefusedError, match="without honouring"):
        session.open_lake()
    listed = [found["Key"] for found in place.s3.list_objects_v2(Bucket=place.bucket)["Contents"]]
    assert listed == ["lake/checks/conditional-put"]


def test_an_empty_lake_takes_the_new_layout(place: Workplace) -> None:
    """Nothing is archived yet, so that nothing has to stay as it was cut."""
    place.opened()
    place.with_lake(segment="6h").opened("run-2")
    assert record_of(place)["layouts"] == [{"from": "2015-01-01", "partition": "day", "segment": "6h"}]


def test_a_layout_changes_only_for_days_that_are_not_archived(place: Workplace) -> None:
    """What is stored keeps its segments, and late messages go on finding them."""
    place.put(message("a", 1, 1), message("b", DAY_MS + 1, 1))
    place.perform(Request("backfill", TWO_DAYS))
    place.put(message("c", DAY_MS + 2, 1), message("d", 2 * DAY_MS + 1, 1))
    shorter = place.with_lake(segment="6h")
    shorter.perform(Request("backfill", WEEK), "run-2")
    assert [layout["segment"] for layout in record_of(place)["layouts"]] == ["day", "6h"]
    assert record_of(place)["layouts"][1]["from"] == "2024-01-17"
    assert place.keys("messages") == [
        "lake/messages/dt=2024-01-15/20240115T0000Z-20240116T0000Z.parquet",
        "lake/messages/dt=2024-01-16/20240116T0000Z-20240117T0000Z.parquet",
        "lake/messages/dt=2024-01-17/20240117T0000Z-20240117T0600Z.parquet",
    ]


def test_a_layout_that_is_in_force_is_not_written_again(place: Workplace) -> None:
    """The settings ask every run for it."""
    place.put(message("a", 1, 1))
    place.perform(Request("backfill", TWO_DAYS))
    shorter = place.with_lake(segment="6h")
    shorter.opened("run-2")
    before = versions_of_record(place)
    shorter.opened("run-3")
    assert versions_of_record(place) == before


def test_attributes_are_learned_once(place: Workplace) -> None:
    """Declared ones are known without, and known ones are not written again."""
    session = place.opened()
    session.learn(["content", "mood"])
    session.learn(["mood"])
    assert record_of(place)["attributes"] == ["mood"]
    assert versions_of_record(place) == 2


def test_what_two_runs_learn_at_once_is_kept_of_both(place: Workplace) -> None:
    """Each changes the record from what it is by now."""
    one, other = place.opened("one"), place.opened("other")
    one.learn(["mood"])
    other.learn(["score"])
    assert record_of(place)["attributes"] == ["mood", "score"]
    assert other.known_attributes() >= {"mood", "score"}


def test_a_lost_race_for_the_record_is_run_again(place: Workplace) -> None:
    """Another run changes the record between the GET and the PUT."""
    one, other = place.opened("one"), place.opened("other")
    raced: list[int] = []

    def overtake(**_: object) -> None:
        if not raced:
            raced.append(1)
            other.learn(["score"])

    with hooked(one.clients.s3, "before-call.s3.PutObject", overtake):
        one.learn(["mood"])
    assert raced == [1]
    assert record_of(place)["attributes"] == ["mood", "score"]


def test_a_record_that_others_change_again_and_again_is_an_error(place: Workplace) -> None:
    """It may pass."""
    session = place.opened()

    def lose(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return s3_error(request, "PreconditionFailed", 412)

    with hooked(session.clients.s3, "before-send.s3.PutObject", lose), pytest.raises(TransientServiceError, match="again and again"):
        session.learn({"new"})
    assert "new" not in session.known_attributes()


def test_many_threads_learn_at_once(place: Workplace) -> None:
    """One run reads several modules at a time."""
    sessions = [place.opened("one"), place.opened("other")]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: sessions[number % 2].learn([f"name-{number}"]), range(12)))
    assert record_of(place)["attributes"] == sorted(f"name-{number}" for number in range(12))


def test_a_lake_that_was_not_begun_learns_nothing(place: Workplace) -> None:
    """A plan, which reads messages too, does not begin a lake."""
    session = place.session()
    session.learn(["mood"])
    assert "Contents" not in place.s3.list_objects_v2(Bucket=place.bucket)


def test_known_are_the_declared_the_learned_and_the_versions_attribute(place: Workplace) -> None:
    """All of them must be missing at the table where the archived message lacks them."""
    session = place.with_source(version_attribute="version").opened()
    session.learn(["mood"])
    assert session.known_attributes() == {*CHAT_MESSAGES.attributes, "mood", "version", "expiresAt"}


def test_the_mark_is_no_attribute_of_the_message(place: Workplace) -> None:
    """In mode expire it is ours, also where an earlier policy has learned it; in mode delete it is the message's."""
    session = place.with_policy(purge="expire").opened()
    session.learn(["expiresAt", "mood"])
    assert session.known_attributes() == {*CHAT_MESSAGES.attributes, "mood"}
    assert "expiresAt" in place.opened("run-2").known_attributes()


def test_a_plain_table_and_a_versioned_bucket_may_be_purged(place: Workplace) -> None:
    """With point-in-time recovery there is not even a warning."""
    place.dynamodb.update_continuous_backups(TableName=place.table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})
    assert place.session().require_purgeable() == []


def test_no_point_in_time_recovery_is_a_warning(place: Workplace) -> None:
    """Everything is proved without, but it is the last resort."""
    (warning,) = place.session().require_purgeable()
    assert "no point-in-time recovery" in warning


def test_who_may_not_ask_for_point_in_time_recovery_is_told_so(place: Workplace) -> None:
    """The table may have it: the warning names the permission."""
    session = place.session()
    with denied(session, "DescribeContinuousBackups"):
        (warning,) = session.require_purgeable()
    assert "dynamodb:DescribeContinuousBackups" in warning
    assert "switch it on" not in warning


def test_a_table_with_replicas_is_refused(place: Workplace) -> None:
    """A removal here can outrun an edit there, unless only one region writes."""
    session = place.session()
    session.facts = replace(session.facts, replicas=2)
    with pytest.raises(RefusedError, match="is a global table"):
        session.require_purgeable()
    alone = place.with_policy(single_writer=True).session()
    alone.facts = replace(alone.facts, replicas=2)
    alone.require_purgeable()


def test_a_bucket_without_versions_is_refused(place: Workplace) -> None:
    """Suspended is not enough."""
    place.s3.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Suspended"})
    with pytest.raises(RefusedError, match="keeps no versions"):
        place.session().require_purgeable()


def _rule(prefix: str, **action: Any) -> dict[str, Any]:  # noqa: ANN401 - S3's JSON
    return {"ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": prefix}, **action}


@pytest.mark.parametrize(
    "rule",
    [
        _rule("", Expiration={"Days": 30}),
        _rule("lake/", Expiration={"Date": "2030-01-01T00:00:00Z"}),
        _rule("lake/messages/dt=2024", Expiration={"Days": 1}),
        _rule("lake/messages/", Transitions=[{"Days": 30, "StorageClass": "GLACIER"}]),
        _rule("lake/", Transitions=[{"Days": 90, "StorageClass": "DEEP_ARCHIVE"}]),
    ],
    ids=["all", "dated", "a part", "glacier", "deep archive"],
)
def test_a_lifecycle_rule_that_takes_messages_away_is_refused(place: Workplace, rule: dict[str, Any]) -> None:
    """It would undo the archive later, when the table is empty."""
    place.s3.put_bucket_lifecycle_configuration(Bucket=place.bucket, LifecycleConfiguration={"Rules": [rule]})  # type: ignore[list-item]
    with pytest.raises(RefusedError, match=r"lifecycle rule \(tidy\)"):
        place.session().require_purgeable()


@pytest.mark.parametrize(
    "rule",
    [
        _rule("lake/runs/", Expiration={"Days": 30}),
        _rule("elsewhere/", Expiration={"Days": 30}),
        _rule("lake/", NoncurrentVersionExpiration={"NoncurrentDays": 90}),
        _rule("lake/", Transitions=[{"Days": 30, "StorageClass": "STANDARD_IA"}]),
        {**_rule("lake/", Expiration={"Days": 30}), "Status": "Disabled"},
    ],
    ids=["other records", "another prefix", "old versions", "still readable", "disabled"],
)
def test_other_lifecycle_rules_are_allowed(place: Workplace, rule: dict[str, Any]) -> None:
    """They leave the current versions below messages/ where Athena can read them."""
    place.s3.put_bucket_lifecycle_configuration(Bucket=place.bucket, LifecycleConfiguration={"Rules": [rule]})  # type: ignore[list-item]
    place.session().require_purgeable()


def test_marks_need_a_ttl(place: Workplace) -> None:
    """On the very attribute that is set; elsewhere marked messages would never expire."""
    expiring = place.with_policy(purge="expire")
    with pytest.raises(RefusedError, match="has no TTL on expiresAt"):
        expiring.session().require_purgeable()
    specification: Any = {"Enabled": True, "AttributeName": "expiresAt"}
    place.dynamodb.update_time_to_live(TableName=place.table, TimeToLiveSpecification=specification)
    expiring.session().require_purgeable()
    with pytest.raises(RefusedError, match="has no TTL on ttl"):
        place.with_policy(purge="expire", ttl_attribute="ttl").session().require_purgeable()


def test_who_may_not_ask_for_the_ttl_is_told_so(place: Workplace) -> None:
    """Instead of that there is none."""
    session = place.with_policy(purge="expire").session()
    with denied(session, "DescribeTimeToLive"), pytest.raises(ServiceError, match="dynamodb:DescribeTimeToLive"):
        session.require_purgeable()


def test_nothing_forbids_to_keep(place: Workplace) -> None:
    """In mode keep nothing is removed, so that nothing is required."""
    place.s3.put_bucket_versioning(Bucket=place.bucket, VersioningConfiguration={"Status": "Suspended"})
    session = place.with_policy(purge="keep").session()
    session.facts = replace(session.facts, replicas=2)
    assert session.require_purgeable() == []


def test_the_lakes_record_says_when_its_first_layout_begins(place: Workplace) -> None:
    """With [source] earliest, which also says what is junk."""
    session = place.with_source(earliest=TWO_DAYS.start).opened()
    assert record_of(place)["layouts"][0]["from"] == iso(session.config.source.earliest)[:10]
