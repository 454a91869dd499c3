-- name: find
SELECT person FROM personal.people WHERE lane = $1 AND client = $2 AND handle = $3;

-- name: find_or_make
-- The update changes nothing; it makes a row that another writer has just inserted visible to RETURNING.
INSERT INTO personal.people (lane, person, client, handle, wrapped) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT ON CONSTRAINT one_person_per_client_and_handle DO UPDATE SET handle = excluded.handle
RETURNING person;

-- name: find_or_make_many
-- One round trip for everybody who waits, their keys and whether their registration stands in the log. Who is known is
-- only read. Rows are inserted in one order, so that two writers wait for each other instead of dying.
WITH asked AS MATERIALIZED (
    SELECT a.lane, a.person, a.client, a.handle, a.wrapped
    FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::bytea[], $5::bytea[]) AS a (lane, person, client, handle, wrapped)
), known AS MATERIALIZED (
    SELECT p.handle, p.person, p.wrapped,
           EXISTS (SELECT 1 FROM log.events e WHERE e.lane = p.lane AND e.stream = p.person AND e.version = 1) AS registered
    FROM asked a
    JOIN personal.people p ON p.lane = a.lane AND p.client = a.client AND p.handle = a.handle
), made AS (
    INSERT INTO personal.people (lane, person, client, handle, wrapped)
    SELECT a.lane, a.person, a.client, a.handle, a.wrapped
    FROM asked a
    WHERE NOT EXISTS (SELECT 1 FROM known k WHERE k.handle = a.handle)
    ORDER BY a.lane, a.client, a.handle
    ON CONFLICT ON CONSTRAINT one_person_per_client_and_handle DO UPDATE SET handle = excluded.handle
    RETURNING handle, person, wrapped
)
SELECT handle, person, wrapped, registered FROM known
UNION ALL
SELECT handle, person, wrapped, false FROM made;

-- name: keys
SELECT person, wrapped FROM personal.people WHERE lane = ANY ($1::smallint[]) AND person = ANY ($2::uuid[]);

-- name: erased_lately
SELECT person FROM personal.erasures WHERE erased_at > clock_timestamp() - make_interval(secs => $1);

-- name: secret
SELECT wrapped FROM personal.secrets WHERE name = $1;

-- name: put_secret
INSERT INTO personal.secrets (name, wrapped) VALUES ($1, $2) ON CONFLICT ON CONSTRAINT one_secret_per_name DO NOTHING;
