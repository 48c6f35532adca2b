"""Segments on their way into the lake: spooled, sorted, united with what is stored, written, proved.

Everything streams: a segment's rows pass as sorted tables of bounded size, whatever the segment holds.
"""
