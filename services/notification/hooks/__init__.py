"""Webhooks: events by HTTP to receivers of other people, each at its own pace, each event until it is taken."""
