"""One read-only question passes; everything else is refused in a sentence."""

from __future__ import annotations

import pytest

from archive.errors import InputError
from athena.gate import check_question, parse_question


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "  select 1 ;; ",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "WITH t AS (SELECT 1 AS a) SELECT a FROM t",
        "-- a comment; with a semicolon\nSELECT ';' AS x",
        "SELECT * FROM t MATCH_RECOGNIZE (PATTERN (a) DEFINE a AS true)",
        "TABLE t",
        "VALUES 1, 2",
    ],
)
def test_a_question_passes(sql: str) -> None:
    """Queries pass the gate that both engines have, with grammar that only Athena knows too."""
    assert not check_question(sql).endswith(";")


@pytest.mark.parametrize(
    "sql",
    [
        "",
        " ; ",
        "-- nothing",
        "INSERT INTO t SELECT 1",
        "DELETE FROM t",
        "UPDATE t SET a = 1",
        "MERGE INTO t USING u ON a = b WHEN MATCHED THEN DELETE",
        "CREATE TABLE t AS SELECT 1",
        "DROP TABLE t",
        "ALTER TABLE t ADD PARTITION (dt = '2024-01-01')",
        "MSCK REPAIR TABLE t",
        "UNLOAD (SELECT 1) TO 's3://bucket/' WITH (format = 'PARQUET')",
        "EXPLAIN ANALYZE SELECT 1",
        "SHOW TABLES",
        "PREPARE p FROM SELECT 1",
        "EXECUTE p",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE t",
        "COPY t TO 'x'",
        "ATTACH 'x'",
        "PRAGMA version",
        "INSTALL httpfs",
        "SELECT 'unclosed",
    ],
)
def test_anything_else_is_refused(sql: str) -> None:
    """DDL, DML, UNLOAD, MSCK, several statements and no statement are refused by both engines."""
    with pytest.raises(InputError):
        check_question(sql)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT a::int FROM t", "::"),
        ("SELECT a->>'$.b' FROM t", "->>"),
        ("SELECT 7 // 2", "//"),
        ("SELECT a == 1 FROM t", "=="),
        ("SELECT [1, 2]", "ARRAY"),
        ("SELECT {'a': 1}", "ROW"),
        ("FROM t", "FROM is refused"),
        ("SELECT * FROM (FROM t)", "begins with FROM"),
        ("SELECT * FROM t LIMIT 5 OFFSET 2", "LIMIT before OFFSET"),
        ("SELECT * EXCLUDE (a) FROM t", "EXCLUDE"),
        ("SELECT * REPLACE (1 AS a) FROM t", "REPLACE"),
        ("SELECT a FROM t WHERE a ILIKE 'x'", "ILIKE"),
        ("SELECT * FROM t USING SAMPLE 10", "SAMPLE"),
        ("SELECT * FROM t ASOF JOIN u ON t.a >= u.a", "ASOF"),
        ("SELECT * FROM t SEMI JOIN u ON t.a = u.a", "SEMI"),
        ("SELECT a, count(*) FROM t GROUP BY ALL", "GROUP BY ALL"),
        ("SELECT * FROM 'file.parquet'", "files"),
        ('SELECT * FROM "file.parquet"', "files"),
        ("SELECT * FROM read_parquet('file')", "read_parquet"),
        ("SELECT * FROM read_text('/etc/hostname')", "read_text"),
        ("SELECT * FROM duckdb_settings()", "duckdb_settings"),
        ("SELECT FROM WHERE", "cannot be read"),
    ],
)
def test_duckdb_only_syntax_is_refused(sql: str, says: str) -> None:
    """What DuckDB or sqlglot would take but Athena rejects is refused, so that a question that works here works there."""
    with pytest.raises(InputError, match=says.replace("*", r"\*")):
        parse_question(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT semi, anti, sample, pivot, asof FROM t",
        "SELECT ARRAY[1, 2][1], m['a'], trim(FROM a), '::' FROM t",
        "SELECT * FROM t OFFSET 2 LIMIT 5",
        "SELECT * FROM (SELECT 1 AS a LIMIT 5) OFFSET 2 ROWS",
        "(SELECT 1 AS a LIMIT 5) UNION ALL (SELECT 2 AS a OFFSET 1)",
        "SELECT * FROM t TABLESAMPLE BERNOULLI (10)",
        "SELECT extract(year FROM a) FROM t",
        'SELECT "ilike" FROM t',
    ],
)
def test_athenas_own_syntax_passes(sql: str) -> None:
    """Words and signs that are foreign elsewhere pass where Trino has them."""
    parse_question(sql)
