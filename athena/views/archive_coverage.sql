-- What is archived of each partition, and whether that is known to be all of it.
--
-- Reads only the receipts of dt that are asked for, and all runs.
-- Example: SELECT dt, messages, is_complete FROM archive_coverage WHERE dt >= DATE '2024-01-01' ORDER BY dt
--
-- dt                date       Partition; filter by it
-- segments          bigint     Stored segments
-- messages          bigint     Messages in them
-- bytes             bigint     Size of their objects
-- window_start      timestamp  Begin of the first segment (UTC)
-- window_end        timestamp  End of the last segment (UTC)
-- first_sent_at     timestamp  Time of the first message (UTC)
-- last_sent_at      timestamp  Time of the last message (UTC)
-- stored_at         timestamp  When a segment was last stored (UTC)
-- most_generations  bigint     How often the segment that was stored most often was stored
-- is_complete       boolean    Whether the partition lies before complete_through; null while that is
-- complete_through  timestamp  First instant (UTC) that the archive is not known to be complete for; null: no nightly run has finished yet
WITH complete AS (
    -- The newest nightly run that was done; one row in any case.
    SELECT CAST(max_by(from_iso8601_timestamp(complete_through), run) AS timestamp) AS complete_through
    FROM runs
    WHERE complete_through IS NOT NULL
)
SELECT
    dt,
    count(*) AS segments,
    sum(rows) AS messages,
    sum(bytes) AS bytes,
    CAST(min(from_iso8601_timestamp(window_start)) AS timestamp) AS window_start,
    CAST(max(from_iso8601_timestamp(window_end)) AS timestamp) AS window_end,
    CAST(min(from_iso8601_timestamp(first_sent_at)) AS timestamp) AS first_sent_at,
    CAST(max(from_iso8601_timestamp(last_sent_at)) AS timestamp) AS last_sent_at,
    CAST(max(from_iso8601_timestamp(stored_at)) AS timestamp) AS stored_at,
    max(generation) AS most_generations,
    CAST(max(from_iso8601_timestamp(window_end)) AS timestamp) <= max(complete.complete_through) AS is_complete,
    max(complete.complete_through) AS complete_through
FROM receipts
CROSS JOIN complete
GROUP BY dt
