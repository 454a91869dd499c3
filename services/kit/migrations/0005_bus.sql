-- What a consumer's cursor knows besides its position, and how a person asks for a replay.

-- Streams of the lane that wait for a dead letter: read and changed under the lock of the cursor's own row.
ALTER TABLE log.cursors ADD COLUMN waiting uuid[] NOT NULL DEFAULT '{}';

-- Set by a person, cleared by the consumer when it has tried.
ALTER TABLE log.dead_letters ADD COLUMN replay_requested_at timestamptz;

CREATE INDEX letters_that_wait ON log.dead_letters (consumer, lane, stream, position) WHERE replayed_at IS NULL;
