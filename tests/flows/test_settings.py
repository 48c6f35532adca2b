"""The settings: defaults, overrides, and one sentence for each mistake."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from archive.errors import InputError
from archive.model.config import Limits, Policy, Roles
from archive.model.prices import PRICE_NAMES
from archive.model.spec import CHAT_MESSAGES
from athena import AthenaConfig
from flows.settings import Settings, load_settings
from flows.settings_sections import SECRETS, SECTIONS, ColumnEntry

EXAMPLE = Path(__file__).parents[2] / "dynalake.example.toml"
BUCKET = "[lake]\nbucket = 'my-lake'\n"
OWN_COLUMNS = """
[source]
partition_key = "id"
time_key = "at"
module_key = "course"
[[source.columns]]
attribute = "id"
column = "id"
type = "string"
[[source.columns]]
attribute = "at"
column = "sent_at"
type = "timestamp"
[[source.columns]]
attribute = "course"
column = "course"
type = "string"
"""


def write(folder: Path, text: str) -> Path:
    """Write a settings file."""
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problem(folder: Path, text: str, environ: dict[str, str] | None = None) -> str:
    """Return the sentence that these settings are refused with."""
    with pytest.raises(InputError) as caught:
        load_settings(write(folder, text), environ or {})
    return str(caught.value)


def test_a_bucket_is_enough(tmp_path: Path) -> None:
    """Everything but the bucket has a default, and the defaults remove nothing."""
    config = load_settings(write(tmp_path, BUCKET), {"HOME": "/home/someone"}).config()
    assert config.source.spec == CHAT_MESSAGES
    assert config.source.modules is None
    assert config.source.earliest == datetime(2015, 1, 1, tzinfo=UTC)
    assert (config.lake.prefix, config.lake.partition, config.lake.segment) == ("dynalake", "day", "day")
    assert config.lake.spool_directory == Path("/home/someone/.cache/dynalake-spool")
    assert config.lake.spool_bytes == 4_000_000_000
    assert config.policy == Policy(
        90, "keep", 7, 3, "expiresAt", "partiql", single_writer=False, late_rows=1000, late_days=7, backup_before_first_purge=True
    )
    assert config.limits == Limits(4000, 2000, 4, 4, 4, None, None, 1500, 500, 1)
    assert config.roles == Roles(None, None)


def test_athena_has_defaults(tmp_path: Path) -> None:
    """The lake is registered as dynalake.messages unless told otherwise."""
    athena = load_settings(write(tmp_path, BUCKET), {}).athena_config()
    assert athena == AthenaConfig("dynalake", "messages", "primary", None, 15)


def test_the_environment_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing default file is fine if variables give what is required."""
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {"DYNALAKE_LAKE__BUCKET": "my-lake"}).lake.bucket == "my-lake"


def test_the_default_file_is_read_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --config and DYNALAKE_CONFIG, dynalake.toml is read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dynalake.toml").write_text("[lake]\nbucket = 'from-default'\n", encoding="utf-8")
    assert load_settings(None, {}).lake.bucket == "from-default"


def test_the_process_environment_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the mapping that was passed counts."""
    monkeypatch.setenv("DYNALAKE_POLICY__RETENTION_DAYS", "5")
    assert load_settings(write(tmp_path, BUCKET), {}).policy.retention_days == 90


def test_a_variable_names_the_file(tmp_path: Path) -> None:
    """DYNALAKE_CONFIG is used where --config is absent."""
    path = write(tmp_path, BUCKET)
    assert load_settings(None, {"DYNALAKE_CONFIG": str(path)}).lake.bucket == "my-lake"


def test_an_option_goes_before_the_variable(tmp_path: Path) -> None:
    """--config wins over DYNALAKE_CONFIG."""
    path = write(tmp_path, BUCKET)
    assert load_settings(path, {"DYNALAKE_CONFIG": "/nowhere.toml"}).lake.bucket == "my-lake"


def test_variables_override_the_file_key_by_key(tmp_path: Path) -> None:
    """A variable changes its key, with the key's type, and leaves the section's other keys alone."""
    environ = {
        "DYNALAKE_SOURCE__MODULES": "[205, 303]",
        "DYNALAKE_SOURCE__EARLIEST": "2020-02-03",
        "DYNALAKE_POLICY__RETENTION_DAYS": "30",
        "DYNALAKE_POLICY__SINGLE_WRITER": "True",
        "DYNALAKE_LIMITS__READ_UNITS": "12.5",
        "DYNALAKE_LAKE__SPOOL_SIZE": "2GiB",
        "DYNALAKE_RUN__PREFECT": "false",
    }
    settings = load_settings(write(tmp_path, BUCKET + "[policy]\nretention_days = 60\noverlap_days = 5\n"), environ)
    assert settings.source.modules == (205, 303)
    assert settings.source.earliest == date(2020, 2, 3)
    assert (settings.policy.retention_days, settings.policy.overlap_days, settings.policy.single_writer) == (30, 5, True)
    assert settings.limits.read_units == 12.5
    assert settings.lake.spool_size == 2 * 2**30
    assert settings.run.prefect is False


def test_the_units_of_indexes_and_partition_values_can_be_set(tmp_path: Path) -> None:
    """And among how many they are shared, also by a variable, as whoever starts several workers does."""
    text = BUCKET + "[limits]\nindex_read_units = 10\nindex_write_units = 20\npartition_read_units = 30\npartition_write_units = 40.5\n"
    limits = load_settings(write(tmp_path, text), {"DYNALAKE_LIMITS__SHARED_BY": "4"}).config().limits
    assert (limits.index_read_units, limits.index_write_units) == (10, 20)
    assert (limits.partition_read_units, limits.partition_write_units, limits.shared_by) == (30, 40.5, 4)


def test_an_empty_variable_counts_as_absent(tmp_path: Path) -> None:
    """Schedulers often set a variable to nothing instead of leaving it out."""
    assert load_settings(write(tmp_path, BUCKET), {"DYNALAKE_LAKE__BUCKET": "", "DYNALAKE_X": ""}).lake.bucket == "my-lake"


def test_variables_of_the_tests_are_left_alone(tmp_path: Path) -> None:
    """What the test suite is told is no setting, and no mistake."""
    environ = {"DYNALAKE_TEST_DATA": "x", "DYNALAKE_REQUIRE_SERVERS": "1", "DYNALAKE_SERVERS_DIR": "x"}
    assert load_settings(write(tmp_path, BUCKET), environ).lake.bucket == "my-lake"


def test_the_segment_follows_the_partition(tmp_path: Path) -> None:
    """Without a segment, a segment is the whole partition."""
    assert load_settings(write(tmp_path, BUCKET + "partition = 'month'\n"), {}).config().lake.segment == "month"


def test_another_table_is_configuration(tmp_path: Path) -> None:
    """Own columns and keys become the spec, and modules may then be texts."""
    text = BUCKET + OWN_COLUMNS.replace('module_key = "course"', 'module_key = "course"\nmodules = ["maths"]')
    source = load_settings(write(tmp_path, text), {}).config().source
    assert (source.spec.partition_column, source.spec.time_column, source.spec.module_column) == ("id", "sent_at", "course")
    assert source.spec.bloom_columns == ("id",)
    assert source.modules == ("maths",)


@pytest.mark.parametrize(
    ("text", "size"),
    [("4096", 4096), ("'4096'", 4096), ("'3KB'", 3000), ("'2 MiB'", 2 * 2**20), ("'1TB'", 10**12), ("'5M'", 5_000_000)],
)
def test_a_spool_size_has_units(tmp_path: Path, text: str, size: int) -> None:
    """KB is a thousand bytes and KiB is 1,024."""
    assert load_settings(write(tmp_path, BUCKET + f"spool_size = {text}\n"), {}).config().lake.spool_bytes == size


BAD_FILES = [
    ("", "lake.bucket is missing; write it, in quotes, such as bucket = 'my-lake'"),
    ("[lake]\nbuket = 'my-lake'\n", "lake.buket is not a setting; did you mean lake.bucket?"),
    ("[lake]\nbucket = 's3://my-lake'\n", "lake.bucket is 's3://my-lake', which is not a bucket's name; write it alone"),
    ("[lake]\nbucket = 'My_Lake'\n", "lake.bucket is 'My_Lake', which is not a bucket's name"),
    ("[lake]\nbucket = 7\n", "lake.bucket is 7, which is not a bucket's name"),
    ("[lake]\nbucket = my-lake\n", "is not TOML: Invalid value (at line 2, column 10); correct it there"),
    ("lake = 3\n", "lake is not a section; write a line [lake]"),
    ("policy = 3\n" + BUCKET, "policy is 3; write a table of keys"),
    ("bucket = 'my-lake'\n", "bucket stands outside of its section; write it below [lake]"),
    ("[lakes]\nbucket = 'my-lake'\n", "[lakes] is not a section; did you mean [lake]?"),
    (BUCKET + "[zzz]\n", "[zzz] is not a section; the sections are [source], [lake], [policy]"),
    (BUCKET + "partition = 'week'\n", "lake.partition is 'week'; write 'day' or 'month'"),
    (BUCKET + "segment = '7h'\n", "lake.segment: segment '7h' does not divide a day; use day, or a length such as 12h"),
    (BUCKET + "segment = 'month'\n", "lake.segment: segment 'month' does not divide a day"),
    (BUCKET + "segment = 6\n", "lake.segment is 6; write a text in quotes"),
    (BUCKET + "prefix = '_hidden'\n", "lake.prefix: prefix '_hidden' has a part that begins with _ or ."),
    (BUCKET + "spool_size = 'lots'\n", "lake.spool_size is 'lots', which is not a size; write one such as '4GB'"),
    (BUCKET + "spool_size = 0\n", "lake.spool_size is 0, which is not a size"),
    (BUCKET + "spool_size = true\n", "lake.spool_size is true, which is not a size"),
    (BUCKET + "spool_directory = ''\n", "lake.spool_directory is '', which is not a folder"),
    (BUCKET + "[source]\nversion_attribute = ''\n", "source.version_attribute is empty; write a text, or leave the key out"),
    (BUCKET + "[source]\nmodules = []\n", "source.modules is [], which is empty, so nothing would be archived"),
    (BUCKET + "[source]\nmodules = [1.5]\n", "source.modules is [1.5], which is not a list of modules"),
    (BUCKET + "[source]\nmodules = [true]\n", "source.modules is [True], which is not a list of modules"),
    (BUCKET + "[source]\nmodules = 205\n", "source.modules is 205, which is not a list of modules"),
    (BUCKET + "[source]\nmodules = [205, 205]\n", "source.modules is [205, 205], which names a module twice"),
    (BUCKET + "[source]\nmodules = ['205']\n", "source.modules must be whole numbers without quotes, because moduleId is a column"),
    (BUCKET + "[source]\nearliest = 2015\n", "source.earliest is 2015; write a date such as 2015-01-01"),
    (BUCKET + "[source]\nearliest = 2015-01-01T00:00:00\n", "source.earliest is 2015-01-01T00:00:00; write a date such as"),
    (BUCKET + "[source]\nearliest = '2015-13-01'\n", "source.earliest is '2015-13-01'; write a date such as"),
    (BUCKET + "[source]\ntime_key = 'at'\n", "source.columns: the key attribute 'at' has no column; add it to [[source.columns]]"),
    (BUCKET + "[source]\ncolumns = 3\n", "source.columns is 3; write a list of tables"),
    (BUCKET + "[source]\ncolumns = [3]\n", "source.columns (table 1) is 3; write a table of keys"),
    (
        BUCKET + OWN_COLUMNS.replace('column = "sent_at"', 'column = "id"'),
        "source.columns: two attributes map to the column 'id', or it is a reserved one; give each its own name",
    ),
    (BUCKET + OWN_COLUMNS.replace('"timestamp"', '"int64"'), "source.columns: the time key 'at' must have a column of type timestamp"),
    (BUCKET + OWN_COLUMNS.replace('"timestamp"', '"date"'), "source.columns.type (table 2): 'date' is not a column type"),
    (
        BUCKET + "[[source.columns]]\nattribute = 'a'\ncolumm = 'a'\ntype = 'string'\n",
        "source.columns.columm is not a setting; did you mean source.columns.column?",
    ),
    (BUCKET + "[[source.columns]]\nattribute = 'a'\ntype = 'string'\n", "source.columns.column (table 1) is missing; write it"),
    (BUCKET + "[policy]\nretention_days = 0\n", "policy.retention_days is 0; write a number of at least 1"),
    (BUCKET + "[policy]\nretention_days = true\n", "policy.retention_days is true, which is not a whole number; write one such as 90"),
    (BUCKET + "[policy]\nretention_days = 1.5\n", "policy.retention_days is 1.5, which is not a whole number"),
    (BUCKET + "[policy]\nretention_days = 'ninety'\n", "policy.retention_days is 'ninety', which is not a whole number"),
    (BUCKET + "[policy]\nretention = 3\n", "policy.retention is not a setting; did you mean policy.retention_days?"),
    (BUCKET + "[policy]\npurge = 'remove'\n", "policy.purge is 'remove'; write 'delete', 'expire' or 'keep'"),
    (BUCKET + "[policy]\nexpire_after_days = 2\n", "policy.expire_after_days is 2; write a number of at least 3"),
    (BUCKET + "[policy]\noverlap_days = -1\n", "policy.overlap_days is -1; write a number of at least 0"),
    (BUCKET + "[policy]\nprotocol = 'batch'\n", "policy.protocol is 'batch'; write 'partiql' or 'single'"),
    (BUCKET + "[policy]\nsingle_writer = 0\n", "policy.single_writer is 0; write true or false"),
    (
        BUCKET + "[policy]\npurge = 'expire'\nttl_attribute = 'content'\n",
        "policy.ttl_attribute is 'content', which is also a declared column",
    ),
    (
        BUCKET + "[policy]\npurge = 'expire'\nttl_attribute = 'v'\n[source]\nversion_attribute = 'v'\n",
        "policy.ttl_attribute is 'v', which is also source.version_attribute",
    ),
    (BUCKET + "[limits]\nread_units = 0\n", "limits.read_units is 0; write a number above 0"),
    (BUCKET + "[limits]\nwrite_units = inf\n", "limits.write_units is inf; write a number that is finite"),
    (BUCKET + "[limits]\nwrite_units = nan\n", "limits.write_units is nan; write a number that is finite"),
    (BUCKET + "[limits]\nread_units = true\n", "limits.read_units is true, which is not a number; write one such as 4000"),
    (BUCKET + "[limits]\npartition_write_units = 0\n", "limits.partition_write_units is 0; write a number above 0"),
    (BUCKET + "[limits]\nindex_write_units = -1\n", "limits.index_write_units is -1; write a number above 0"),
    (BUCKET + "[limits]\nshared_by = 0\n", "limits.shared_by is 0; write a number of at least 1"),
    (BUCKET + "[limits]\nstreams = 0\n", "limits.streams is 0; write a number of at least 1"),
    (BUCKET + "[roles]\narchiver = 'me'\n", "roles.archiver is 'me', which is not a role; write its ARN"),
    (BUCKET + "[athena]\ndatabase = 'My-DB'\n", "athena.database is 'My-DB', which is not a name Glue takes"),
    (BUCKET + "[athena]\ntable = 'receipts'\n", "athena.table is 'receipts', the name of another of the lake's tables or views"),
    (BUCKET + "[athena]\noutput = 'results'\n", "athena.output is 'results', which is not a place in S3"),
    (BUCKET + "[prices]\nscan_tb = -1\n", "prices.scan_tb is -1, which is not a price; write US dollars as a number, such as 0.625"),
    (BUCKET + "[prices]\nscan_tb = true\n", "prices.scan_tb is true, which is not a price"),
    (BUCKET + "[prices]\nscan_tb = inf\n", "prices.scan_tb is inf, which is not a price"),
    (BUCKET + "[prices]\nscan_gb = 1\n", "prices.scan_gb is not a setting; did you mean prices.scan_tb?"),
    (BUCKET + "[run]\nprefect = 'maybe'\n", "run.prefect is 'maybe'; write true or false"),
]


@pytest.mark.parametrize(("text", "sentence"), BAD_FILES, ids=[sentence[:45] for _, sentence in BAD_FILES])
def test_a_mistake_in_the_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """The sentence names the key, says what is wrong, and what to write."""
    found = problem(tmp_path, text)
    assert sentence in found
    assert "\n" not in found


BAD_VARIABLES = [
    ("DYNALAKE_LAKE__BUKET", "x", "the variable DYNALAKE_LAKE__BUKET is not a setting; did you mean DYNALAKE_LAKE__BUCKET?"),
    ("DYNALAKE_LAKE_BUCKET", "x", "the variable DYNALAKE_LAKE_BUCKET is not a setting; did you mean DYNALAKE_LAKE__BUCKET?"),
    ("DYNALAKE_LAKE", "{}", "the variable DYNALAKE_LAKE is not a setting; unset it, or write DYNALAKE_SECTION__KEY"),
    ("DYNALAKE_ZZZ", "1", "the variable DYNALAKE_ZZZ is not a setting; unset it"),
    ("DYNALAKE_LAKE__BUCKET", "X", "lake.bucket (DYNALAKE_LAKE__BUCKET) is 'X', which is not a bucket's name"),
    ("DYNALAKE_POLICY__RETENTION_DAYS", "0", "policy.retention_days (DYNALAKE_POLICY__RETENTION_DAYS) is '0'; write"),
    ("DYNALAKE_POLICY__RETENTION_DAYS", "9e1", "policy.retention_days (DYNALAKE_POLICY__RETENTION_DAYS) is '9e1', which is not"),
    ("DYNALAKE_POLICY__PURGE", "dlete", "policy.purge (DYNALAKE_POLICY__PURGE) is 'dlete'; write 'delete', 'expire' or 'keep'"),
    ("DYNALAKE_LIMITS__READ_UNITS", "many", "limits.read_units (DYNALAKE_LIMITS__READ_UNITS) is 'many', which is not a number"),
    ("DYNALAKE_LIMITS__READ_UNITS", "inf", "limits.read_units (DYNALAKE_LIMITS__READ_UNITS) is inf; write a number that is finite"),
    ("DYNALAKE_SOURCE__MODULES", "205,303", "source.modules (DYNALAKE_SOURCE__MODULES) is '205,303', which is not a list of modules"),
    ("DYNALAKE_SOURCE__COLUMNS", "x", "source.columns (DYNALAKE_SOURCE__COLUMNS) is 'x'; write a list of tables"),
    ("DYNALAKE_LAKE__SEGMENT", "5h", "lake.segment (DYNALAKE_LAKE__SEGMENT): segment '5h' does not divide a day"),
    ("DYNALAKE_CONFIG", "/no/such.toml", "the settings file /no/such.toml does not exist; name an existing one with --config"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), BAD_VARIABLES, ids=[f"{name}={value}" for name, value, _ in BAD_VARIABLES])
def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path, name: str, value: str, sentence: str) -> None:
    """Whoever reads the sentence finds the variable to change."""
    with pytest.raises(InputError) as caught:
        load_settings(None if name == "DYNALAKE_CONFIG" else write(tmp_path, BUCKET), {name: value})
    assert sentence in str(caught.value)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """A missing file is only fine if nobody named it."""
    with pytest.raises(InputError, match=r"nothing.toml does not exist; name an existing one"):
        load_settings(tmp_path / "nothing.toml", {"DYNALAKE_LAKE__BUCKET": "my-lake"})


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    """What cannot be opened is named, with the system's reason."""
    with pytest.raises(InputError, match="cannot be read"):
        load_settings(tmp_path, {})


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """TOML is UTF-8."""
    path = tmp_path / "settings.toml"
    path.write_bytes(b"# caf\xe9\n")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        load_settings(path, {})


def test_the_example_holds_every_key() -> None:
    """Each section's part of the example mentions each of its keys, set or commented out, and no others."""
    text = EXAMPLE.read_text(encoding="utf-8")
    found = dict(re.findall(r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL))
    expected = {name: set(model.model_fields) for name, model in SECTIONS.items()}
    columns = set(ColumnEntry.model_fields)
    expected["source"] = (expected["source"] - {"columns"}) | columns
    for name, secret in SECRETS.items():
        expected[name].remove(secret)
        assert f"DYNALAKE_{name}__{secret}".upper() in found[name]
    assert "# [[source.columns]]" in text
    assert {name: set(re.findall(r"^(?:# )?(\w+) = ", part, re.MULTILINE)) for name, part in found.items()} == expected


def test_every_price_can_be_set(tmp_path: Path) -> None:
    """[prices] has the names of the price list, and an amount is what was written: a number, or a variable's text."""
    assert tuple(SECTIONS["prices"].model_fields) == PRICE_NAMES
    settings = load_settings(write(tmp_path, BUCKET + "[prices]\nscan_tb = 0.1\n"), {"DYNALAKE_PRICES__WRITE_MILLION": "0.5"})
    assert settings.config().prices == (("write_million", Decimal("0.5")), ("scan_tb", Decimal("0.1")))
    assert settings.athena_config().prices == settings.config().prices


def test_every_section_is_a_setting() -> None:
    """The list of sections, which sentences are made from, is the settings' own."""
    assert {name: field.annotation for name, field in Settings.model_fields.items()} == SECTIONS


def test_the_example_explains_every_key() -> None:
    """Each line that sets or shows a key ends with a comment."""
    lines = [line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if re.match(r"(?:# )?\w+ = ", line)]
    assert lines
    assert [line for line in lines if not re.search(r"\s# \S", line.removeprefix("# "))] == []


def test_the_example_equals_the_defaults(tmp_path: Path) -> None:
    """What the example sets is what an absent key means; only the bucket is an example."""
    environ = {"HOME": "/home/someone"}
    assert load_settings(EXAMPLE, environ) == load_settings(write(tmp_path, BUCKET), environ)


def test_the_example_sets_every_key_that_has_a_value_by_default() -> None:
    """Only a key whose default is nothing, or depends on the machine, is commented out."""
    values = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    missing = {f"{name}.{key}" for name, model in SECTIONS.items() for key in model.model_fields if key not in values[name]}
    defaults = {"lake.spool_directory"} | {
        f"{name}.{key}" for name, model in SECTIONS.items() for key, field in model.model_fields.items() if field.default is None
    }
    assert missing == defaults


def test_what_the_example_comments_out_is_accepted(tmp_path: Path) -> None:
    """Each example line works when the mark is taken away."""
    text = EXAMPLE.read_text(encoding="utf-8").partition("# [[source.columns]]")
    rest = text[2].partition("[lake]")
    shown = re.sub(r"^# (\w+ = )", r"\1", text[0] + rest[1] + rest[2], flags=re.MULTILINE)
    settings = load_settings(write(tmp_path, shown), {})
    assert (settings.source.modules, settings.lake.segment, settings.source.region) == ((205, 303), "6h", "us-east-1")
