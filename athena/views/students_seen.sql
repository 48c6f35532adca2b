-- First and last seen, and for how long not: each student as of complete_through. Later messages, which are
-- still in DynamoDB or came by a backfill, do not count, or else every student would seem to be inactive.
--
-- Reads the columns student_id and sent_at of the whole archive, whatever dt is asked for: a last time is the
-- last of all. Where a window will do, ask student_activity.
-- Example: SELECT * FROM students_seen WHERE inactive_days >= 30 ORDER BY last_seen
--
-- dt                date       Partition of the last message
-- student_id        =
-- first_seen        timestamp  Time of the student's first message (UTC)
-- last_seen         timestamp  Time of the student's last message before complete_through (UTC)
-- messages          bigint     Messages
-- inactive_days     bigint     Whole days from last_seen to complete_through; null while that is
-- complete_through  timestamp  First instant (UTC) that the archive is not known to be complete for; null: no nightly run has finished yet
WITH complete AS (
    -- The newest nightly run that was done; one row in any case.
    SELECT CAST(max_by(from_iso8601_timestamp(complete_through), run) AS timestamp) AS complete_through
    FROM runs
    WHERE complete_through IS NOT NULL
)
SELECT
    max(dt) AS dt,
    student_id,
    min(sent_at) AS first_seen,
    max(sent_at) AS last_seen,
    count(*) AS messages,
    date_diff('day', max(sent_at), max(complete_through)) AS inactive_days,
    max(complete_through) AS complete_through
FROM messages
CROSS JOIN complete
WHERE student_id IS NOT NULL AND (complete_through IS NULL OR sent_at < complete_through)
GROUP BY student_id
