"""The desk's master key: what it wraps, and how it is changed."""
