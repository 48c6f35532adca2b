-- What was said in a conversation; ORDER BY sent_at puts it in order: two messages of a conversation never share
-- a time.
--
-- Reads only the days of dt that are asked for.
-- Example: SELECT sent_at, role, content FROM conversation_transcripts WHERE conversation_id = 'c-1' AND dt = DATE '2024-01-15' ORDER BY sent_at
--
-- dt               date  Partition; filter by it
-- conversation_id  =
-- sent_at          =
-- role             =
-- content          =
-- provider         =
-- model            =
-- student_id       =
-- module_id        =
-- message_id       =
-- remainder        =
SELECT
    dt,
    conversation_id,
    sent_at,
    role,
    content,
    provider,
    model,
    student_id,
    module_id,
    message_id,
    remainder
FROM messages
