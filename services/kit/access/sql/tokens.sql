-- name: make
INSERT INTO access.tokens (digest, id, name, role, clients, origin, scopes, agent, session, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: find
SELECT id, name, role, clients, origin, scopes, agent, session, service
FROM access.tokens
WHERE digest = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2);

-- name: list
SELECT id, name, role, clients, origin, scopes, created_at, expires_at, revoked_at
FROM access.tokens
WHERE NOT session AND service IS NULL
ORDER BY created_at DESC, id;

-- name: revoke
UPDATE access.tokens SET revoked_at = clock_timestamp() WHERE id = $1 AND revoked_at IS NULL AND service IS NULL RETURNING id;

-- name: forget_ended_sessions
-- They tell nobody anything; tokens of programs are kept as a record.
DELETE FROM access.tokens WHERE session AND expires_at < $1;
