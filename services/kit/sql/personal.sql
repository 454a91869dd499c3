-- name: find
SELECT person FROM personal.people WHERE lane = $1 AND client = $2 AND handle = $3;

-- name: find_or_make
-- The update changes nothing; it makes a row that another writer has just inserted visible to RETURNING.
INSERT INTO personal.people (lane, person, client, handle, wrapped) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT ON CONSTRAINT one_person_per_client_and_handle DO UPDATE SET handle = excluded.handle
RETURNING person;

-- name: keys
SELECT person, wrapped FROM personal.people WHERE lane = ANY ($1::smallint[]) AND person = ANY ($2::uuid[]);
