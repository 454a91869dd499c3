-- An event that kills its process leaves no trace of its own: without a count it would do so for ever.

-- How often a process has begun, and not ended in order, with this position as its cursor. It only makes the next process
-- careful: whoever was killed from outside had most likely nothing to do with the event that was next.
ALTER TABLE log.cursors ADD COLUMN begun_at bigint NOT NULL DEFAULT -1, ADD COLUMN begun smallint NOT NULL DEFAULT 0;

-- How often a process has died while it tried the one event after this position, alone. Only that puts an event aside.
ALTER TABLE log.cursors ADD COLUMN tried_at bigint NOT NULL DEFAULT -1, ADD COLUMN tried smallint NOT NULL DEFAULT 0;

-- While a replay is under way. Found by the next process, it says that the letter killed the last one.
ALTER TABLE log.dead_letters ADD COLUMN replay_began_at timestamptz;
