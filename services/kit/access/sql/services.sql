-- name: forget
DELETE FROM access.tokens WHERE service IS NOT NULL AND NOT digest = ANY ($1::bytea[]);

-- name: remember
INSERT INTO access.tokens (digest, id, name, role, origin, scopes, service)
SELECT r.digest, r.id, r.name, r.role, r.origin, '{}', r.service
FROM unnest($1::bytea[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
     AS r (digest, id, name, role, origin, service)
ON CONFLICT (digest) DO NOTHING;
