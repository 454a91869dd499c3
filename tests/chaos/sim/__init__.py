"""A world in memory for the real relay, consumer and fold: virtual time, a seeded order of steps, servers that fail."""
