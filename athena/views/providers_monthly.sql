-- Usage, cost, tokens, latency and errors of each provider and model, month by month. Only messages that name a
-- provider.
--
-- Reads only the days of dt that are asked for.
-- Example: SELECT * FROM providers_monthly WHERE dt >= DATE '2024-01-01' ORDER BY dt, cost_usd DESC
--
-- dt                          date           First day of the month; filter by it
-- provider                    =
-- model                       =
-- messages                    bigint         Messages
-- conversations               bigint         Different conversations
-- input_tokens                bigint         Tokens read by the models
-- input_tokens_in_remainder   bigint         Messages whose input tokens are not in the sum: they did not fit, and are in remainder
-- output_tokens               bigint         Tokens written by the models
-- output_tokens_in_remainder  bigint         Messages whose output tokens are not in the sum: they did not fit, and are in remainder
-- cost_usd                    decimal(38,9)  Cost in US dollars
-- cost_usd_in_remainder       bigint         Messages whose cost is not in the sum: it did not fit, and is in remainder
-- latencies                   bigint         Messages with a latency
-- latency_ms_in_remainder     bigint         Messages whose latency did not fit, and is in remainder
-- latency_p50_ms              bigint         Median latency in milliseconds, approximately
-- latency_p90_ms              bigint         90th percentile of the latency in milliseconds, approximately
-- latency_p99_ms              bigint         99th percentile of the latency in milliseconds, approximately
-- finished                    bigint         Messages with a finish reason; only of these can it be said whether they failed
-- cut_off                     bigint         Messages that reached their limit of tokens (length, max_tokens)
-- errors                      bigint         Messages that ended for another reason than the usual ones (content_filter, error, ...)
-- error_share                 double         errors of finished, 0 to 1; null where none is finished
SELECT
    date_trunc('month', dt) AS dt,
    provider,
    model,
    count(*) AS messages,
    count(DISTINCT conversation_id) AS conversations,
    sum(input_tokens) AS input_tokens,
    count_if(input_tokens IS NULL AND json_extract(remainder, '$.inputTokens') IS NOT NULL) AS input_tokens_in_remainder,
    sum(output_tokens) AS output_tokens,
    count_if(output_tokens IS NULL AND json_extract(remainder, '$.outputTokens') IS NOT NULL) AS output_tokens_in_remainder,
    sum(cost_usd) AS cost_usd,
    count_if(cost_usd IS NULL AND json_extract(remainder, '$.costUsd') IS NOT NULL) AS cost_usd_in_remainder,
    count(latency_ms) AS latencies,
    count_if(latency_ms IS NULL AND json_extract(remainder, '$.latencyMs') IS NOT NULL) AS latency_ms_in_remainder,
    approx_percentile(latency_ms, 0.5) AS latency_p50_ms,
    approx_percentile(latency_ms, 0.9) AS latency_p90_ms,
    approx_percentile(latency_ms, 0.99) AS latency_p99_ms,
    count(finish_reason) AS finished,
    count_if(finish_reason IN ('length', 'max_tokens')) AS cut_off,
    count_if(finish_reason NOT IN ('stop', 'end_turn', 'stop_sequence', 'tool_calls', 'tool_use', 'function_call', 'length', 'max_tokens')) AS errors,
    CAST(count_if(finish_reason NOT IN ('stop', 'end_turn', 'stop_sequence', 'tool_calls', 'tool_use', 'function_call', 'length', 'max_tokens')) AS double)
        / nullif(count(finish_reason), 0) AS error_share
FROM messages
WHERE provider IS NOT NULL
GROUP BY 1, 2, 3
