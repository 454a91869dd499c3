"""PostgreSQL and NATS from the installed wheels, and the supervisor of every process of the embedded desk."""
