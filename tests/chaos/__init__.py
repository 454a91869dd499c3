"""Faults on purpose: a deterministic simulation (`simulate`), and a whole desk under fire (`make chaos`)."""
