-- Modules by their number of messages in each month: the busiest has place 1.
--
-- Reads only the days of dt that are asked for.
-- Example: SELECT * FROM modules_busiest WHERE dt = DATE '2024-01-01' AND place <= 10 ORDER BY place
--
-- dt             date    First day of the month; filter by it
-- place          bigint  1 for the module with most messages of the month; equal modules share a place
-- module_id      =
-- messages       bigint  Messages
-- share          double  Part of all messages of the month, 0 to 1
-- students       bigint  Different students
-- conversations  bigint  Different conversations
SELECT
    dt,
    rank() OVER (PARTITION BY dt ORDER BY messages DESC) AS place,
    module_id,
    messages,
    CAST(messages AS double) / sum(messages) OVER (PARTITION BY dt) AS share,
    students,
    conversations
FROM (
    SELECT
        date_trunc('month', dt) AS dt,
        module_id,
        count(*) AS messages,
        count(DISTINCT student_id) AS students,
        count(DISTINCT conversation_id) AS conversations
    FROM messages
    GROUP BY 1, 2
)
