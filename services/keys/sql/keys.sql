-- name: batch
-- Persons' keys behind one of them, locked until their new wrapping is committed. An erasure waits, or is not found.
SELECT lane, person, wrapped FROM personal.people
WHERE (lane, person) > ($1, $2)
ORDER BY lane, person
LIMIT $3
FOR UPDATE;

-- name: read
SELECT lane, person, wrapped FROM personal.people
WHERE (lane, person) > ($1, $2)
ORDER BY lane, person
LIMIT $3;

-- name: rewrap
UPDATE personal.people p SET wrapped = u.wrapped
FROM unnest($1::smallint[], $2::uuid[], $3::bytea[]) AS u (lane, person, wrapped)
WHERE p.lane = u.lane AND p.person = u.person;

-- name: persons
SELECT count(*) FROM personal.people;

-- name: secrets
SELECT name, wrapped FROM personal.secrets ORDER BY name FOR UPDATE;

-- name: rewrap_secret
UPDATE personal.secrets SET wrapped = $2 WHERE name = $1;

-- name: webhook_secrets
SELECT name, wrapped FROM notification.webhook_secrets ORDER BY name FOR UPDATE;

-- name: rewrap_webhook_secret
UPDATE notification.webhook_secrets SET wrapped = $2 WHERE name = $1;
