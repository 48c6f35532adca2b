"""The commands that put messages back: what a purge removed returns exactly, once, and stays; whatever happens meanwhile."""

from __future__ import annotations

import gzip
import json
import stat
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.builders import START_MS
from tests.integration.items import Message, Wire, by_key, message_of, message_of_json
from tests.integration.restoring import KilledError, hooked, run
from tests.integration.sites import Servers, Site, put
from tests.integration.worlds import WINDOW, differences, fill_real, naming_modules
from tests.servers import Server, create_chat_messages

DAY = 86_400_000
_NUMBERS = count(1)


def item(number: int, day: int = 0, module: int = 1, **more: Any) -> Wire:  # noqa: ANN401 - attribute values
    """Return a message of some day of January 2024, from the 15th on; its student is its number's last digit."""
    moment = {"N": str(START_MS + day * DAY + number * 1000)}
    keys = {"conversationId": {"S": f"c{number}"}, "timestamp": moment, "moduleId": {"N": str(module)}}
    return {**keys, "studentId": {"N": str(number % 10)}, "content": {"S": f"text {number}"}, **more}


ITEMS = [
    item(number, day, module, kind={"SS": ["a", "b"]})
    for number in range(20)
    for day in (0, 1)
    for module in (1, 2)
    if number % 2 == module - 1
]


def site_on(servers: Servers, folder: Path, items: list[Wire] | None = None, **policy: Any) -> Site:  # noqa: ANN401 - settings
    """Make a table with messages, and the settings of a lake for them."""
    site = Site.new(servers, folder, table=f"Restoring{next(_NUMBERS)}")
    client = servers.dynamodb.dynamodb()
    create_chat_messages(client, site.table)
    put(client, site.table, ITEMS if items is None else items)
    fast = {"write_units": 1e9, "read_units": 1e9}
    protocol = "partiql" if servers.dynamodb.name == "ministack" else "single"
    return site.with_settings(source={"modules": [1, 2]}, policy={"purge": "delete", "protocol": protocol, **policy}, limits=fast)


def purge(site: Site, *window: str) -> str:
    """Archive and purge, all or a window, and return the run's name."""
    name: str = site.run("backfill", *(window or WINDOW), "--yes", "--json").done().json()["run"]
    return name


def in_table(site: Site) -> dict[Any, Message]:
    """Return what the table holds now, by key."""
    return by_key(site.left())


def expected(items: list[Wire]) -> dict[Any, Message]:
    """Return what it should hold."""
    return by_key(map(message_of, items))


@pytest.fixture
def singly(moto_server: Server) -> Servers:
    """Moto for everything: single puts."""
    return Servers(moto_server, moto_server, moto_server)


@pytest.fixture
def by_partiql(ministack_server: Server, moto_server: Server) -> Servers:
    """MiniStack for DynamoDB and S3: INSERTs in batches."""
    return Servers(ministack_server, ministack_server, moto_server)


@pytest.fixture(params=["by_partiql", "singly"])
def servers(request: pytest.FixtureRequest) -> Servers:
    """Both protocols."""
    found: Servers = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def purged(servers: Servers, tmp_path: Path) -> Site:
    """A site whose table was emptied into its lake."""
    site = site_on(servers, tmp_path)
    purge(site)
    assert not site.left()
    return site


@pytest.fixture(scope="module")
def emptied(moto_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site whose table was emptied into its lake, for tests that change neither."""
    site = site_on(Servers(moto_server, moto_server, moto_server), tmp_path_factory.mktemp("emptied"))
    purge(site)
    return site


def read_lines(path: Path) -> list[Message]:
    """Read a file that was restored to."""
    data = path.read_bytes()
    return [message_of_json(line) for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()]


@pytest.fixture
def purged_singly(singly: Servers, tmp_path: Path) -> Site:
    """The same on moto alone, where the protocol does not matter."""
    site = site_on(singly, tmp_path)
    purge(site)
    return site


def test_all_that_was_purged_comes_back_exactly(purged: Site) -> None:
    """The command counts it, and holds it."""
    ended = run(purged, "restore", "--from", "2024-01-01", "--yes", "--json").json()
    assert (ended["messages_restored"], ended["messages_present"], ended["left"]) == (len(ITEMS), 0, "nothing is left")
    assert not differences(in_table(purged), expected(ITEMS))


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["--module", "2"], lambda one: one["moduleId"] == {"N": "2"}),
        (["--student", "3", "--student", "4"], lambda one: one["studentId"]["N"] in "34"),
        (["--conversation", "c7"], lambda one: one["conversationId"] == {"S": "c7"}),
        (
            ["--module", "2", "--student", "3", "--from", "2024-01-16"],
            lambda one: one["studentId"] == {"N": "3"} and int(one["timestamp"]["N"]) >= START_MS + DAY,
        ),
        (
            ["--from", "2024-01-15T00:00:05Z", "--to", "2024-01-16T00:00:02Z"],
            lambda one: START_MS + 5000 <= int(one["timestamp"]["N"]) < START_MS + DAY + 2000,
        ),
    ],
)
def test_only_what_was_asked_for_comes_back(emptied: Site, tmp_path: Path, options: list[str], chosen: Callable[[Wire], bool]) -> None:
    """The plan counts it exactly beforehand."""
    wanted = [one for one in ITEMS if chosen(one)]
    assert 0 < len(wanted) < len(ITEMS)
    assert run(emptied, "restore", *options, "--dry-run", "--json").json()["rows"] == len(wanted)
    assert run(emptied, "restore", *options, "--into-file", str(tmp_path / "out.jsonl")).code == 0
    assert not differences(by_key(read_lines(tmp_path / "out.jsonl")), expected(wanted))


def test_a_dry_run_changes_nothing(purged_singly: Site) -> None:
    """It shows segments, messages and dollars, through clients that refuse to write."""
    ended = run(purged_singly, "restore", "--module", "1", "--dry-run")
    assert (ended.code, purged_singly.left()) == (0, [])
    assert "20 messages in 2 segments" in ended.stdout
    assert "$" in ended.stdout
    assert set(ended.operations) <= {"GetObject", "ListObjectsV2", "DescribeTable", "DescribeTimeToLive"}


def test_a_conflict_is_reported_and_never_overwritten(purged: Site) -> None:
    """Its key and what differs go to a report in the lake; its content goes nowhere."""
    theirs = item(3, 0, 2, content={"S": "a secret"})
    same = next(one for one in ITEMS if one["conversationId"] == {"S": "c5"})
    put(purged.servers.dynamodb.dynamodb(), purged.table, [theirs, same])
    ended = run(purged, "restore", "--from", "2024-01-01", "--yes", "--json")
    record = ended.json()
    assert [record[f"messages_{fate}"] for fate in ("restored", "present", "in_conflict")] == [len(ITEMS) - 2, 1, 1]
    assert "1 messages are there with other values" in record["left"]
    assert not differences(in_table(purged), {**expected(ITEMS), **expected([theirs])})
    report = purged.lake.get(record["report"].removeprefix("lake/")).body
    assert [json.loads(line) for line in report.splitlines()] == [
        {
            "segment": "20240115T0000Z-20240116T0000Z",
            "why": "conflict",
            "differs": ["content", "kind"],
            "key": {"conversationId": "c3", "timestamp": START_MS + 3000},
        }
    ]
    assert not any(text in ended.stdout + ended.stderr + report.decode() for text in ("secret", "text 3"))


def test_a_restore_can_be_run_again(purged: Site) -> None:
    """Nothing changes, and one hold is in force, not two."""
    run(purged, "restore", "--module", "1", "--yes")
    before = in_table(purged)
    again = run(purged, "restore", "--module", "1", "--yes", "--json").json()
    assert (again["messages_restored"], again["messages_present"]) == (0, len(before))
    assert in_table(purged) == before
    assert [hold["state"] for hold in run(purged, "holds", "--json").json()].count("active") == 1


@pytest.mark.parametrize("calls", [0, 2])
def test_a_restore_that_was_killed_is_finished_by_the_next(servers: Servers, tmp_path: Path, calls: int) -> None:
    """After so many calls that put messages, the next one is executed, its answer is lost, and nothing more is sent."""
    items = [item(number, number % 3) for number in range(110)]
    site = site_on(servers, tmp_path, items)
    purge(site)
    operation, probes = ("BatchExecuteStatement", 2) if servers.dynamodb.name == "ministack" else ("PutItem", 0)
    answered: list[str] = []

    def before(**_: object) -> None:
        if len(answered) > probes + calls:
            raise KilledError

    def after(model: Any, **_: object) -> None:  # noqa: ANN401 - botocore's operation model
        answered.extend([model.name] if model.name == operation else [])
        before()

    with hooked("before-call", before), hooked("after-call", after), pytest.raises(KilledError):
        run(site.with_settings(limits={"purge_requests": 1}), "restore", "--module", "1", "--yes")
    assert 0 < len(site.left()) < len(items)
    assert [hold["state"] for hold in run(site, "holds", "--json").json()] == ["active"]
    ended = run(site, "restore", "--module", "1", "--yes", "--json").json()
    assert ended["messages_restored"] + ended["messages_present"] == len(items)
    assert not differences(in_table(site), expected(items))


def test_the_hold_is_stored_before_the_first_message_is_put(purged_singly: Site) -> None:
    """A crash between them leaves a hold too many, never a message too few."""
    ended = run(purged_singly, "restore", "--module", "2", "--yes")
    puts = [operation for operation in ended.operations if operation in ("PutObject", "PutItem", "BatchExecuteStatement")]
    assert puts[0] == "PutObject"
    (hold,) = run(purged_singly, "holds", "--json").json()
    assert (hold["modules"], hold["window_start"], hold["window_end"]) == ([2], "2024-01-15T00:00:00Z", "2024-01-17T00:00:00Z")
    assert "until" in ended.stdout


def test_a_hold_has_the_modules_of_the_messages_that_come_back(singly: Servers, tmp_path: Path) -> None:
    """Student 3 wrote in module 2 alone: the other modules go on being archived; the end can be named."""
    site = site_on(singly, tmp_path)
    purge(site)
    run(site, "restore", "--student", "3", "--until", "2050-01-01", "--yes")
    (hold,) = run(site, "holds", "--json").json()
    assert (hold["modules"], hold["until"], hold["state"]) == ([2], "2050-01-01T00:00:00Z", "active")
    assert "3" not in hold["reason"].replace("student_id", "")


def test_a_hold_can_be_released(purged_singly: Site) -> None:
    """Then it is listed as released."""
    run(purged_singly, "restore", "--module", "1", "--yes")
    (hold,) = run(purged_singly, "holds", "--json").json()
    assert run(purged_singly, "release", hold["hold"]).code == 0
    assert "released" in run(purged_singly, "holds").stdout
    assert run(purged_singly, "release", "nobody").code == 2


def test_one_runs_purge_is_undone_and_no_other(servers: Servers, tmp_path: Path) -> None:
    """The first run's rows are in a version of the object that the second run has replaced since."""
    first, second = [one for one in ITEMS if int(one["studentId"]["N"]) < 5], [one for one in ITEMS if int(one["studentId"]["N"]) >= 5]
    site = site_on(servers, tmp_path, first)
    client = servers.dynamodb.dynamodb()
    early = purge(site)
    put(client, site.table, second)
    late = purge(site)
    run(site, "restore", "--run", late, "--yes")
    assert not differences(in_table(site), expected(second))
    run(site, "restore", "--run", early, "--yes")
    assert not differences(in_table(site), expected(ITEMS))


def test_undoing_restores_the_values_that_run_removed(singly: Servers, tmp_path: Path) -> None:
    """Not those that the key has had since."""
    site = site_on(singly, tmp_path, [item(1, content={"S": "first"})])
    client = singly.dynamodb.dynamodb()
    early = purge(site)
    put(client, site.table, [item(1, content={"S": "second"})])
    purge(site)
    run(site, "restore", "--run", early, "--yes")
    assert not differences(in_table(site), expected([item(1, content={"S": "first"})]))


def test_what_a_purge_left_is_not_restored_by_undoing_it(singly: Servers, tmp_path: Path) -> None:
    """A message that was edited at that moment stayed, and was deleted by its owner since."""
    site = site_on(singly, tmp_path, ITEMS[:4])
    client = singly.dynamodb.dynamodb()
    edited = {**ITEMS[0], "content": {"S": "edited"}}
    edits = [edited]

    def edit(params: Any, **_: object) -> None:  # noqa: ANN401 - botocore's request
        if edits and b'"c0"' in params["body"]:
            put(client, site.table, [edits.pop()])

    with hooked("before-call.dynamodb.DeleteItem", edit):
        name = purge(site)
    assert not differences(in_table(site), expected([edited]))
    client.delete_item(TableName=site.table, Key={key: edited[key] for key in ("conversationId", "timestamp")})
    run(site, "restore", "--run", name, "--yes")
    assert not differences(in_table(site), expected(ITEMS[1:4]))


def test_a_version_that_is_gone_is_stood_in_for_by_the_present_object(singly: Servers, tmp_path: Path) -> None:
    """If no other run purged that segment: else nobody can know which rows were whose, and it is an alarm."""
    site = site_on(singly, tmp_path, [item(1), item(2, 1)])
    client = singly.dynamodb.dynamodb()
    early = purge(site)
    put(client, site.table, [item(3)])
    late = purge(site)
    for day in (15, 16):
        intent = json.loads(site.lake.get(f"purges/dt=2024-01-{day}/202401{day}T0000Z-202401{day + 1}T0000Z-{early}-intent.json").body)
        if day == 15:
            site.lake.client.delete_object(Bucket=site.bucket, Key=intent["key"], VersionId=intent["version_id"])
    ended = run(site, "restore", "--run", early, "--yes")
    assert ended.code == 4
    assert "--from 2024-01-15T00:00:00Z" in ended.stderr
    assert not differences(in_table(site), expected([item(2, 1)]))
    keys = [key for key in site.lake.keys("purges") if late in key]
    for key in keys:
        site.lake.client.delete_object(Bucket=site.bucket, Key=f"lake/{key}")
    assert run(site, "restore", "--run", early, "--yes").code == 0
    assert not differences(in_table(site), expected([item(1), item(2, 1), item(3)]))


def test_undoing_a_run_that_marked_takes_its_marks_away(by_partiql: Servers, tmp_path: Path) -> None:
    """Those that have expired meanwhile come back, the others stay; none will expire."""
    site = site_on(by_partiql, tmp_path, purge="expire")
    client = by_partiql.dynamodb.dynamodb()
    client.update_time_to_live(TableName=site.table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expiresAt"})
    name = purge(site)
    assert all("expiresAt" in message for message in site.left())
    client.delete_item(TableName=site.table, Key={key: ITEMS[0][key] for key in ("conversationId", "timestamp")})
    record = run(site, "restore", "--run", name, "--yes", "--json").json()
    assert (record["messages_restored"], record["messages_kept"]) == (1, len(ITEMS) - 1)
    assert not differences(in_table(site), expected(ITEMS))


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz"])
def test_a_file_is_loaded_back_exactly(purged_singly: Site, tmp_path: Path, ending: str) -> None:
    """It is private, holds nothing but items, and is the same each time; nothing is held."""
    path = tmp_path / f"out.{ending}"
    ended = run(purged_singly, "restore", "--from", "2024-01-01", "--into-file", str(path), "--json")
    assert ended.json()["messages_restored"] == len(ITEMS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not purged_singly.left()
    text = path.read_bytes()
    assert (gzip.decompress(text) if ending.endswith("gz") else text).count(b"\n") == len(ITEMS)
    assert run(purged_singly, "restore", "--from", "2024-01-01", "--into-file", str(path)).code == 3, (
        "a file is replaced only if that is agreed to"
    )
    assert run(purged_singly, "restore", "--from", "2024-01-01", "--into-file", str(path), "--yes").code == 0
    assert path.read_bytes() == text
    assert run(purged_singly, "holds", "--json").json() == []
    purged_singly.run("load", str(path), "--yes").done()
    assert not differences(in_table(purged_singly), expected(ITEMS))


def test_a_file_is_there_only_when_it_is_complete(singly: Servers, tmp_path: Path) -> None:
    """A damaged segment ends in an alarm, and leaves neither a file nor a part of one."""
    site = site_on(singly, tmp_path)
    purge(site)
    _damage(site, "2024-01-16")
    path = tmp_path / "files" / "out.jsonl"
    path.parent.mkdir()
    assert run(site, "restore", "--from", "2024-01-01", "--into-file", str(path)).code == 4
    assert list(path.parent.iterdir()) == []
    assert run(site, "restore", "--from", "2024-01-01", "--into-file", str(tmp_path / "nowhere" / "f")).code == 2


def test_messages_go_into_another_table_with_the_same_keys(purged_singly: Site) -> None:
    """The source table stays as it is, and nothing is held."""
    client = purged_singly.servers.dynamodb.dynamodb()
    other = create_chat_messages(client, f"{purged_singly.table}Copy")
    assert run(purged_singly, "restore", "--module", "1", "--into-table", other, "--yes").code == 0
    found = by_key(message_of(one) for one in client.scan(TableName=other)["Items"])
    assert not differences(found, expected([one for one in ITEMS if one["moduleId"] == {"N": "1"}]))
    assert not purged_singly.left()
    assert run(purged_singly, "holds", "--json").json() == []


def test_a_lake_whose_table_is_gone_can_be_restored_from(singly: Servers, tmp_path: Path) -> None:
    """To a file; into a new table of the same name only if it is named: it is not the one the lake was made from."""
    site = site_on(singly, tmp_path)
    purge(site)
    client = singly.dynamodb.dynamodb()
    client.delete_table(TableName=site.table)
    assert run(site, "restore", "--module", "1", "--yes").code == 2
    assert run(site, "restore", "--module", "1", "--into-file", str(tmp_path / "out.jsonl")).code == 0
    record = json.loads(site.lake.client.get_object(Bucket=site.bucket, Key="lake/archive.json")["Body"].read())
    record["owner"]["table_id"] = "an-earlier-table"
    site.lake.client.put_object(Bucket=site.bucket, Key="lake/archive.json", Body=json.dumps(record))
    create_chat_messages(client, site.table)
    refused = run(site, "restore", "--module", "1", "--yes")
    assert (refused.code, site.left()) == (3, [])
    assert f"--into-table {site.table}" in refused.stderr


def _damage(site: Site, dt: str) -> None:
    (key,) = (key for key in site.lake.keys("messages") if dt in key)
    body = bytearray(site.lake.get(key).body)
    body[len(body) // 2] ^= 1
    site.lake.client.put_object(Bucket=site.bucket, Key=f"lake/{key}", Body=bytes(body), Metadata=dict(site.lake.get(key).metadata))


def test_a_damaged_segment_is_an_alarm_and_the_others_go_on(purged_singly: Site) -> None:
    """Nothing of it is put: its bytes are not those that were proved."""
    _damage(purged_singly, "2024-01-15")
    ended = run(purged_singly, "restore", "--from", "2024-01-01", "--yes")
    assert ended.code == 4
    assert "alarm: " in ended.stdout
    assert not differences(in_table(purged_singly), expected([one for one in ITEMS if int(one["timestamp"]["N"]) >= START_MS + DAY]))


def test_a_segment_without_its_receipt_is_restored(singly: Servers, tmp_path: Path) -> None:
    """A run was killed between the two PUTs; the object has its own proof. One without its object is an alarm."""
    site = site_on(singly, tmp_path)
    purge(site)
    (first, second) = site.lake.keys("receipts")
    site.lake.client.delete_object(Bucket=site.bucket, Key=f"lake/{first}")
    run(site, "restore", "--from", "2024-01-01", "--yes", "--json").json()
    assert not differences(in_table(site), expected(ITEMS))
    site.lake.client.delete_object(Bucket=site.bucket, Key=f"lake/{second.replace('receipts', 'messages').replace('json', 'parquet')}")
    ended = run(site, "restore", "--from", "2024-01-01", "--yes")
    assert ended.code == 4
    assert "gone" in ended.stderr


def test_the_stop_sign_stops_a_restore_before_it_begins(singly: Servers, tmp_path: Path) -> None:
    """Nothing is put, nothing is held."""
    site = site_on(singly, tmp_path)
    purge(site)
    site.lake.client.put_object(Bucket=site.bucket, Key="lake/stop", Body=b"x")
    assert run(site, "restore", "--module", "1", "--yes").code == 7
    assert not site.left()
    assert run(site, "holds", "--json").json() == []


def test_a_cap_ends_a_restore_in_good_order_and_it_can_be_run_again(singly: Servers, tmp_path: Path) -> None:
    """It says what is left."""
    items = [item(number, number % 2) for number in range(120)]
    site = site_on(singly, tmp_path, items)
    purge(site)
    ended = run(site.with_settings(limits={"max_messages": 10}), "restore", "--module", "1", "--yes", "--json")
    assert ended.code == 8
    record = json.loads(ended.stdout)
    assert 0 < record["messages_restored"] == len(site.left()) < len(items)
    assert "still to be restored" in record["left"]
    run(site, "restore", "--module", "1", "--yes")
    assert not differences(in_table(site), expected(items))


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ([], 2, "--module"),
        (["--module", "five"], 2, "int64"),
        (["--module", "1", "--from", "2024-02-01", "--to", "2024-01-01"], 2, "empty"),
        (["--module", "1", "--into-table", "T", "--into-file", "f"], 2, "not both"),
        (["--module", "1", "--into-file", "f", "--until", "2050-01-01"], 2, "--until"),
        (["--module", "1", "--until", "2020-01-01"], 2, "has passed"),
        (["--module", "1", "--into-table", "Nowhere"], 2, "does not exist"),
        (["--run", "nobody"], 2, "no purge"),
        (["--module", "1"], 3, "not agreed"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_done(emptied: Site, options: list[str], code: int, says: str) -> None:
    """One sentence and an exit code."""
    ended = run(emptied, "restore", *options)
    assert (ended.code, emptied.left()) == (code, [])
    assert says in ended.stderr
    assert "PutObject" not in ended.operations


def test_without_a_lake_there_is_nothing_to_restore(singly: Servers, tmp_path: Path) -> None:
    """An empty answer is none: what the lake does not hold is said, with exit code 0."""
    site = site_on(singly, tmp_path)
    assert run(site, "restore", "--module", "1", "--yes").code == 2
    purge(site)
    ended = run(site, "restore", "--module", "77", "--yes")
    assert ended.code == 0
    assert "the lake holds no such message" in ended.stdout


def test_the_run_is_recorded_without_the_values_of_keys(purged_singly: Site) -> None:
    """Who restored what from when to when; pupils' numbers and names of conversations stay out."""
    run(purged_singly, "restore", "--student", "7", "--conversation", "c17", "--yes")
    (key,) = (key for key in purged_singly.lake.keys("runs") if key.endswith("-restore.json"))
    body = purged_singly.lake.get(key).body
    record = json.loads(body)
    assert (record["command"], record["messages_restored"]) == ("restore", 2)
    assert record["what"] == "1 value(s) of student_id, 1 value(s) of conversation_id"
    assert b"c17" not in body


def _real(servers: Servers, folder: Path, path: Path, most: int | None) -> tuple[Site, list[Message]]:
    """Load real messages (whole modules, about `most`), archive and purge them."""
    site = Site.new(servers, folder, table=f"Restoring{next(_NUMBERS)}")
    if most is not None:
        counts: dict[Any, list[bytes]] = {}
        with gzip.open(path, "rb") as file:
            for line in file:
                counts.setdefault(json.loads(line)["moduleId"], []).append(line)
        lines = min(counts.values(), key=lambda found: abs(len(found) - most))
        path = folder / "some.jsonl.gz"
        path.write_bytes(gzip.compress(b"".join(lines)))
    source = fill_real(site, path)
    site = naming_modules(site, source).with_settings(policy={"purge": "delete"}, limits={"write_units": 1e9, "read_units": 1e9})
    purge(site)
    assert not site.left()
    return site, source


def test_a_module_of_real_messages_comes_back_as_it_was(by_partiql: Servers, tmp_path: Path, real_messages: Path) -> None:
    """Load, archive, purge, restore: every item of the table equals its source, compared without our codec."""
    site, source = _real(by_partiql, tmp_path, real_messages, 600)
    ended = run(site, "restore", "--module", str(source[0]["moduleId"][1]), "--yes", "--json").json()
    assert ended["messages_restored"] == len(source) > 100
    assert not differences(in_table(site), by_key(source))


@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_all_real_messages_come_back_as_they_were(by_partiql: Servers, tmp_path: Path, real_messages: Path) -> None:
    """Once by undoing the run, and once, into a file, by its window."""
    site, source = _real(by_partiql, tmp_path, real_messages, None)
    name = next(key for key in site.lake.keys("runs")).rsplit("/", 1)[1].removesuffix(".json")
    assert run(site, "restore", "--from", "2000-01-01", "--into-file", str(tmp_path / "out.jsonl.gz")).code == 0
    assert not differences(by_key(read_lines(tmp_path / "out.jsonl.gz")), by_key(source))
    ended = run(site, "restore", "--run", name, "--yes", "--json").json()
    assert ended["messages_restored"] == len(source)
    assert not differences(in_table(site), by_key(source))
