-- What was purged from DynamoDB, when and why: one row for each segment that a run purged from.
--
-- Reads only the purge records of dt that are asked for, and all runs.
-- Example: SELECT * FROM archive_purges WHERE dt = DATE '2024-01-15' ORDER BY began_at
--
-- dt                   date       Partition of the messages; filter by it
-- segment              =
-- run                  =
-- mode                 =
-- command              =
-- purge                string     The policy that the run followed: delete or expire; null where its record is missing
-- window_start         string     First instant of the run's window (ISO, UTC)
-- window_end           string     First instant after the run's window (ISO, UTC)
-- began_at             timestamp  When the first removal was about to begin (UTC)
-- ended_at             timestamp  When the last one had ended (UTC); null: the purge was killed
-- intended             bigint     Messages that were to be removed
-- removed              bigint     Messages that were removed or marked
-- changed              bigint     Messages that were not what was archived, and stay
-- missing              bigint     Messages that were gone already
-- refused              bigint     Messages that seemed unchanged, were refused, and stay
-- surprises            bigint     Messages that were removed with something that was not archived, and rescued
-- was_killed           boolean    Whether a part of it has no outcome, so that more may have been removed
-- run_stopped_because  string     done, or what ended the run; null where its record is missing
WITH records AS (
    -- A record whose PUT was made twice is there twice: it counts once.
    SELECT DISTINCT
        dt, segment, run, mode, CAST(from_iso8601_timestamp(recorded_at) AS timestamp) AS recorded_at,
        rows, done, changed, missing, refused, surprises
    FROM purges
),
purged AS (
    SELECT
        dt, segment, run, mode,
        min(recorded_at) FILTER (WHERE done IS NULL) AS began_at,
        max(recorded_at) FILTER (WHERE done IS NOT NULL) AS ended_at,
        sum(rows) FILTER (WHERE done IS NULL) AS intended,
        sum(done) AS removed,
        sum(changed) AS changed,
        sum(missing) AS missing,
        sum(refused) AS refused,
        sum(surprises) AS surprises,
        count_if(done IS NULL) > count_if(done IS NOT NULL) AS was_killed
    FROM records
    GROUP BY dt, segment, run, mode
)
SELECT
    purged.dt,
    purged.segment,
    purged.run,
    purged.mode,
    runs.command,
    runs.purge,
    runs.window_start,
    runs.window_end,
    purged.began_at,
    purged.ended_at,
    purged.intended,
    purged.removed,
    purged.changed,
    purged.missing,
    purged.refused,
    purged.surprises,
    purged.was_killed,
    runs.why_stopped AS run_stopped_because
FROM purged
LEFT JOIN runs ON runs.run = purged.run
