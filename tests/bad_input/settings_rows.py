"""Rows of docs/errors.md: the settings file and the variables that override it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from tests.bad_input.row import Given, Row, World, both, settings, variables

_PLAN: Final = ("plan",)
_KEYS: Final = {"conversationId": ("conversation_id", "string"), "timestamp": ("sent_at", "timestamp"), "moduleId": ("module_id", "int64")}


def _text(data: bytes) -> Given:
    return lambda world: replace(world, text=data)


def _added(data: str) -> Given:
    """Return what puts lines in front of the settings file."""

    def add(world: World) -> World:
        return replace(world, text=data.encode() + world.site.config().read_bytes())

    return add


def _without_bucket(world: World) -> World:
    sections = {**world.site.settings, "lake": {"prefix": "lake"}}
    return replace(world, site=replace(world.site, settings=sections))


def _unreadable(world: World) -> World:
    (world.folder / "folder.toml").mkdir()
    return world


def _columns(*more: tuple[str, str, str], **changed: tuple[str, str]) -> Given:
    """Return what declares columns: those of the keys, some of them changed, and more."""
    entries: list[dict[str, Any]] = [
        {"attribute": attribute, "column": column, "type": kind} for attribute, (column, kind) in {**_KEYS, **changed}.items()
    ]
    entries += [{"attribute": attribute, "column": column, "type": kind} for attribute, column, kind in more]
    return settings(source={"columns": entries})


def _setting(name: str, value: object) -> Given:
    section, key = name.split(".")
    return settings(**{section: {key: value}})


def _row(name: str, value: object, said: str, what: str = "") -> Row:
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return Row(what or f"`[{name.replace('.', '] ')}` is {shown}", _PLAN, said, 2, _setting(name, value))


def _variable(what: str, name: str, value: str, said: str) -> Row:
    return Row(what, _PLAN, said, 2, variables(**{name: value}))


THE_FILE: Final = [
    Row("a settings file that is not there", ("plan", "--config", "{folder}/none.toml"), "the settings file … does not exist; name an existing one with --config or DYNALAKE_CONFIG", 2),
    Row("one that cannot be read (a folder)", ("plan", "--config", "{folder}/folder.toml"), "the settings file … cannot be read (…); make it readable, or name another with --config", 2, _unreadable),
    Row("one that is not TOML", _PLAN, "the settings file … is not TOML: …; correct it there (texts need quotes, dates do not)", 2, _text(b"[lake]\nbucket = my-lake\n")),
    Row("one that is not UTF-8", _PLAN, "the settings file … is not UTF-8 text; save it as UTF-8", 2, _text(b"[lake]\nbucket = '\xff'\n")),
    Row("a section that there is not", _PLAN, "[polcy] is not a section; did you mean [policy]?", 2, _added("[polcy]\npurge = 'keep'\n")),
    Row("a key that there is not", _PLAN, "policy.retention is not a setting; did you mean policy.retention_days?", 2, settings(policy={"retention": 5})),
    Row("a key outside of its section", _PLAN, "bucket stands outside of its section; write it below [lake]", 2, _added("bucket = 'my-lake'\n")),
    Row("a section that is a text", _PLAN, "lake is not a section; write a line [lake], and its keys below it", 2, _text(b"lake = 'my-lake'\n")),
    Row("no `[lake] bucket`", _PLAN, "lake.bucket is missing; write it, in quotes, such as bucket = 'my-lake'", 2, _without_bucket),
]  # fmt: skip

VARIABLES: Final = [
    _variable("a variable that is no setting", "DYNALAKE_POLICY__RETENTON_DAYS", "30", "the variable … is not a setting; did you mean DYNALAKE_POLICY__RETENTION_DAYS?"),
    _variable("a variable without its section", "DYNALAKE_POLICY", "{}", "the variable DYNALAKE_POLICY is not a setting; unset it, or write …, one variable a key"),
    _variable("a variable with a wrong value", "DYNALAKE_POLICY__RETENTION_DAYS", "many", "policy.retention_days (DYNALAKE_POLICY__RETENTION_DAYS) is 'many', which is not a whole number; write one such as 90"),
    _variable("a webhook that is no address", "DYNALAKE_NOTIFY__WEBHOOK", "http://hooks.example/token", "notify.webhook (DYNALAKE_NOTIFY__WEBHOOK) is not an address that begins with https://; copy it from the service that it belongs to"),
    _variable("a list that is not JSON", "DYNALAKE_SOURCE__MODULES", "5,6", "source.modules (DYNALAKE_SOURCE__MODULES) is '5,6', which is not a list of modules; write one such as [205, 303], or leave it out to have the modules discovered"),
]  # fmt: skip

SETTINGS: Final = [
    _row("lake.bucket", "s3://my-lake/x", "lake.bucket is 's3://my-lake/x', which is not a bucket's name; write it alone, such as 'my-lake', without s3:// or a path"),
    _row("lake.prefix", "_hidden", "lake.prefix: prefix '_hidden' has a part that begins with _ or . and Athena would not see it; choose another"),
    _row("lake.partition", "week", "lake.partition is 'week'; write 'day' or 'month'"),
    _row("lake.segment", "7h", "lake.segment: segment '7h' does not divide a day; use day, or a length such as 12h, 6h, 1h or 15m"),
    _row("lake.spool_size", "huge", "lake.spool_size is 'huge', which is not a size; write one such as '4GB', or a number of bytes"),
    _row("lake.spool_directory", 5, "lake.spool_directory is 5, which is not a folder; write its path in quotes"),
    _row("policy.retention_days", 0, "policy.retention_days is 0; write a number of at least 1"),
    _row("policy.retention_days", -1, "policy.retention_days is -1; write a number of at least 1"),
    _row("policy.retention_days", 1.5, "policy.retention_days is 1.5, which is not a whole number; write one such as 90"),
    _row("policy.purge", "drop", "policy.purge is 'drop'; write 'delete', 'expire' or 'keep'"),
    _row("policy.expire_after_days", 2, "policy.expire_after_days is 2; write a number of at least 3"),
    _row("policy.protocol", "batch", "policy.protocol is 'batch'; write 'partiql' or 'single'"),
    _row("policy.single_writer", "yes", "policy.single_writer is 'yes'; write true or false"),
    _row("limits.write_units", 0, "limits.write_units is 0; write a number above 0"),
    _row("limits.streams", 65, "limits.streams is 65; write a number of at most 64"),
    _row("limits.segments", 0, "limits.segments is 0; write a number of at least 1"),
    _row("limits.max_messages", 0, "limits.max_messages is 0; write a number of at least 1"),
    _row("limits.max_dollars", -1.0, "limits.max_dollars is -1.0; write a number above 0"),
    _row("limits.unattended_messages", -1, "limits.unattended_messages is -1; write a number of at least 0"),
    _row("roles.archiver", "archiver", "roles.archiver is 'archiver', which is not a role; write its ARN, such as 'arn:aws:iam::123456789012:role/archiver'"),
    _row("athena.database", "My-Lake", "athena.database is 'My-Lake', which is not a name Glue takes; use lower-case letters, digits and underscores"),
    _row("athena.table", "receipts", "athena.table is 'receipts', the name of another of the lake's tables or views; write another, such as 'messages'"),
    _row("athena.reuse_minutes", -1, "athena.reuse_minutes is -1; write a number of at least 0"),
    _row("athena.output", "my-results", "athena.output is 'my-results', which is not a place in S3; write one such as 's3://my-results/athena/'"),
    _row("prices.write_million", "cheap", "prices.write_million is 'cheap', which is not a price; write US dollars as a number, such as 0.625"),
    _row("prices.read_million", -0.1, "prices.read_million is -0.1, which is not a price; write US dollars as a number, such as 0.625"),
    _row("prices.writes_million", 1.25, "prices.writes_million is not a setting; did you mean prices.write_million?", "a price that there is not"),
    _row("run.log", "loud", "run.log is 'loud'; write 'quiet', 'text' or 'json'"),
    _row("run.prefect", "no", "run.prefect is 'no'; write true or false"),
    _row("watch.metrics", 1, "watch.metrics is 1; write true or false"),
    _row("schedule.cron", "nightly", "schedule.cron is 'nightly', which is not a schedule; write minute, hour, day, month and weekday, such as '0 3 * * *' for three o'clock each night"),
    _row("schedule.cron", "0 0 31 2 *", "schedule.cron is '0 0 31 2 *', which is not a schedule; write minute, hour, day, month and weekday, such as '0 3 * * *' for three o'clock each night"),
    _row("schedule.timezone", "Berlin", "schedule.timezone is 'Berlin', which is not a time zone; write its name, such as 'UTC' or 'Europe/Berlin'"),
    _row("notify.sns_topic", "dynalake", "notify.sns_topic is 'dynalake', which is not a topic; write its ARN, such as 'arn:aws:sns:us-east-1:123456789012:dynalake'"),
    Row("a webhook in the settings file", _PLAN, "notify.webhook is a secret, and stands in the settings file; take it out, and set the variable DYNALAKE_NOTIFY__WEBHOOK instead", 2, settings(notify={"webhook": "https://hooks.example/token"})),
    _row("source.earliest", "2015", "source.earliest is '2015'; write a date such as 2015-01-01"),
    _row("source.modules", ["algebra"], "source.modules must be whole numbers without quotes, because moduleId is a column of type int64"),
    _row("source.modules", [], "source.modules is [], which is empty, so nothing would be archived; name at least one module, or leave it out to have them discovered"),
    _row("source.modules", [5, 5], "source.modules is [5, 5], which names a module twice; keep one of the two"),
    _row("source.modules", 5, "source.modules is 5, which is not a list of modules; write one such as [205, 303], or leave it out to have the modules discovered"),
    Row("two attributes that map to one column", _PLAN, "source.columns: two attributes map to the column 'said', or it is a reserved one; give each its own name", 2, _columns(("text", "said", "string"), ("content", "said", "string"))),
    Row("one attribute that maps to two columns", _PLAN, "source.columns: attribute 'text' is mapped twice; keep one of the two columns", 2, _columns(("text", "said", "string"), ("text", "told", "string"))),
    Row("a column whose name Glue would change", _PLAN, "source.columns: column name 'Said' must be lower-case letters, digits and underscores (Glue lower-cases names)", 2, _columns(("text", "Said", "string"))),
    Row("a column of a name that is taken (`remainder`, `dt`)", _PLAN, "source.columns: two attributes map to the column 'dt', or it is a reserved one; give each its own name", 2, _columns(("text", "dt", "string"))),
    Row("a column of a type that there is not", _PLAN, "source.columns.type (table 4): 'varchar' is not a column type; use string, int64, boolean, timestamp or decimal(precision, scale) (at most 38 digits)", 2, _columns(("text", "said", "varchar"))),
    Row("a decimal with too many digits", _PLAN, "source.columns.type (table 4): 'decimal(39,2)' is not a column type; use string, int64, boolean, timestamp or decimal(precision, scale) (at most 38 digits)", 2, _columns(("cost", "cost", "decimal(39,2)"))),
    Row("a key attribute without a column", _PLAN, "source.columns: the key attribute 'courseId' has no column; add it to [[source.columns]]", 2, settings(source={"module_key": "courseId"})),
    Row("a time key whose column is no timestamp", _PLAN, "source.columns: the time key 'timestamp' must have a column of type timestamp", 2, _columns(timestamp=("sent_at", "int64"))),
    Row("a mark that is also a column", _PLAN, "policy.ttl_attribute is 'content', which is also a declared column, so the mark could not be told from the data; name another attribute, or take the column out of [[source.columns]]", 2, settings(policy={"purge": "expire", "ttl_attribute": "content"})),
    Row("a mark that is also the version", _PLAN, "policy.ttl_attribute is 'version', which is also source.version_attribute; name another attribute for the mark", 2, both(settings(policy={"purge": "expire", "ttl_attribute": "version"}), settings(source={"version_attribute": "version"}))),
]  # fmt: skip
