"""Who is told how a run ended: one message a place, with what, where, why and what to do; and what happens if it cannot be sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.states import Crashed, Failed

from archive.errors import CapReachedError, DynalakeError, ProofError, RefusedError, StoppedError
from flows import reporter
from flows.archive_flows import nightly
from flows.hooks import on_crashed, on_failure
from flows.notify import tell_end
from flows.reporter import LogReporter
from flows.settings import Settings, load_settings
from tests.bad_input.row import variables
from tests.bad_input.world import SECRET, new_world
from tests.flows.scheduling.webhook import Webhook, webhook
from tests.integration.sites import Servers
from tests.servers import CREDENTIALS, REGION, Server


class Heard(LogReporter):
    """Keeps what is said."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What is said meanwhile."""
    with reporter.reporting(heard := Heard()):
        yield heard


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """A webhook on this machine."""
    with webhook() as made:
        yield made


def settings(folder: Path, **notify: str) -> Settings:
    """Return settings that notify."""
    path = folder / "dynalake.toml"
    path.write_text("[lake]\nbucket = 'my-lake'\n")
    return load_settings(path, {f"DYNALAKE_NOTIFY__{key}".upper(): value for key, value in notify.items()})


@pytest.mark.parametrize(
    ("error", "subject", "why", "to_do"),
    [
        (CapReachedError("the cap of 5 messages is reached"), "reached a cap", "the cap of 5 messages is reached", "raise that cap"),
        (StoppedError("SIGTERM was received"), "was stopped", "SIGTERM was received", "the next run goes on"),
        (RefusedError("it is a global table; do this"), "failed", "it is a global table; do this", "look at the run's log"),
        (KeyError("what-the-pupil-said"), "failed", "an unexpected error (KeyError)", "look at the run's log"),
    ],
)
def test_a_message_says_what_where_why_and_what_to_do(
    tmp_path: Path, hook: Webhook, error: Exception, subject: str, why: str, to_do: str
) -> None:
    """In four lines; what an unexpected error quotes is kept out."""
    tell_end(settings(tmp_path, webhook=hook.address), "nightly", error)
    (body,) = hook.bodies
    first, second, third, fourth = json.loads(body)["text"].splitlines()
    assert first == f"Dynalake: nightly of table ChatMessages {subject}."
    assert second.startswith(f"Why: {why}")
    assert third.startswith("Where: table ChatMessages, lake s3://my-lake/dynalake, machine ")
    assert to_do in fourth
    assert "pupil" not in body


def test_a_topic_gets_it_too(tmp_path: Path, moto_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a subject that SNS takes."""
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": moto_server.endpoint}.items():
        monkeypatch.setenv(name, value)
    session: Any = boto3.Session(region_name=REGION)
    topic = session.client("sns").create_topic(Name="dynalake")["TopicArn"]
    queue = session.client("sqs").create_queue(QueueName="told")["QueueUrl"]
    arn = session.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    session.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    tell_end(settings(tmp_path, sns_topic=topic), "backfill " + "x" * 100, StoppedError("stop"))
    (message,) = session.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    told = json.loads(message["Body"])
    assert told["Subject"].startswith("Dynalake: backfill xxx")
    assert told["Message"].splitlines()[1] == "Why: stop."


def test_a_run_that_ended_well_says_nothing(tmp_path: Path, hook: Webhook) -> None:
    """Nobody wants a message a night."""
    tell_end(settings(tmp_path, webhook=hook.address), "nightly", None)
    assert hook.bodies == []


def test_nothing_is_sent_where_somebody_looks_on(tmp_path: Path, hook: Webhook, heard: Heard) -> None:
    """A terminal has told it."""
    heard.watched = True
    tell_end(settings(tmp_path, webhook=hook.address), "nightly", StoppedError("stop"))
    assert hook.bodies == []


@pytest.mark.parametrize("status", [404, 500])
def test_a_webhook_that_refuses_is_a_warning(tmp_path: Path, hook: Webhook, heard: Heard, status: int) -> None:
    """The address, a secret, is not in it; the topic is tried all the same."""
    hook.status = status
    tell_end(settings(tmp_path, webhook=hook.address), "nightly", StoppedError("stop"))
    (line,) = heard.lines
    assert line.startswith(f"warning: nobody was notified: the webhook of [notify] did not take the message (HTTP status {status})")
    assert hook.address not in line


def test_a_webhook_that_nobody_answers_is_a_warning(tmp_path: Path, heard: Heard) -> None:
    """Also here, without its address."""
    with webhook() as gone:
        address = gone.address
    tell_end(settings(tmp_path, webhook=address), "nightly", StoppedError("stop"))
    (line,) = heard.lines
    assert "did not take the message (URLError)" in line
    assert address not in line


def test_a_topic_that_is_not_there_is_a_warning(
    tmp_path: Path, moto_server: Server, heard: Heard, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the webhook is told all the same."""
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": moto_server.endpoint}.items():
        monkeypatch.setenv(name, value)
    topic = f"arn:aws:sns:{REGION}:123456789012:nobody"
    tell_end(settings(tmp_path, sns_topic=topic, webhook=hook.address), "nightly", StoppedError("stop"))
    (line,) = heard.lines
    assert line.startswith("warning: nobody was notified: ")
    assert "sns:Publish" in line
    assert len(hook.bodies) == 1


@pytest.mark.parametrize("where", ["repr", "error", "dump"])
def test_the_address_of_a_webhook_is_never_shown(tmp_path: Path, where: str) -> None:
    """Neither by the settings, nor by the error about a wrong one, nor by what that was raised from."""
    secret = "ftp://hooks.example/secret-token"  # noqa: S105 - an example
    if where == "error":
        with pytest.raises(DynalakeError) as caught:
            settings(tmp_path, webhook=secret)
        chain = [caught.value, caught.value.__cause__, caught.value.__context__]
        assert "secret-token" not in " ".join(map(str, chain))
        assert "DYNALAKE_NOTIFY__WEBHOOK" in str(caught.value)
        return
    good = settings(tmp_path, webhook=secret.replace("ftp", "https"))
    assert "secret-token" not in (repr(good) if where == "repr" else good.model_dump_json())


def test_a_night_without_prefect_tells_it_too(moto_server: Server, tmp_path: Path, hook: Webhook) -> None:
    """Once, where it reaches a cap or is refused; and nothing where it is done."""
    world = new_world(Servers(moto_server, moto_server, moto_server), tmp_path)
    world = variables(DYNALAKE_NOTIFY__WEBHOOK=hook.address)(world)
    assert world.having(limits={"max_messages": 1}).run("nightly", "--yes").code == 8
    assert world.having(policy={"purge": "delete", "single_writer": False}, limits={"unattended_messages": 0}).run("nightly").code == 3
    assert world.run("nightly", "--yes").code == 0
    cap, refusal = hook.bodies
    assert f"Dynalake: nightly of table {world.site.table} reached a cap." in cap
    assert f"Dynalake: nightly of table {world.site.table} failed." in refusal
    assert SECRET not in cap + refusal


def _run(**parameters: object) -> FlowRun:
    return FlowRun(flow_id=uuid4(), name="amber-otter", parameters=parameters)


def test_a_crash_is_told_by_the_hook(tmp_path: Path, hook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of the worker's, with the settings file that the run was given."""
    monkeypatch.setenv("DYNALAKE_NOTIFY__WEBHOOK", hook.address)
    settings(tmp_path)
    on_crashed(flow=nightly, flow_run=_run(config=str(tmp_path / "dynalake.toml")), state=Crashed())
    (told,) = hook.bodies
    assert "Dynalake: nightly of table ChatMessages crashed.\\nWhy: its process ended before the run did.\\n" in told


@pytest.mark.parametrize("error", [ProofError("a segment stopped; do this"), KeyError("what-the-pupil-said")], ids=["ours", "unexpected"])
def test_a_failure_is_told_by_the_hook(tmp_path: Path, hook: Webhook, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """As what the flow raised; what an unexpected error quotes is kept out."""
    monkeypatch.setenv("DYNALAKE_NOTIFY__WEBHOOK", hook.address)
    settings(tmp_path)
    run = _run(config=str(tmp_path / "dynalake.toml"))
    on_failure(flow=nightly, flow_run=run, state=Failed(data=error))
    (told,) = hook.bodies
    assert "Why: a segment stopped; do this." in told or "an unexpected error (KeyError)" in told
    assert "pupil" not in told


def test_a_hook_without_settings_is_a_warning(tmp_path: Path, heard: Heard) -> None:
    """It raises nothing: that would only be a second failure."""
    on_crashed(flow=nightly, flow_run=_run(config=str(tmp_path / "none.toml")), state=Crashed())
    (line,) = heard.lines
    assert line.startswith("warning: nobody was notified: the settings file ")
