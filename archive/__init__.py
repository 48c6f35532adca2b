"""Moves messages: DynamoDB -> segments in the lake -> purge, and back. Knows no Prefect, no Glue, no pandas.

`model` has the nouns, `codec` turns DynamoDB's JSON into Arrow and back, `dynamo_read`, `dynamo_write` and `s3` are the
only files that talk to AWS, `lake` spools, unites, proves and stores segments, `purge` removes what is proved, and
`engine` runs it all batch by batch. Start reading at `engine/batch.py`; the promises are in docs/design.md.

`archive.messages(config, asked)` reads messages from the table and the lake together (`both`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archive.both import Asked, messages

__all__ = ["Asked", "messages"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a public part
    """Load a public part when it is first asked for: whoever needs `archive.model` alone loads no client and no Arrow."""
    if name in __all__:
        return getattr(import_module("archive.both"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
