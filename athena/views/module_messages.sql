-- A module in a window, message by message.
--
-- Reads only the days of dt that are asked for.
-- Example: SELECT count(DISTINCT student_id) FROM module_messages WHERE module_id = 205 AND dt = DATE '2024-01-15' AND sent_at >= TIMESTAMP '2024-01-15 12:00:00'
--
-- dt               date  Partition; filter by it
-- module_id        =
-- sent_at          =
-- conversation_id  =
-- message_id       =
-- student_id       =
-- role             =
-- content          =
-- provider         =
-- model            =
-- input_tokens     =
-- output_tokens    =
-- cost_usd         =
-- latency_ms       =
-- remainder        =
SELECT
    dt,
    module_id,
    sent_at,
    conversation_id,
    message_id,
    student_id,
    role,
    content,
    provider,
    model,
    input_tokens,
    output_tokens,
    cost_usd,
    latency_ms,
    remainder
FROM messages
