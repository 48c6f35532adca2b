"""Looks at a real table for what it costs: one DescribeTable."""

from __future__ import annotations

from datetime import datetime

from archive.aws import Clients
from archive.dynamo_read import described
from archive.model import table_shape
from archive.model.config import Config
from archive.model.table_shape import Described


def look(config: Config, now: datetime) -> Described:
    """Describe the settings' table as it is to be priced. Raises InputError where it is not there, or is empty."""
    clients = Clients(config.source.region, config.roles.archiver, "archiver", 1, read_only=True)
    return table_shape.described(described(clients.dynamodb, config.source.table), config.source.index, now)
