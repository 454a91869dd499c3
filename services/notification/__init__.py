"""Letters to requesters: written here, sent once."""
