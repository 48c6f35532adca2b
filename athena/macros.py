"""What DuckDB has to be taught so that it answers as Athena (Trino) documents: settings, macros and one function.

Each entry names the difference, and what Trino's side was read from: a page below https://trino.io/docs/current/functions/, or a class
of Trino's source where no page says it.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import duckdb
import pyarrow as pa

# A laptop may be off line and the lake holds pupils' text: nothing is downloaded, no other file is read, nothing is spilled to disk.
CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",
}
SETTINGS: Final = ("SET TimeZone = 'UTC'", "SET integer_division = true", "SET enable_progress_bar = false")
LOCKS: Final = ("SET enable_external_access = false", "SET lock_configuration = true")

MACROS: Final = (
    # JsonExtract: a text that is not JSON gives NULL, where DuckDB fails. (A CASE around the whole call would fail too, on constants.)
    "athena_json(j) AS CASE WHEN json_valid(CAST(j AS VARCHAR)) THEN CAST(j AS VARCHAR) END",
    # JsonExtract: a scalar as its own text; NULL for an object, an array, a JSON null and a missing path.
    """athena_json_scalar(j, path) AS CASE json_type(athena_json(j), path)
         WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' THEN NULL WHEN 'NULL' THEN NULL
         WHEN 'DOUBLE' THEN athena_number_text(athena_json(j), path)
         ELSE json_extract_string(athena_json(j), path) END""",
    "athena_json_extract(j, path) AS json_extract(athena_json(j), path)",
    # json.html: the number of members of an object or array, 0 for a scalar, NULL for a missing path.
    """athena_json_size(j, path) AS CASE json_type(athena_json(j), path)
         WHEN 'OBJECT' THEN len(json_keys(athena_json(j), path))
         WHEN 'ARRAY' THEN json_array_length(athena_json(j), path)
         ELSE CASE WHEN json_type(athena_json(j), path) IS NOT NULL THEN 0 END END""",
    "json_array_contains(j, x) AS list_contains(CAST(CAST(j AS JSON) AS JSON[]), to_json(x))",
    # JoniRegexpFunctions: NULL where the pattern does not match. (A group that took no part is NULL too; here an empty text.)
    "athena_regexp_extract(s, p, g) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END",
    "regexp_count(s, p) AS len(regexp_extract_all(s, p))",
    "regexp_split(s, p) AS string_split_regex(s, p)",
    # string.html: NULL where the index is beyond the last part.
    "athena_split_part(s, d, i) AS CASE WHEN i <= len(string_split(s, d)) THEN split_part(s, d, i) END",
    "codepoint(s) AS unicode(s)",
    "hamming_distance(a, b) AS hamming(a, b)",
    # datetime.html: a timestamp shows its milliseconds; json.html: a JSON string is cast to its text.
    """athena_text(x) AS CASE
         WHEN typeof(x) = 'JSON' THEN CASE json_type(athena_json(x))
           WHEN 'NULL' THEN NULL
           WHEN 'OBJECT' THEN error('Cannot cast JSON object to varchar; use json_format')
           WHEN 'ARRAY' THEN error('Cannot cast JSON array to varchar; use json_format')
           ELSE json_extract_string(athena_json(x), '$') END
         WHEN typeof(x) IN ('TIMESTAMP', 'TIMESTAMP_MS', 'TIMESTAMP_S')
           THEN strftime(CAST(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')
         WHEN typeof(x) = 'TIMESTAMP WITH TIME ZONE'
           THEN strftime(CAST(replace(CAST(x AS VARCHAR), '+00', '') AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g') || ' UTC'
         ELSE CAST(x AS VARCHAR)
       END""",
    """athena_typeof(x) AS CASE typeof(x)
         WHEN 'TIMESTAMP' THEN 'timestamp(3)' WHEN 'TIMESTAMP_MS' THEN 'timestamp(3)'
         WHEN 'TIMESTAMP_S' THEN 'timestamp(0)'
         WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'timestamp(3) with time zone'
         WHEN 'HUGEINT' THEN 'bigint' WHEN 'FLOAT' THEN 'real' WHEN 'BLOB' THEN 'varbinary'
         ELSE lower(typeof(x)) END""",
    # datetime.html: ISO 8601 with milliseconds; a date stays a date.
    """to_iso8601(x) AS CASE
         WHEN typeof(x) = 'DATE' THEN CAST(x AS VARCHAR)
         WHEN typeof(x) = 'TIMESTAMP WITH TIME ZONE'
           THEN strftime(CAST(replace(CAST(x AS VARCHAR), '+00', '') AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%gZ')
         ELSE strftime(CAST(CAST(x AS VARCHAR) AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%g') END""",
    # aggregate.html: names that DuckDB lacks; of equal keys, map_agg keeps one.
    "every(x) AS bool_and(x)",
    """map_agg(k, v) AS map_from_entries(list_filter(
         list(struct_pack(k := k, v := v) ORDER BY k) FILTER (WHERE k IS NOT NULL),
         LAMBDA e, i : i = 1 OR e.k IS DISTINCT FROM (list(k ORDER BY k) FILTER (WHERE k IS NOT NULL))[i - 1]))""",
    "geometric_mean(x) AS geomean(x)",
    # math.html
    """width_bucket(x, lowest, highest, n) AS CASE
         WHEN x < lowest THEN 0 WHEN x >= highest THEN n + 1
         ELSE CAST(floor((CAST(x AS DOUBLE) - lowest) * n / (CAST(highest AS DOUBLE) - lowest)) AS BIGINT) + 1 END""",
    "nan() AS CAST('NaN' AS DOUBLE)",
    "infinity() AS CAST('Infinity' AS DOUBLE)",
    # array.html
    "zip(a, b) AS list_zip(a, b)",
    "arrays_overlap(a, b) AS list_has_any(a, b)",
    "array_intersect(a, b) AS list_intersect(a, b)",
    "array_union(a, b) AS list_distinct(list_concat(a, b))",
    # url.html: NULL where the part is missing.
    "url_extract_protocol(u) AS nullif(regexp_extract(u, '^([A-Za-z][A-Za-z0-9+.-]*):', 1), '')",
    "url_extract_host(u) AS nullif(regexp_extract(u, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]*)', 1), '')",
    "url_extract_path(u) AS regexp_extract(u, '^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*([^?#]*)', 1)",
    "url_extract_query(u) AS nullif(regexp_extract(u, '[?]([^#]*)', 1), '')",
    "url_extract_parameter(u, n) AS nullif(regexp_extract(u, '[?&]' || n || '=([^&#]*)', 1), '')",
)
_STEP = re.compile(r'\."((?:[^"\\]|\\.)*)"|\.([^."\[]+)|\[(\d+)\]')


def number_text(document: str, path: str) -> str | None:
    """Return a JSON number's own digits; DuckDB would show the nearest binary fraction (0.1234567890123456789 is cut)."""
    value: Any = json.loads(document, parse_float=str, parse_int=str)
    for quoted, plain, index in _STEP.findall(path):
        value = value[int(index)] if index else value[quoted or plain]
    return value if isinstance(value, str) else None


def _number_texts(documents: pa.ChunkedArray, paths: pa.ChunkedArray) -> pa.Array:
    pairs = zip(documents.to_pylist(), paths.to_pylist(), strict=True)
    return pa.array([number_text(document, path) for document, path in pairs], pa.string())


def connect() -> duckdb.DuckDBPyConnection:
    """Open an empty DuckDB in memory that answers as Athena does. Run LOCKS once the tables are registered."""
    connection = duckdb.connect(":memory:", config=CONFIG)
    for setting in SETTINGS:
        connection.execute(setting)
    text = duckdb.sqltypes.VARCHAR
    connection.create_function("athena_number_text", _number_texts, [text, text], text, type="arrow")  # type: ignore[call-overload]  # the stubs know only functions of single values
    for macro in MACROS:
        connection.execute(f"CREATE MACRO {macro}")
    return connection
