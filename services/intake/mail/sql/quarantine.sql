-- name: put
INSERT INTO intake.quarantine (lane, id, key, reason, client, person, bytes, envelope, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT ON CONSTRAINT one_quarantined_mail_per_key DO NOTHING;

-- name: list
-- Newest first. Nothing of a person is shown.
SELECT id, reason, client, bytes, received_at FROM intake.quarantine ORDER BY received_at DESC, id DESC LIMIT $1;
