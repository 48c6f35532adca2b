"""The command that tells what tables cost: costs."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import localcontext
from typing import Annotated, Final

import typer

from archive.engine.pricing import look
from archive.errors import InputError
from archive.model.bill import EXACT, HOURS_A_MONTH, Shape
from archive.model.prices import Prices, prices_of, region_of
from archive.model.table_shape import READS, TYPICAL_BYTES, chat_messages
from archive.model.ways import Scenario
from flows.console import ConfigOption, JsonOption, console_for, errors_as_sentences, print_json
from flows.logs import set_up
from flows.settings import Settings, load_settings
from flows.show_costs import costs_as_json, dollars, show_costs

VOLUMES: Final = (10**6, 10**7, 10**8, 10**9)
_AGE_MONTHS: Final = 12
_MOST_MESSAGES: Final = 10**12
_LARGEST_ITEM: Final = 409_600


def costs(
    messages: Annotated[
        int | None, typer.Option("--messages", "-n", help="Messages a month. \\[default: 1M, 10M, 100M and 1B]", show_default=False)
    ] = None,
    item_bytes: Annotated[
        int | None, typer.Option("--item-bytes", help=f"Average size of a message. \\[default: {TYPICAL_BYTES:,}]", show_default=False)
    ] = None,
    table: Annotated[bool, typer.Option("--table", help="Price the table of the settings, as DescribeTable tells its size.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what the table costs a month, and what each policy would change. Needs no credentials without --table, and writes nothing.

    Example: dynalake costs --messages 5_000_000 --item-bytes 1500
    """
    with errors_as_sentences():
        settings = load_settings(config, os.environ, lake_needed=False)
        set_up(settings.run.log)
        if messages is not None and not 1 <= messages <= _MOST_MESSAGES:
            message = f"--messages {messages:,} is no number of messages a month; give one from 1 to {_MOST_MESSAGES:,}"
            raise InputError(message)
        if item_bytes is not None and not 1 <= item_bytes <= _LARGEST_ITEM:
            message = f"--item-bytes {item_bytes:,} is no size of an item; give one from 1 to {_LARGEST_ITEM:,}"
            raise InputError(message)
        if table and item_bytes is not None:
            message = "--item-bytes cannot be given with --table, which knows the size of its items; leave one of the two out"
            raise InputError(message)
        scenarios, notes = _of_the_table(settings, messages) if table else _of_volumes(settings, messages, item_bytes or TYPICAL_BYTES)
        if as_json:
            print_json(costs_as_json(scenarios, notes))
        else:
            show_costs(console_for(as_json=False), scenarios, notes)


def _of_volumes(settings: Settings, messages: int | None, item_bytes: int) -> tuple[list[Scenario], list[str]]:
    """Return the built-in table at several volumes, or at one: a year old."""
    config = settings.config()
    prices = prices_of(config.source.region, config.prices)
    volumes = VOLUMES if messages is None else (messages,)
    scenarios = [_scenario(settings, chat_messages(item_bytes), (volume, volume * _AGE_MONTHS), prices) for volume in volumes]
    days = settings.policy.retention_days
    return scenarios, [
        f"A table of {_AGE_MONTHS} months of messages of {item_bytes:,} bytes, on demand, with {len(READS)} full indexes.",
        f"Messages stay {days} days in it ([policy] retention_days). {_reads()}",
    ]


def _of_the_table(settings: Settings, messages: int | None) -> tuple[list[Scenario], list[str]]:
    """Return the settings' table as it is."""
    config = settings.config()
    found = look(config, datetime.now(UTC))
    prices = prices_of(config.source.region or region_of(found.arn), config.prices)
    flow = found.monthly if messages is None else messages
    guess = " (its items by its age; --messages says better)" if messages is None else ""
    days, shape = settings.policy.retention_days, found.shape
    where = f"{len(shape.indexes)} indexes, {shape.regions} region{'s' if shape.regions > 1 else ''}"
    writes, reads = found.capacity
    with localcontext(EXACT):
        units = (writes * prices.write_unit_hour + reads * prices.read_unit_hour) * HOURS_A_MONTH
    note = (
        f" It is provisioned: {writes:,} write and {reads:,} read units are ${dollars(units)} a month, whatever is used." if units else ""
    )
    return [_scenario(settings, shape, (flow, found.items), prices)], [
        f"Table {config.source.table}: about {found.items:,} items of {shape.item_bytes:,} bytes, {where}; {flow:,} come a month{guess}.",
        f"Messages stay {days} days in it ([policy] retention_days). Counts are hours old, and priced on demand.{note} {_reads()}",
    ]


def _scenario(settings: Settings, shape: Shape, messages: tuple[int, int], prices: Prices) -> Scenario:
    flow, stock = messages
    policy = settings.policy
    return Scenario(shape, flow, stock, prices, policy.retention_days, policy.expire_after_days)


def _reads() -> str:
    parts = (f"{reads.queries:,} of {reads.rows} items on {name}" for name, reads in READS.items())
    return f"Assumed queries for each million messages: {', '.join(parts)}."
