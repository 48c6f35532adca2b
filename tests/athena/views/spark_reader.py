"""Reads a lake with PySpark, and prints as JSON what it saw. Run by an interpreter that has PySpark, and nothing of ours.

    python spark_reader.py LAKE_ROOT

The SQL is Spark's own, written by hand, so that no translation of ours stands between the engines.
"""

from __future__ import annotations

import json
import sys

from pyspark.sql import SparkSession  # type: ignore[import-not-found] # it has an environment of its own

_BY_DAY = """
SELECT CAST(dt AS string) AS dt, count(*) AS messages, count(DISTINCT student_id) AS students, sum(input_tokens) AS input_tokens,
    CAST(sum(cost_usd) AS string) AS cost_usd, CAST(min(sent_at) AS string) AS first_at, CAST(max(sent_at) AS string) AS last_at,
    sum(crc32(encode(content, 'UTF-8'))) AS content_sum, sum(crc32(encode(remainder, 'UTF-8'))) AS remainder_sum
FROM messages GROUP BY dt ORDER BY dt
"""


def main() -> None:
    """Read the messages and the receipts."""
    root = sys.argv[1]
    builder = SparkSession.builder.master("local[2]").appName("lake")
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.files.openCostInBytes": "1000",  # many small files a task
        "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",  # no task for each folder that is listed
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    try:
        messages = spark.read.parquet(f"{root}/messages")
        messages.createOrReplaceTempView("messages")
        nulls = spark.sql("SELECT " + ", ".join(f"count_if({name} IS NULL) AS {name}" for name in messages.columns) + " FROM messages")
        receipts = spark.read.json(f"{root}/receipts")
        seen = {
            "types": dict(messages.dtypes),
            "nulls": nulls.first().asDict(),
            "days": [row.asDict() for row in spark.sql(_BY_DAY).collect()],
            "receipts": receipts.selectExpr("count(*) AS receipts", "sum(rows) AS rows", "sum(bytes) AS bytes").first().asDict(),
        }
        sys.stdout.write(json.dumps(seen) + "\n")
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
