-- How far the archive had come after each run that says so, and how far behind the clock that was.
--
-- Reads only the runs of dt that are asked for.
-- Example: SELECT * FROM archive_freshness ORDER BY dt DESC, run DESC LIMIT 1
--
-- dt                date       Day on which the run began; filter by it
-- run               =
-- command           =
-- ended_at          timestamp  When it ended (UTC)
-- complete_through  timestamp  First instant (UTC) that the archive is not known to be complete for; null: no nightly run has finished yet
-- behind_days       bigint     Whole days from complete_through to the end of the run
-- why_stopped       =
SELECT
    dt,
    run,
    command,
    CAST(from_iso8601_timestamp(ended_at) AS timestamp) AS ended_at,
    CAST(from_iso8601_timestamp(complete_through) AS timestamp) AS complete_through,
    date_diff('day', from_iso8601_timestamp(complete_through), from_iso8601_timestamp(ended_at)) AS behind_days,
    why_stopped
FROM runs
WHERE complete_through IS NOT NULL
