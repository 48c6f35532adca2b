-- A student's messages; ordered by sent_at and cut off they are the latest ones.
--
-- Reads only the days of dt that are asked for.
-- Example: SELECT * FROM student_messages WHERE student_id = 100380 AND dt >= DATE '2024-05-01' ORDER BY sent_at DESC LIMIT 10
--
-- dt               date  Partition; filter by it
-- student_id       =
-- sent_at          =
-- conversation_id  =
-- message_id       =
-- module_id        =
-- role             =
-- content          =
-- provider         =
-- model            =
-- remainder        =
SELECT
    dt,
    student_id,
    sent_at,
    conversation_id,
    message_id,
    module_id,
    role,
    content,
    provider,
    model,
    remainder
FROM messages
