-- Tickets of a client that a new policy wakes are all due at one instant. A turn takes them by their ids then, and finds
-- the first of them without sorting all.
CREATE INDEX wake_ups_in_order ON triage.wake_ups (lane, due, ticket) WHERE due IS NOT NULL;
DROP INDEX triage.wake_ups_by_time;
