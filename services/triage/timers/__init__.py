"""The timers: what makes the clocks of slas.md act. `index` notes when to look at a ticket, `loop` looks."""
