"""Puts archived messages back: into the source table, another table, or a file. Nothing that is there is ever overwritten.

`wanted` says which rows, `rows` finds them in a segment's Parquet file, `removed` finds those that one run's purge removed;
`planning` makes the plan, `run` executes it under a hold, `into_table` and `into_file` take the messages.
"""
