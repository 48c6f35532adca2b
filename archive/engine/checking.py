"""Checks, without touching a message, that a run could do all it would have to: one finding for each thing tried."""

from __future__ import annotations

from collections.abc import Callable

from archive.codec.conditions import DELETE, Change, Target
from archive.codec.values import AttributeValue, Item
from archive.dynamo_write import Fate, SingleRemover
from archive.engine.session import Session
from archive.errors import DynalakeError
from archive.lake.spool import private_folder
from archive.model.finding import Finding, Verdict
from archive.model.window import Window, from_ms

__all__ = ["Finding", "Verdict", "check"]


def check(session: Session) -> list[Finding]:
    """Try everything that a run needs; reads and changes no message.

    Writes a probe object below the lake's prefix and, where PartiQL is to be used, ten items of its own that it removes again.
    """
    findings = [
        _try("table and index", lambda: _table(session)),
        _try("read: Scan and Query of the index", lambda: _reading(session)),
        _try("read: BatchGetItem of the table", lambda: _batch_get(session)),
        _try("lake: list, conditional PUT, GET", lambda: _lake(session)),
        _try("lake: whose it is", lambda: f"prefix {session.config.lake.prefix!r} is this table's, or nobody's yet"),
        _try("spool", lambda: _spool(session)),
    ]
    if session.config.policy.purge != "keep":
        findings.append(_purgeable(session))
        findings.append(_try("purge: conditional single calls", lambda: _single(session)))
        if session.config.policy.protocol == "partiql":
            findings.append(_try("purge: PartiQL", lambda: _partiql(session)))
    return findings


def _try(what: str, attempt: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "ok", attempt())
    except DynalakeError as error:
        return Finding(what, "failed", str(error))


def _table(session: Session) -> str:
    facts = session.facts
    text = f"about {facts.items:,} items, {facts.indexes} indexes"
    return text if facts.projection == "ALL" else f"{text}; the index projects {facts.projection}, so items are read from the table by key"


def _nothing() -> Window:
    """Return a window in which no message is: two milliseconds of 1970."""
    return Window(from_ms(0), from_ms(2))


def _reading(session: Session) -> str:
    modules = session.reader.modules(session.facts)
    spec = session.config.source.spec
    some = modules[0].module if modules else (0 if session.facts.key_types[spec.module_key] == "N" else "dynalake-check")
    for _ in session.reader.pages(some, _nothing(), session.decoder(), limit=1):
        pass
    return f"{len(modules)} modules found"


def _made_up_key(session: Session) -> Item:
    spec, types = session.config.source.spec, session.facts.key_types
    values: dict[str, AttributeValue] = {"S": {"S": "dynalake-check"}, "N": {"N": "-1"}, "B": {"B": b"dynalake-check"}}
    return {spec.partition_key: values[types[spec.partition_key]], spec.time_key: {"N": "0"}}


def _batch_get(session: Session) -> str:
    session.reader.messages([_made_up_key(session)], session.decoder())
    return "permitted"


def _lake(session: Session) -> str:
    session.store.require_conditions(session.keys.probe)
    session.store.get(session.keys.archive)
    next(session.store.list(session.keys.folder("messages")), None)
    return f"s3://{session.store.bucket}/{session.keys.prefix} honours conditions"


def _spool(session: Session) -> str:
    with private_folder(session.config.lake.spool_directory):
        return "private folders can be made; pupils' text lies there while a run works"


def _purgeable(session: Session) -> Finding:
    what = "purge: nothing forbids it"
    try:
        warnings = session.require_purgeable()
    except DynalakeError as error:
        return Finding(what, "failed", str(error))
    return Finding(what, "warning" if warnings else "ok", "; ".join(warnings) or "versioned bucket, no replicas")


def _single(session: Session) -> str:
    """Try the policy's conditional change on a key that is not there: permitted, it finds nothing, and makes nothing."""
    policy = session.config.policy
    change = DELETE if policy.purge == "delete" else Change("mark", policy.ttl_attribute)
    remover = SingleRemover(session.purger_clients.dynamodb, session.table, session.governor)
    outcome = remover.remove_one(Target(0, _made_up_key(session), change), frozenset())
    return "permitted" if outcome.fate is Fate.MISSING else f"a made-up key was answered with {outcome.fate.value}"


def _partiql(session: Session) -> str:
    types = session.partiql_types()
    return f"compares {', '.join(sorted(types))}; messages with other types go as single calls"
