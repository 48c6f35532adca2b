-- Windows between the first and the last segment for which nothing is stored.
--
-- Reads all receipts and runs, whatever dt is asked for: they are small.
-- Example: SELECT * FROM archive_gaps WHERE NOT is_complete ORDER BY gap_start
--
-- dt                date       First day of the gap
-- gap_start         timestamp  First instant without a segment (UTC)
-- gap_end           timestamp  Begin of the next segment (UTC)
-- days              bigint     Whole days of the gap
-- is_complete       boolean    true: there were no messages; false: it has not been archived yet, as far as is known
-- complete_through  timestamp  First instant (UTC) that the archive is not known to be complete for; null: no nightly run has finished yet
WITH complete AS (
    -- The newest nightly run that was done; one row in any case.
    SELECT CAST(max_by(from_iso8601_timestamp(complete_through), run) AS timestamp) AS complete_through
    FROM runs
    WHERE complete_through IS NOT NULL
),
segments AS (
    SELECT
        CAST(from_iso8601_timestamp(window_start) AS timestamp) AS window_start,
        CAST(from_iso8601_timestamp(window_end) AS timestamp) AS window_end
    FROM receipts
),
followed AS (
    SELECT window_end AS gap_start, lead(window_start) OVER (ORDER BY window_start) AS gap_end
    FROM segments
)
SELECT
    CAST(gap_start AS date) AS dt,
    gap_start,
    gap_end,
    date_diff('day', gap_start, gap_end) AS days,
    coalesce(gap_end <= complete_through, FALSE) AS is_complete,
    complete_through
FROM followed
CROSS JOIN complete
WHERE gap_start < gap_end
