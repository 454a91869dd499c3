-- name: put
INSERT INTO incidents AS i (lane, incident, version, status, opened_at, updated_at, affected, tickets, next_update_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (lane, incident) DO UPDATE SET
    version = excluded.version, status = excluded.status, opened_at = excluded.opened_at,
    updated_at = excluded.updated_at, affected = excluded.affected, tickets = excluded.tickets,
    next_update_at = excluded.next_update_at
WHERE i.version < excluded.version
RETURNING 1;

-- name: put_members
INSERT INTO members AS m (lane, incident, ticket, client, strength)
SELECT $1, $2, * FROM unnest($3::uuid[], $4::text[], $5::real[])
ON CONFLICT (lane, incident, ticket) DO UPDATE SET strength = excluded.strength, client = excluded.client
WHERE m.strength <> excluded.strength OR m.client <> excluded.client;

-- name: take_out
DELETE FROM members WHERE lane = $1 AND incident = $2 AND ticket <> ALL ($3::uuid[]);

-- name: checksum
SELECT (SELECT coalesce(sum(reporting.row_sum(ROW(i.lane, i.incident, i.version, i.status, i.opened_at, i.updated_at,
            i.affected, i.tickets, i.next_update_at)::text)), 0) FROM incidents i)
     + (SELECT coalesce(sum(reporting.row_sum(ROW(m.lane, m.incident, m.ticket, m.client, m.strength)::text)), 0)
        FROM members m);
