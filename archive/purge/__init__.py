"""Removes from the table what is proved to be in the lake, and only while it is still what was archived.

`targets` finds which rows of a segment are still at the table; `segment` removes them, under a recorded intent;
`partiql` finds out what a table's PartiQL compares.
"""
