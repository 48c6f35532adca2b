-- What the runs of each day added to the lake and took out of DynamoDB, and what they consumed.
--
-- Reads only the runs of dt that are asked for.
-- Example: SELECT date_trunc('month', dt), sum(messages_added), sum(bytes_stored) FROM archive_growth WHERE dt >= DATE '2024-01-01' GROUP BY 1
--
-- dt                 date    Day on which the runs began; filter by it
-- runs               bigint  Runs
-- runs_not_done      bigint  Runs that were stopped, or ended with an error
-- messages_added     bigint  Messages that the lake did not have
-- messages_replaced  bigint  Messages that the lake had in an earlier version
-- messages_removed   bigint  Messages removed from DynamoDB, or marked
-- messages_restored  bigint  Messages put back
-- bytes_stored       bigint  Bytes of the objects that were stored; a replaced object counts again
-- read_units         double  DynamoDB read request units consumed
-- write_units        double  DynamoDB write request units consumed
-- seconds            double  How long the runs took together, in seconds
SELECT
    dt,
    count(*) AS runs,
    count_if(why_stopped <> 'done') AS runs_not_done,
    sum(messages_added) AS messages_added,
    coalesce(sum(messages_replaced), 0) AS messages_replaced,
    sum(messages_removed) AS messages_removed,
    coalesce(sum(messages_restored), 0) AS messages_restored,
    coalesce(sum(bytes_stored), 0) AS bytes_stored,
    sum(read_units) AS read_units,
    sum(write_units) AS write_units,
    sum(seconds) AS seconds
FROM runs
GROUP BY dt
