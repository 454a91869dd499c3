-- name: client_of
-- Whose person it is: by their key, or by their stream where the key is gone.
SELECT client FROM personal.people WHERE lane = $1 AND person = $2
UNION ALL
SELECT client FROM log.events WHERE lane = $1 AND stream = $2 AND version = 1
  AND type IN ('person.registered', 'person.erased', 'agent.registered')
LIMIT 1;

-- name: lock
-- Whoever comes second to erase a person waits here, and finds no key.
SELECT person FROM personal.people WHERE lane = $1 AND person = $2 FOR UPDATE;

-- name: erased
SELECT position, sequence, recorded_at FROM log.events
WHERE lane = $1 AND stream = $2 AND type = 'person.erased'
ORDER BY version DESC LIMIT 1;

-- name: forget_key
DELETE FROM personal.people WHERE lane = $1 AND person = $2;

-- name: note
INSERT INTO personal.erasures (lane, person, position, erased_at) VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT one_row_per_erasure DO UPDATE SET compacted_at = NULL;

-- name: forget_files
DELETE FROM intake.attachments WHERE person = $1;

-- name: empty_quarantine
-- That a mail came, and why it became no ticket, stays.
UPDATE intake.quarantine SET envelope = '', sealed = '' WHERE person = $1;

-- name: forget_login
DELETE FROM intake.logins WHERE agent = $1;

-- name: forget_sessions
SELECT desk.forget_agent($1);
