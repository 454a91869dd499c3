"""Policy replay: what would have been under another policy, calendar or table of triage rules. It writes nothing."""
