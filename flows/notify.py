"""Tells people, by an SNS topic or a webhook, that a run failed, was stopped or reached a cap: what, where, why, and what to do."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from typing import Final, Literal
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from botocore.config import Config as BotoConfig

from archive.aws import Clients, translated
from archive.errors import CapReachedError, DynalakeError, ServiceError, StoppedError
from flows import reporter
from flows.settings import Settings

Ending = Literal["failed", "was stopped", "reached a cap", "crashed", "was cancelled"]

_SECONDS: Final = 10
_TRIES: Final = 3
_LONGEST_SUBJECT: Final = 100  # SNS's
_TO_DO: Final[dict[Ending, str]] = {
    "failed": "If the sentence above does not say it, look at the run's log. Nothing is lost: the same run can be made again.",
    "was stopped": "Nothing is lost: the next run goes on with what is left.",
    "reached a cap": "The next run goes on with what is left; raise that cap if it is reached every night.",
    "crashed": "Look at the machine, and at the run's log. Nothing is lost: run it again, or wait for the next night.",
    "was cancelled": "Nothing is lost: run it again, or wait for the next night.",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message: a subject line, and a few lines of text. It has nothing that a chat message says."""

    subject: str
    text: str


def message_of(settings: Settings, what: str, ending: Ending, why: str) -> Message:
    """Make the message about a run (`what`: its command, or a longer name)."""
    source, lake = settings.source, settings.lake
    subject = f"Dynalake: {what} of table {source.table} {ending}"
    lines = (
        subject + ".",
        f"Why: {why.rstrip('.')}.",
        f"Where: table {source.table}, lake s3://{lake.bucket}/{lake.prefix}, machine {platform.node()}.",
        f"What to do: {_TO_DO[ending]}",
    )
    return Message(subject[:_LONGEST_SUBJECT], "\n".join(lines))


def ending_of(error: BaseException) -> tuple[Ending, str]:
    """Return how a run ended that ended with an error, and why. What an unexpected error says is kept out: it might quote a message."""
    if isinstance(error, CapReachedError):
        return "reached a cap", str(error)
    if isinstance(error, StoppedError):
        return "was stopped", str(error)
    if isinstance(error, DynalakeError):
        return "failed", str(error)
    return "failed", f"an unexpected error ({type(error).__name__}); if it stays, it is a bug"


def tell_end(settings: Settings, what: str, error: BaseException | None) -> None:
    """Tell how a run ended, where it did not end well."""
    if error is not None:
        tell(settings, message_of(settings, what, *ending_of(error)))


def tell(settings: Settings, message: Message) -> None:
    """Send one message to each of those that [notify] names. What cannot be sent is a warning, and changes nothing else.

    Nothing is sent where somebody watches the run at a terminal.
    """
    if reporter.current().watched:
        return
    for send in _senders(settings):
        try:
            send(message)
        except DynalakeError as error:
            reporter.current().say(f"warning: nobody was notified: {error}")


def _senders(settings: Settings) -> Iterator[Callable[[Message], None]]:
    if (topic := settings.notify.sns_topic) is not None:
        yield lambda message: _publish(settings, topic, message)
    if (webhook := settings.notify.webhook) is not None:
        yield lambda message: _post(webhook.get_secret_value(), message)


def _publish(settings: Settings, topic: str, message: Message) -> None:
    region = topic.split(":")[3]
    with translated("sns:Publish", f"topic {topic}"):
        session = Clients(region, settings.roles.archiver, "archiver", 1).session
        options = BotoConfig(retries={"mode": "standard", "total_max_attempts": _TRIES}, connect_timeout=_SECONDS, read_timeout=_SECONDS)
        session.client("sns", config=options).publish(TopicArn=topic, Subject=message.subject, Message=message.text)


def _post(address: str, message: Message) -> None:
    """Post what Slack, Teams, Mattermost and Google Chat take. The address is a secret, and in no error."""
    body = json.dumps({"text": message.text}).encode()
    request = Request(address, body, {"Content-Type": "application/json"}, method="POST")  # noqa: S310 - the settings take https alone
    try:
        with urlopen(request, timeout=_SECONDS):  # noqa: S310 - as above
            return
    except HTTPError as refusal:
        refusal.close()
        reason = f"HTTP status {refusal.code}"
    except (OSError, HTTPException) as error:
        reason = type(error).__name__
    problem = f"the webhook of [notify] did not take the message ({reason}); check its address and the network"
    raise ServiceError(problem)
