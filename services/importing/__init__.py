"""Logs of other desks -> events of ours, by a small map. `daybook import FILE --map MAP` runs it.

A map says what columns mean; a table has the rows of a file; cases are the rows of one ticket, in order;
translate makes events of them; parties says who is who; run appends.
"""
