"""Daybook's services. Each imports contracts and kit, never another service."""
