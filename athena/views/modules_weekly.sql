-- Messages, students, conversations, tokens and cost of each module, week by week (Monday to Sunday, UTC).
--
-- Reads only the days of dt that are asked for.
-- Example: SELECT * FROM modules_weekly WHERE dt >= DATE '2024-01-01' ORDER BY week, messages DESC
--
-- dt                          date           Monday of the partition's week; filter by it
-- week                        date           Monday of the messages' week; another than dt only where partitions are months: then a week may have two rows
-- module_id                   =
-- messages                    bigint         Messages
-- students                    bigint         Different students
-- conversations               bigint         Different conversations
-- input_tokens                bigint         Tokens read by the models
-- input_tokens_in_remainder   bigint         Messages whose input tokens are not in the sum: they did not fit, and are in remainder
-- output_tokens               bigint         Tokens written by the models
-- output_tokens_in_remainder  bigint         Messages whose output tokens are not in the sum: they did not fit, and are in remainder
-- cost_usd                    decimal(38,9)  Cost in US dollars
-- cost_usd_in_remainder       bigint         Messages whose cost is not in the sum: it did not fit, and is in remainder
SELECT
    date_trunc('week', dt) AS dt,
    date_trunc('week', CAST(sent_at AS date)) AS week,
    module_id,
    count(*) AS messages,
    count(DISTINCT student_id) AS students,
    count(DISTINCT conversation_id) AS conversations,
    sum(input_tokens) AS input_tokens,
    count_if(input_tokens IS NULL AND json_extract(remainder, '$.inputTokens') IS NOT NULL) AS input_tokens_in_remainder,
    sum(output_tokens) AS output_tokens,
    count_if(output_tokens IS NULL AND json_extract(remainder, '$.outputTokens') IS NOT NULL) AS output_tokens_in_remainder,
    sum(cost_usd) AS cost_usd,
    count_if(cost_usd IS NULL AND json_extract(remainder, '$.costUsd') IS NOT NULL) AS cost_usd_in_remainder
FROM messages
GROUP BY 1, 2, 3
