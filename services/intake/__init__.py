"""Everything that people and systems put in: commands are parsed, decided by a pure function, and appended."""
