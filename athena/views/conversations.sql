-- Length, duration and turns of whole conversations.
--
-- Reads the whole archive, but no content, whatever dt is asked for: a conversation may go on for days. Where
-- days will do, ask conversations_daily.
-- Example: SELECT * FROM conversations WHERE conversation_id = 'c-1'
--
-- dt                          date           Partition of the first message
-- conversation_id             =
-- student_id                  =
-- module_id                   =
-- messages                    bigint         Messages
-- turns                       bigint         Messages of the student
-- first_at                    timestamp      Time of the first message (UTC)
-- last_at                     timestamp      Time of the last message (UTC)
-- duration_seconds            bigint         Whole seconds from the first message to the last
-- input_tokens                bigint         Tokens read by the models
-- input_tokens_in_remainder   bigint         Messages whose input tokens are not in the sum: they did not fit, and are in remainder
-- output_tokens               bigint         Tokens written by the models
-- output_tokens_in_remainder  bigint         Messages whose output tokens are not in the sum: they did not fit, and are in remainder
-- cost_usd                    decimal(38,9)  Cost in US dollars
-- cost_usd_in_remainder       bigint         Messages whose cost is not in the sum: it did not fit, and is in remainder
SELECT
    min(dt) AS dt,
    conversation_id,
    min(student_id) AS student_id,
    min(module_id) AS module_id,
    count(*) AS messages,
    count_if(role = 'student') AS turns,
    min(sent_at) AS first_at,
    max(sent_at) AS last_at,
    date_diff('second', min(sent_at), max(sent_at)) AS duration_seconds,
    sum(input_tokens) AS input_tokens,
    count_if(input_tokens IS NULL AND json_extract(remainder, '$.inputTokens') IS NOT NULL) AS input_tokens_in_remainder,
    sum(output_tokens) AS output_tokens,
    count_if(output_tokens IS NULL AND json_extract(remainder, '$.outputTokens') IS NOT NULL) AS output_tokens_in_remainder,
    sum(cost_usd) AS cost_usd,
    count_if(cost_usd IS NULL AND json_extract(remainder, '$.costUsd') IS NOT NULL) AS cost_usd_in_remainder
FROM messages
GROUP BY conversation_id
