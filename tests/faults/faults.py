"""The faults that are tried: what goes wrong where, how often, and how the run ends then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tests.faults import failing
from tests.faults.failing import Failing
from tests.faults.world import Where


@dataclass(frozen=True, slots=True)
class End:
    """The error that a run ends with: its exit code, and words of its sentence."""

    code: int
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong, so many `times` (None: for ever). It is retried if there is no `end`: the run then ends as ever."""

    name: str
    where: Where
    fails: Failing
    times: int | None = 2
    end: End | None = None
    purge: str = "delete"
    protocol: str = "single"

    @property
    def by_discovery(self) -> bool:
        """Say whether it needs moto: MiniStack cannot discover modules, and expires what is marked while the test runs."""
        return self.where.operation == "Scan" or self.purge == "expire"


_QUERY, _SCAN, _BATCH_GET = Where("Query"), Where("Scan"), Where("BatchGetItem")
_DELETE, _UPDATE, _STATEMENTS = Where("DeleteItem"), Where("UpdateItem"), Where("BatchExecuteStatement")
_GET, _PUT = Where("GetObject", "/messages/"), Where("PutObject", "/messages/")
_RECEIPT, _INTENT = Where("PutObject", "/receipts/"), Where("PutObject", "-intent")
_SUPERSEDED, _RECORD = Where("PutObject", "/superseded/"), Where("PutObject", "/runs/")
_NEW: Final = Where("PutObject", "/messages/dt%3D2024-01-17/")
_THROTTLED: Final = "ProvisionedThroughputExceededException"
_SOME: Final = slice(0, None, 2)

RETRIED: Final = (
    Fault("Query throttled, with reasons", _QUERY, failing.throttled("ThrottlingException")),
    Fault("Query throttled, without", Where("Query", after=4), failing.refused(_THROTTLED)),
    Fault("Query fails", _QUERY, failing.refused("InternalServerError", 500)),
    Fault("Query not reached", _QUERY, failing.unreachable, times=3),
    Fault("Query answered by something else", _QUERY, failing.bad_gateway),
    Fault("Query cut short", _QUERY, failing.cut_short),
    Fault("Query damaged", Where("Query", after=3), failing.damaged),
    Fault("Query with a wrong checksum", _QUERY, failing.wrong_checksum),
    Fault("each Query begins with an empty page", _QUERY, failing.empty_page, times=None),
    Fault("Scan throttled", _SCAN, failing.refused("RequestLimitExceeded")),
    Fault("Scan with a wrong checksum", _SCAN, failing.wrong_checksum),
    Fault("each Scan begins with an empty page", _SCAN, failing.empty_page, times=None),
    Fault("BatchGetItem throttled, with reasons", _BATCH_GET, failing.throttled(_THROTTLED)),
    Fault("BatchGetItem with a wrong checksum", _BATCH_GET, failing.wrong_checksum),
    Fault("BatchGetItem reads nothing, five times", _BATCH_GET, failing.nothing_read, times=5),
    Fault("DeleteItem throttled, with reasons", _DELETE, failing.throttled("ThrottlingException")),
    Fault("DeleteItem throttled, without", Where("DeleteItem", after=1), failing.refused(_THROTTLED)),
    Fault("DeleteItem executed, and an error", _DELETE, failing.executed_and_500, times=1),
    Fault("DeleteItem executed, and no answer in time", _DELETE, failing.timed_out, times=1),
    Fault("DeleteItem executed, and its answer cut short", _DELETE, failing.cut_short, times=1),
    Fault("DeleteItem in a transaction of somebody else's", _DELETE, failing.refused("TransactionConflictException")),
    Fault("UpdateItem throttled", _UPDATE, failing.refused(_THROTTLED), purge="expire"),
    Fault("UpdateItem executed, and its connection reset", _UPDATE, failing.reset, times=1, purge="expire"),
    Fault("BatchExecuteStatement throttled", _STATEMENTS, failing.refused("ThrottlingException"), protocol="partiql"),
    Fault("BatchExecuteStatement executed, and its connection reset", _STATEMENTS, failing.reset, times=1, protocol="partiql"),
    Fault("some statements throttled", _STATEMENTS, failing.statements_failed("ProvisionedThroughputExceeded", _SOME), protocol="partiql"),
    Fault("some statements failed", _STATEMENTS, failing.statements_failed("InternalServerError", _SOME), protocol="partiql"),
    Fault("GetObject slowed down", _GET, failing.s3_refused("SlowDown", 503)),
    Fault("GetObject cut short", _GET, failing.cut_short),
    Fault("GetObject damaged", Where("GetObject", "/messages/", after=1), failing.damaged),
    Fault("GetObject of a receipt cut short", Where("GetObject", "/receipts/"), failing.cut_short),
    Fault("ListObjectsV2 fails", Where("ListObjectsV2"), failing.s3_refused("InternalError", 500)),
    Fault("PutObject arrives damaged", _PUT, failing.s3_refused("BadDigest", 400)),
    Fault("PutObject executed, and an error", _PUT, failing.executed_and_503, times=1),
    Fault("PutObject of a new object executed, and its connection reset", _NEW, failing.reset, times=1),
    Fault("PutObject lost a race", _PUT, failing.s3_refused("PreconditionFailed", 412)),
    Fault("PutObject met another", _PUT, failing.s3_refused("ConditionalRequestConflict", 409)),
    Fault("PutObject of a new object met another", _NEW, failing.s3_refused("ConditionalRequestConflict", 409)),
    Fault("PutObject of a receipt lost a race", _RECEIPT, failing.s3_refused("PreconditionFailed", 412)),
    Fault("PutObject of an intent executed, and an error", _INTENT, failing.executed_and_503, times=1),
    Fault("PutObject of superseded rows met another", _SUPERSEDED, failing.s3_refused("ConditionalRequestConflict", 409)),
    Fault("PutObject of superseded rows arrives damaged", _SUPERSEDED, failing.s3_refused("BadDigest", 400)),
    Fault("PutObject of the run's record executed, and its connection reset", _RECORD, failing.reset, times=1),
)

_NO_ANSWER, _FOR_NOW = "got no answer", "failed for now"
_DENIED, _S3_DENIED = failing.refused("AccessDeniedException"), failing.s3_refused("AccessDenied", 403)
_LOST, _MET = failing.s3_refused("PreconditionFailed", 412), failing.s3_refused("ConditionalRequestConflict", 409)
_UNKNOWN = failing.s3_refused("InvalidClientTokenId", 403)


def _for_ever(name: str, where: Where, fails: Failing, end: tuple[int, str, str], protocol: str = "single") -> Fault:
    code, *words = end
    return Fault(name, where, fails, times=None, end=End(code, tuple(words)), protocol=protocol)


ENDS: Final = (
    _for_ever("Query throttled", _QUERY, failing.throttled("ThrottlingException"), (5, "dynamodb:Query", _FOR_NOW)),
    _for_ever("Query fails", Where("Query", after=5), failing.bad_gateway, (5, "dynamodb:Query", _FOR_NOW)),
    _for_ever("Query not reached", _QUERY, failing.unreachable, (5, "dynamodb:Query", _NO_ANSWER)),
    _for_ever("Query with a wrong checksum", Where("Query", after=5), failing.wrong_checksum, (5, "dynamodb:Query", "damaged bytes")),
    _for_ever("Query denied", Where("Query", after=7), _DENIED, (5, "dynamodb:Query", "grant it")),
    _for_ever("BatchGetItem reads nothing", _BATCH_GET, failing.nothing_read, (5, "dynamodb:BatchGetItem", "leaving keys undone")),
    _for_ever("BatchGetItem denied", _BATCH_GET, _DENIED, (5, "dynamodb:BatchGetItem", "grant it")),
    _for_ever("DeleteItem throttled", Where("DeleteItem", after=1), failing.refused(_THROTTLED), (5, "dynamodb:DeleteItem", _FOR_NOW)),
    _for_ever("DeleteItem executed, and answers cut short", _DELETE, failing.cut_short, (5, "dynamodb:DeleteItem", "damaged bytes")),
    _for_ever(
        "DeleteItem denied in the middle",
        Where("DeleteItem", after=1),
        _DENIED,
        (5, "DeleteItem", "grant it"),
    ),
    _for_ever(
        "credentials expire between removals",
        Where("DeleteItem", after=1),
        failing.refused("ExpiredTokenException"),
        (5, "dynamodb:DeleteItem", "have expired"),
    ),
    _for_ever("credentials expire while reading", Where("Query", after=7), failing.refused("RequestExpired"), (5, "Query", "have expired")),
    _for_ever("credentials are no longer known", _PUT, _UNKNOWN, (5, "s3:PutObject", "have expired")),
    _for_ever(
        "statements throttled",
        _STATEMENTS,
        failing.statements_failed("ThrottlingError", slice(1)),
        (5, "BatchExecuteStatement", "stays throttled"),
        "partiql",
    ),
    _for_ever(
        "a statement denied",
        _STATEMENTS,
        failing.statements_failed("AccessDenied", slice(1)),
        (5, "dynamodb:PartiQLDelete", "grant both"),
        "partiql",
    ),
    _for_ever("BatchExecuteStatement cut short", _STATEMENTS, failing.cut_short, (5, "BatchExecuteStatement", "damaged bytes"), "partiql"),
    _for_ever("GetObject cut short", _GET, failing.cut_short, (5, "s3:GetObject", _NO_ANSWER)),
    _for_ever("GetObject damaged", _GET, failing.damaged, (4, "/messages/", "its checksum differs")),
    _for_ever("GetObject denied", _GET, _S3_DENIED, (5, "s3:GetObject", "grant it")),
    _for_ever("PutObject arrives damaged", _PUT, failing.s3_refused("BadDigest", 400), (5, "s3:PutObject", "nothing was stored")),
    _for_ever("PutObject loses every race", _PUT, _LOST, (5, "other runs", "keep winning")),
    _for_ever("PutObject meets another", _PUT, _MET, (5, "other runs", "keep winning")),
    _for_ever(
        "PutObject denied",
        Where("PutObject", "/messages/", after=1),
        _S3_DENIED,
        (5, "s3:PutObject", "grant it"),
    ),
    _for_ever(
        "PutObject of superseded rows meets another",
        _SUPERSEDED,
        _MET,
        (5, "/superseded/", "nothing was stored"),
    ),
    _for_ever(
        "PutObject of a receipt loses every race",
        _RECEIPT,
        _LOST,
        (5, "/receipts/", "again and again"),
    ),
    _for_ever("PutObject of an intent loses every race", _INTENT, _LOST, (5, "/purges/", "times already")),
    _for_ever("PutObject of an intent denied", _INTENT, _S3_DENIED, (5, "/purges/", "grant it")),
    _for_ever("PutObject of the run's record denied", _RECORD, _S3_DENIED, (5, "/runs/", "grant it")),
)


def groups(faults: Iterable[Fault]) -> list[list[Fault]]:
    """Put faults together that can happen in one run: no two of them to the same requests."""
    found: list[list[Fault]] = []
    for fault in faults:
        place = (fault.by_discovery, fault.purge, fault.protocol)
        for group in found:
            first = group[0]
            apart = all(_apart(fault.where, other.where) for other in group)
            if apart and place == (first.by_discovery, first.purge, first.protocol):
                group.append(fault)
                break
        else:
            found.append([fault])
    return found


def _apart(one: Where, other: Where) -> bool:
    return one.operation != other.operation or not (one.path.startswith(other.path) or other.path.startswith(one.path))
