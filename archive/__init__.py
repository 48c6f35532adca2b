"""Moves messages: DynamoDB -> segments in the lake -> purge, and back. Knows no Prefect, no Glue, no pandas.

`model` has the nouns, `codec` turns DynamoDB's JSON into Arrow and back, `dynamo_read`, `dynamo_write` and `s3` are the
only files that talk to AWS, `lake` spools, unites, proves and stores segments, `purge` removes what is proved, and
`engine` runs it all batch by batch. Start reading at `engine/batch.py`; the promises are in docs/design.md.
"""
