"""An attribute that nobody knew, added while its message is removed, is lost nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from archive.codec.values import canonical
from archive.errors import ProofError, TransientServiceError
from tests.answering import dynamodb_error
from tests.archives import Archive
from tests.builders import message, text

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

_INDEXED = {"studentId": {"N": "1"}, "provider": {"S": "p"}}
_A, _B = (message(name, at, **_INDEXED, **text(name)) for at, name in enumerate("ab"))


def test_a_surprise_is_kept_and_written_back_and_stops_the_run(archive: Archive) -> None:
    """An attribute nobody knew, added in the last milliseconds, comes back with the image: nothing of it is lost."""
    archive.put(_A, _B)
    committed = archive.commit(_A, _B)
    surprise = {**_A, "mood": {"M": {"deep": {"NS": ["1", "2"]}, "bytes": {"B": b"\x00"}}}}
    archive.calls.clear()
    archive.before_removal(lambda: archive.add(_A, mood=surprise["mood"]))
    assert archive.purge(committed, _A, _B).surprises == 1
    assert archive.rescued() == [canonical(surprise)]
    found = archive.get(_A)
    assert found is not None
    assert canonical(found) == canonical(surprise)
    rescue, put_back = (call for call in archive.calls if "rescued" in call or call == "PutItem")
    assert (rescue[:9], put_back) == ("-rescued-", "PutItem")
    assert archive.calls[-1] == "-run-1-outcome.json"
    outcome = archive.records()[1]
    assert (outcome["done"], outcome["surprises"], len(outcome["left"])) == (1, 1, 1)


def test_after_a_surprise_nothing_more_is_begun(archive: Archive) -> None:
    """The batch it came in is finished, and the ones that wait are not begun."""
    many = [message(f"c{number}", number, **_INDEXED) for number in range(110)]
    archive.put(*many)
    committed = archive.commit(*many)
    archive.before_removal(lambda: archive.add(many[0], mood={"S": "new"}))
    assert archive.purge(committed, *many).surprises == 1
    assert archive.others.scan(TableName=archive.table, Select="COUNT")["Count"] == 110 - 24


def test_a_surprise_whose_key_is_used_again_stays_in_the_lake_alone(archive: Archive) -> None:
    """What is written back never overwrites a newer message."""
    archive.put(_A)
    committed = archive.commit(_A)
    newer = {**_A, **text("newer")}
    archive.before_removal(lambda: archive.add(_A, mood={"S": "new"}))
    archive.client.meta.events.register("before-call.dynamodb.PutItem", lambda **_: archive.put(newer))
    assert archive.purge(committed, _A).surprises == 1
    assert archive.get(_A) == newer
    assert archive.rescued() == [canonical({**_A, "mood": {"S": "new"}})]


def test_a_surprise_is_written_back_also_where_the_lake_cannot_be_written(archive: Archive) -> None:
    """One of the two places has it, for every surprise of a batch."""
    archive.put(_A, _B)
    committed = archive.commit(_A, _B)
    archive.before_removal(*((lambda item=item: archive.add(item, mood={"S": "new"})) for item in (_A, _B)))

    def fail(params: dict[str, Any], **_: object) -> None:
        if "rescued" in unquote(params["url_path"]):
            message_ = "s3"
            raise TransientServiceError(message_)

    archive.store._client.meta.events.register("before-call.s3.PutObject", fail)  # noqa: SLF001 - a server that fails
    with pytest.raises(TransientServiceError):
        archive.purge(committed, _A, _B)
    assert [archive.get(item) for item in (_A, _B)] == [{**item, "mood": {"S": "new"}} for item in (_A, _B)]


@pytest.mark.parametrize("kept", [True, False])
def test_a_surprise_that_cannot_be_written_back_is_told(archive: Archive, *, kept: bool) -> None:
    """And where it is, so that somebody can load it."""
    archive.put(_A)
    committed = archive.commit(_A)
    archive.before_removal(lambda: archive.add(_A, mood={"S": "new"}))

    def fail(params: dict[str, Any], **_: object) -> None:
        if not kept and "rescued" in unquote(params["url_path"]):
            message_ = "s3"
            raise TransientServiceError(message_)

    archive.store._client.meta.events.register("before-call.s3.PutObject", fail)  # noqa: SLF001 - a server that fails

    def throttle(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        return dynamodb_error(request, "ThrottlingException")

    archive.client.meta.events.register("before-send.dynamodb.PutItem", throttle)  # type: ignore[arg-type]  # it may answer
    where = r"it is kept under lake/superseded/.*-rescued-.*json: load it" if kept else "nor could it be kept"
    with pytest.raises(ProofError, match=f"could not be written back .*{where}"):
        archive.purge(committed, _A)
    assert len(archive.rescued()) == int(kept)
