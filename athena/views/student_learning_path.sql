-- The modules of each student, in the order in which they were begun.
--
-- Reads the columns student_id, module_id and sent_at of the whole archive, whatever dt is asked for: a first
-- time is the first of all.
-- Example: SELECT step, module_id, first_at FROM student_learning_path WHERE student_id = 100380 ORDER BY step
--
-- dt          date       Partition of the student's first message in the module
-- student_id  =
-- step        bigint     1 for the student's first module
-- module_id   =
-- first_at    timestamp  Time of the first message in the module (UTC)
-- last_at     timestamp  Time of the last message in the module (UTC)
-- messages    bigint     Messages
SELECT
    dt,
    student_id,
    row_number() OVER (PARTITION BY student_id ORDER BY first_at, module_id) AS step,
    module_id,
    first_at,
    last_at,
    messages
FROM (
    SELECT
        min(dt) AS dt,
        student_id,
        module_id,
        min(sent_at) AS first_at,
        max(sent_at) AS last_at,
        count(*) AS messages
    FROM messages
    WHERE student_id IS NOT NULL AND module_id IS NOT NULL
    GROUP BY student_id, module_id
)
