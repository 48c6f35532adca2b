"""DynamoDB's JSON <-> Arrow, exact in both directions.

`values` turns one attribute value into plain JSON and back; `fit` decides what a typed column holds exactly;
`decode` turns a page of an answer into an Arrow batch, column by column; `items` turns rows back into items.
"""
