"""Daybook's published language: commands, events and the folds over them. Pure data; imports pydantic and the standard library."""
