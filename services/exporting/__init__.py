"""The whole desk as files: written, verified, read back into an empty desk, and opened as Parquet for analysis."""
