"""Measurements, each beside its raw limit or a peer in the same run. `make bench` runs them; no test does."""
