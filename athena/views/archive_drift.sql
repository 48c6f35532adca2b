-- Attributes in remainder: new ones, and values that did not fit their column; how often, and of which type.
--
-- Reads only the days of dt that are asked for. (DuckDB does not take conditions below an UNNEST: it reads the remainder of all days.)
-- Example: SELECT attribute, type, sum(messages) FROM archive_drift WHERE dt >= DATE '2024-01-01' GROUP BY 1, 2 ORDER BY 3 DESC
--
-- dt         date       Partition; filter by it
-- attribute  string     Name of the attribute in DynamoDB
-- type       string     number, text, boolean, null, list, map, binary, or a set of numbers, texts or binaries
-- messages   bigint     Messages that have it
-- share      double     Part of the partition's messages, 0 to 1
-- first_at   timestamp  Time of the first of them (UTC)
-- last_at    timestamp  Time of the last of them (UTC)
WITH kept AS (
    SELECT dt, sent_at, CAST(json_parse(remainder) AS map(varchar, json)) AS attributes
    FROM messages
    WHERE remainder IS NOT NULL
),
named AS (
    SELECT dt, sent_at, attribute, json_format(value) AS value
    FROM kept
    CROSS JOIN UNNEST(attributes) AS members (attribute, value)
),
counted AS (
    SELECT
        dt,
        attribute,
        -- How a value of DynamoDB is spelled in remainder.
        CASE
            WHEN starts_with(value, '{"$NS":') THEN 'number set'
            WHEN starts_with(value, '{"$SS":') THEN 'text set'
            WHEN starts_with(value, '{"$BS":') THEN 'binary set'
            WHEN starts_with(value, '{"$B":') THEN 'binary'
            WHEN starts_with(value, '{') THEN 'map'
            WHEN starts_with(value, '[') THEN 'list'
            WHEN starts_with(value, '"') THEN 'text'
            WHEN value IN ('true', 'false') THEN 'boolean'
            WHEN value IS NULL OR value = 'null' THEN 'null'
            ELSE 'number'
        END AS type,
        count(*) AS messages,
        min(sent_at) AS first_at,
        max(sent_at) AS last_at
    FROM named
    GROUP BY 1, 2, 3
),
totals AS (
    SELECT dt, count(*) AS messages
    FROM messages
    GROUP BY dt
)
SELECT
    counted.dt,
    counted.attribute,
    counted.type,
    counted.messages,
    CAST(counted.messages AS double) / totals.messages AS share,
    counted.first_at,
    counted.last_at
FROM counted
JOIN totals ON totals.dt = counted.dt
