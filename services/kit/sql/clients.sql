-- name: client_of_prefix
SELECT client FROM access.prefixes WHERE prefix = $1;

-- name: claim_prefix
-- A client changes its own prefix; the constraint one_client_per_prefix refuses another's.
INSERT INTO access.prefixes (prefix, client) VALUES ($1, $2)
ON CONFLICT ON CONSTRAINT one_prefix_per_client DO UPDATE SET prefix = excluded.prefix;

-- name: bears_tickets
SELECT EXISTS (SELECT 1 FROM log.events WHERE lane = $1 AND client = $2 AND number IS NOT NULL);
