-- name: client_of_prefix
SELECT client FROM access.prefixes WHERE prefix = $1;

-- name: claim_prefix
-- Whose the prefix is afterwards: the claimant's, or whose it was. A client that takes another one keeps its old one,
-- because a ticket may be born under it at the same moment.
INSERT INTO access.prefixes (prefix, client) VALUES ($1, $2)
ON CONFLICT ON CONSTRAINT one_client_per_prefix DO UPDATE SET prefix = excluded.prefix
RETURNING client;

-- name: bears_tickets
SELECT EXISTS (SELECT 1 FROM log.events WHERE lane = $1 AND client = $2 AND number IS NOT NULL);
