-- name: forget
-- Only what the contracts no longer say, so that appends under way never meet an empty table.
DELETE FROM log.ownership o
WHERE NOT EXISTS (SELECT 1 FROM unnest($1::text[], $2::text[]) AS u (role, type) WHERE u.role = o.role AND u.type = o.type);

-- name: remember
INSERT INTO log.ownership (role, type) SELECT u.role, u.type FROM unnest($1::text[], $2::text[]) AS u (role, type)
ON CONFLICT DO NOTHING;
