-- What each module spent with each provider, day by day. Only messages that name a provider.
--
-- Reads only the days of dt that are asked for.
-- Example: SELECT module_id, provider, sum(cost_usd) FROM module_provider_costs WHERE dt BETWEEN DATE '2024-01-01' AND DATE '2024-01-31' GROUP BY 1, 2
--
-- dt                          date           Partition; filter by it
-- day                         date           Day (UTC); the same as dt, where partitions are days
-- module_id                   =
-- provider                    =
-- messages                    bigint         Messages
-- input_tokens                bigint         Tokens read by the models
-- input_tokens_in_remainder   bigint         Messages whose input tokens are not in the sum: they did not fit, and are in remainder
-- output_tokens               bigint         Tokens written by the models
-- output_tokens_in_remainder  bigint         Messages whose output tokens are not in the sum: they did not fit, and are in remainder
-- cost_usd                    decimal(38,9)  Cost in US dollars
-- cost_usd_in_remainder       bigint         Messages whose cost is not in the sum: it did not fit, and is in remainder
SELECT
    dt,
    CAST(sent_at AS date) AS day,
    module_id,
    provider,
    count(*) AS messages,
    sum(input_tokens) AS input_tokens,
    count_if(input_tokens IS NULL AND json_extract(remainder, '$.inputTokens') IS NOT NULL) AS input_tokens_in_remainder,
    sum(output_tokens) AS output_tokens,
    count_if(output_tokens IS NULL AND json_extract(remainder, '$.outputTokens') IS NOT NULL) AS output_tokens_in_remainder,
    sum(cost_usd) AS cost_usd,
    count_if(cost_usd IS NULL AND json_extract(remainder, '$.costUsd') IS NOT NULL) AS cost_usd_in_remainder
FROM messages
WHERE provider IS NOT NULL
GROUP BY 1, 2, 3, 4
