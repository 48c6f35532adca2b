"""Hot and cold as one: reads messages from the table and the lake together, each once, in order of time, whatever runs do meanwhile.

The rule that makes it so: a message is stored and proved before it is removed from the table. So a stretch of time is read in the
table to its end before the lake is listed for it: what was gone from the table by then is in the lake.

`asked` says what is wanted and how the table finds it, `hot` reads the table, `cold` the lake, and `merge` makes one of both.
"""

from archive.both.asked import Asked
from archive.both.merge import Messages, messages

__all__ = ["Asked", "Messages", "messages"]
