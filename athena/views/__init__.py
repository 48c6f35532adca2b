"""The questions that analysts ask most, as views: one `.sql` file each, in Athena's dialect, over the lake's tables.

A file begins with a comment: what the view answers, what it reads, an example, and its columns with type and meaning. The type `=` means
that the column is passed on as it is: type and meaning are then those of the table it comes from, which for messages is the table spec.
`view` reads the files; nothing else has to change when one is added.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

VIEW_NAMES: Final = frozenset(file.name.removesuffix(".sql") for file in files(__package__).iterdir() if file.name.endswith(".sql"))
