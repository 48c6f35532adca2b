-- Each month against the one before, by provider and model. Where complete_through lies in a month (this month),
-- only the days before it count, and of the month before the same days: else this month would always seem to be
-- cheaper.
--
-- Reads only the months of dt that are asked for, and the ones before them.
-- Example: SELECT * FROM providers_month_over_month WHERE dt = DATE '2024-05-01' ORDER BY cost_usd DESC
--
-- dt                                 date           First day of the month; filter by it
-- provider                           =
-- model                              =
-- messages                           bigint         Messages of the month
-- messages_before                    bigint         Messages of the month before
-- output_tokens                      bigint         Tokens written in the month
-- output_tokens_in_remainder         bigint         Messages of the month whose output tokens did not fit, and are in remainder
-- output_tokens_before               bigint         Tokens written in the month before
-- output_tokens_before_in_remainder  bigint         Messages of the month before whose output tokens did not fit, and are in remainder
-- cost_usd                           decimal(38,9)  Cost of the month in US dollars
-- cost_usd_in_remainder              bigint         Messages of the month whose cost did not fit, and is in remainder
-- cost_usd_before                    decimal(38,9)  Cost of the month before in US dollars
-- cost_usd_before_in_remainder       bigint         Messages of the month before whose cost did not fit, and is in remainder
-- is_whole                           boolean        Whether the whole month is compared; null while complete_through is
-- complete_through                   timestamp      First instant (UTC) that the archive is not known to be complete for; null: no nightly run has finished yet
WITH complete AS (
    -- The newest nightly run that was done; one row in any case.
    SELECT CAST(max_by(from_iso8601_timestamp(complete_through), run) AS timestamp) AS complete_through
    FROM runs
    WHERE complete_through IS NOT NULL
),
-- Every message counts for its own month, and as one of the month before for the next.
counted AS (
    SELECT date_trunc('month', dt) AS dt, FALSE AS before, sent_at AS compared_at, provider, model, output_tokens, cost_usd, remainder
    FROM messages
    UNION ALL
    SELECT
        date_add('month', 1, date_trunc('month', dt)),
        TRUE,
        -- The same day of the next month; after its last day, which the next month may lack, the end of it.
        least(
            date_add('day', date_diff('day', date_trunc('month', sent_at), sent_at), date_add('month', 1, date_trunc('month', sent_at))),
            date_add('month', 2, date_trunc('month', sent_at)) - INTERVAL '1' DAY
        ),
        provider,
        model,
        output_tokens,
        cost_usd,
        remainder
    FROM messages
)
SELECT
    dt,
    provider,
    model,
    count_if(NOT before) AS messages,
    count_if(before) AS messages_before,
    sum(output_tokens) FILTER (WHERE NOT before) AS output_tokens,
    count_if(NOT before AND output_tokens IS NULL AND json_extract(remainder, '$.outputTokens') IS NOT NULL) AS output_tokens_in_remainder,
    sum(output_tokens) FILTER (WHERE before) AS output_tokens_before,
    count_if(before AND output_tokens IS NULL AND json_extract(remainder, '$.outputTokens') IS NOT NULL) AS output_tokens_before_in_remainder,
    sum(cost_usd) FILTER (WHERE NOT before) AS cost_usd,
    count_if(NOT before AND cost_usd IS NULL AND json_extract(remainder, '$.costUsd') IS NOT NULL) AS cost_usd_in_remainder,
    sum(cost_usd) FILTER (WHERE before) AS cost_usd_before,
    count_if(before AND cost_usd IS NULL AND json_extract(remainder, '$.costUsd') IS NOT NULL) AS cost_usd_before_in_remainder,
    max(complete_through) >= CAST(date_add('month', 1, dt) AS timestamp) AS is_whole,
    max(complete_through) AS complete_through
FROM counted
CROSS JOIN complete
WHERE provider IS NOT NULL
    AND compared_at < coalesce(complete_through, CAST(date_add('day', 1, current_date) AS timestamp))
GROUP BY dt, provider, model
