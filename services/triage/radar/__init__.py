"""The incident radar: a stream of tickets -> clusters of tickets that distinct clients sent about the same thing."""
