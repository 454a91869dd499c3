-- name: put_client
INSERT INTO clients AS c (lane, client, version, name, prefix, zone, tier, languages, practice, registered_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (lane, client) DO UPDATE SET
    version = excluded.version, name = excluded.name, prefix = excluded.prefix, zone = excluded.zone, tier = excluded.tier,
    languages = excluded.languages, practice = excluded.practice
WHERE c.version < excluded.version;

-- name: put_people
-- Each once: of several versions in one batch the newest.
INSERT INTO people AS p (lane, person, client, version, name, address)
SELECT u.lane, u.person, u.client, u.version, u.name, u.address
FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::integer[], $5::text[], $6::text[])
     AS u (lane, person, client, version, name, address)
ON CONFLICT (lane, person) DO UPDATE SET version = excluded.version, name = excluded.name, address = excluded.address
WHERE p.version < excluded.version;

-- name: forget_person
-- Who was there stays: everything of theirs that is shown reads [erased]. $4 is that as JSON.
UPDATE people SET name = $4, address = NULL, version = $3 WHERE lane = $1 AND person = $2;

-- name: forget_agent
UPDATE agents SET name = $4, address = $4, active = false, version = $3 WHERE lane = $1 AND agent = $2;

-- name: put_agent
INSERT INTO agents AS a (lane, agent, version, name, address, role, level, teams, clients, active)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, true)
ON CONFLICT (lane, agent) DO UPDATE SET
    version = excluded.version, name = excluded.name, address = excluded.address, role = excluded.role,
    level = excluded.level, teams = excluded.teams, clients = excluded.clients
WHERE a.version < excluded.version;

-- name: deactivate_agent
UPDATE agents SET active = false, version = $3 WHERE lane = $1 AND agent = $2 AND version < $3;

-- name: checksum
SELECT (SELECT coalesce(sum(reporting.row_sum(ROW(c.lane, c.client, c.version, c.name, c.prefix, c.zone, c.tier, c.languages,
            c.practice, c.registered_at)::text)), 0) FROM clients c)
     + (SELECT coalesce(sum(reporting.row_sum(ROW(p.lane, p.person, p.client, p.version, p.name, p.address)::text)), 0)
        FROM people p)
     + (SELECT coalesce(sum(reporting.row_sum(ROW(a.lane, a.agent, a.version, a.name, a.address, a.role, a.level, a.teams,
            a.clients, a.active)::text)), 0) FROM agents a);
