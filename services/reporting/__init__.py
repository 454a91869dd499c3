"""Reporting: views of the log (queue, search, directory) and the query API. It writes no event."""
