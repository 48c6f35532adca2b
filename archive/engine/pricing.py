"""Looks at a real table for what it costs: one DescribeTable."""

from __future__ import annotations

from datetime import datetime

from archive.aws import Clients, translated
from archive.model.config import Config
from archive.model.table_shape import Described, described


def look(config: Config, now: datetime) -> Described:
    """Describe the settings' table as it is to be priced. Raises InputError where it is not there, or is empty."""
    clients = Clients(config.source.region, config.roles.archiver, "archiver", 1, read_only=True)
    with translated("dynamodb:DescribeTable", f"table {config.source.table}"):
        answer = clients.dynamodb.describe_table(TableName=config.source.table)
    return described(answer["Table"], config.source.index, now)
