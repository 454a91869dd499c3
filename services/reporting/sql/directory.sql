-- name: clients
-- By name, after a name and slug.
SELECT c.client, c.name, c.prefix, c.zone, c.tier, c.languages, c.practice, c.registered_at, c.version
FROM clients c
WHERE ($1::text[] IS NULL OR c.client = ANY ($1)) AND (c.name, c.client) > ($2::text, $3::text)
ORDER BY c.name, c.client
LIMIT $4;

-- name: agents
-- By id, after an id. Of some clients: those who work for one of them; an agent without a client works for all.
SELECT a.agent, a.name, a.address, a.role, a.level, a.teams, a.clients, a.active
FROM agents a
WHERE a.active AND a.agent > $1::uuid
  AND ($3::text[] IS NULL OR a.clients = '{}' OR a.clients && $3)
ORDER BY a.agent
LIMIT $2;

-- name: letters
-- Letters that the embedded desk kept instead of sending them, newest first.
SELECT m.id, m.kept_at, m.client, m.ticket, m.reference, m.letter, m.language, m.message_id, m.headers, m.content
FROM notification.mailbox_read m
WHERE ($1::text[] IS NULL OR m.client = ANY ($1)) AND (m.kept_at, m.id) < ($2::timestamptz, $3::uuid)
  AND ($4::text IS NULL OR m.reference = $4)
ORDER BY m.kept_at DESC, m.id DESC
LIMIT $5;
