"""A wire-speed stand-in for DynamoDB and S3, so that what is measured is the client.

`ring` makes real messages about 2 KB long and varies them into any number of messages, whose bytes need not be held;
`world` says which messages a table has, from the table's name alone; `table` answers DynamoDB's calls, `bucket` S3's and
`catalogue` the few of Glue's that a run makes; `wire` speaks HTTP; `running` starts it all in a process of its own.

It keeps nothing of what is written to a table: a delete returns the image and changes nothing, a put is counted. So no
benchmark can be right here that is not right elsewhere; tests/benchmarks/ compare what it serves with what is stored.
"""
