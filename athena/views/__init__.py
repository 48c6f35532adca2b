"""The questions that analysts ask most, as views: one `.sql` file each, in Athena's dialect, over the lake's tables.

A file begins with a comment: what the view answers, what it reads, an example, and its columns with type and meaning. The type `=` means
that the column is passed on as it is: type and meaning are then those of the table it comes from, which for messages is the table spec.
`view` reads the files; nothing else has to change when one is added.
"""

from athena.views.view import VIEW_NAMES, LeftOut, View, views_of

__all__ = ["VIEW_NAMES", "LeftOut", "View", "views_of"]
