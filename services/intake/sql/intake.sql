-- name: event_at
-- Where an event of a stream stands: what a repeated command's answer is made of.
SELECT e.lane, e.position, e.sequence, n.number
FROM log.events e
LEFT JOIN log.events n ON n.lane = e.lane AND n.stream = e.stream AND n.version = 1
WHERE e.lane = $1 AND e.stream = $2 AND e.version = $3;

-- name: keep_file
INSERT INTO intake.attachments (lane, ticket, sha256, bytes, sealed, person) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT ON CONSTRAINT one_file_per_ticket_and_hash DO NOTHING;

-- name: password_of
SELECT password FROM intake.logins WHERE agent = $1;

-- name: set_password
INSERT INTO intake.logins (agent, password) VALUES ($1, $2)
ON CONFLICT (agent) DO UPDATE SET password = excluded.password, set_at = clock_timestamp();

-- name: version
SELECT coalesce(max(version), 0) FROM log.events WHERE lane = $1 AND stream = $2;

-- name: last_tick
-- Where time is what the log says, a process that starts asks how late it is.
SELECT e.schema_version, e.payload FROM log.events e WHERE e.lane = $1 AND e.stream = $2 ORDER BY e.version DESC LIMIT 1;

-- name: end_sessions
UPDATE access.tokens SET revoked_at = clock_timestamp() WHERE agent = $1 AND session AND revoked_at IS NULL;
