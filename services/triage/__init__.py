"""Category, tone, priority, clocks and the incident radar: what the desk makes of a ticket by itself."""
