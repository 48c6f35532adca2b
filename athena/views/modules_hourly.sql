-- A module in a window, hour by hour: messages, students and conversations. For a window's different students
-- count them in module_messages: students of two hours may be the same.
--
-- Reads only the days of dt that are asked for.
-- Example: SELECT * FROM modules_hourly WHERE module_id = 205 AND dt = DATE '2024-01-15' AND hour >= TIMESTAMP '2024-01-15 12:00:00'
--
-- dt             date       Partition; filter by it
-- hour           timestamp  Begin of the hour (UTC)
-- module_id      =
-- messages       bigint     Messages
-- students       bigint     Different students
-- conversations  bigint     Different conversations
SELECT
    dt,
    date_trunc('hour', sent_at) AS hour,
    module_id,
    count(*) AS messages,
    count(DISTINCT student_id) AS students,
    count(DISTINCT conversation_id) AS conversations
FROM messages
GROUP BY 1, 2, 3
