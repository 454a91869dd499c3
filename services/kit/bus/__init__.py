"""The bus: NATS JetStream carries the log's events to consumers that move a cursor with their effects.

The log is the truth: whatever the bus loses, doubles or delays is read from the log or dropped by the cursor.
"""

from services.kit.bus.away import TryLater
from services.kit.bus.connect import Poker, connect
from services.kit.bus.consumer import AfterCommit, Handler, LanesHandler, run_consumer
from services.kit.bus.provision import provision_bus

__all__ = ["AfterCommit", "Handler", "LanesHandler", "Poker", "TryLater", "connect", "provision_bus", "run_consumer"]
