-- name: of_client
-- Of a client, in the order of its own sequence, each with the hash of the event before it in the lane: so each can be
-- checked without its neighbours.
SELECT e.lane, e.position, e.client, e.sequence, e.number, e.stream, e.version, e.id, e.type, e.schema_version, e.actor,
       e.causation, e.origin, timestamptz_send(e.occurred_at), timestamptz_send(e.recorded_at), e.trace, e.payload, e.hash,
       coalesce(p.hash, decode(repeat('00', 32), 'hex'))
FROM log.events e LEFT JOIN log.events p ON p.lane = e.lane AND p.position = e.position - 1
WHERE e.lane = $1 AND e.client = $2 AND e.sequence > $3
ORDER BY e.sequence
LIMIT $4;

-- name: people
SELECT to_json(r)::text FROM (
    SELECT lane, person, client, handle, wrapped FROM personal.people
    WHERE $1::text[] IS NULL OR client = ANY ($1) ORDER BY lane, person
) r;

-- name: secrets
SELECT to_json(r)::text FROM (SELECT name, wrapped FROM personal.secrets ORDER BY name) r;

-- name: commands
SELECT to_json(r)::text FROM (
    SELECT lane, scope, command, fingerprint, answer, recorded_at FROM log.commands ORDER BY lane, scope, command
) r;

-- name: cursors
-- Of consumers whose effects are in the log or in this export. Views are filled again from the beginning.
SELECT to_json(r)::text FROM (
    SELECT lane, consumer, position, waiting FROM log.cursors
    WHERE consumer IN ('triage', 'notification') ORDER BY lane, consumer
) r;

-- name: dead_letters
SELECT to_json(r)::text FROM (
    SELECT lane, consumer, position, stream, type, error, attempts, failed_at, replayed_at, replay_requested_at
    FROM log.dead_letters WHERE consumer IN ('triage', 'notification') ORDER BY lane, consumer, position
) r;

-- name: prefixes
SELECT to_json(r)::text FROM (SELECT prefix, client FROM access.prefixes ORDER BY prefix) r;

-- name: tokens
-- Of programs. A session ends with the desk that it was opened at, and each desk makes its services their own.
SELECT to_json(r)::text FROM (
    SELECT digest, id, name, role, clients, origin, scopes, agent, session, created_at, expires_at, revoked_at
    FROM access.tokens WHERE NOT session AND service IS NULL ORDER BY id
) r;

-- name: logins
SELECT to_json(r)::text FROM (SELECT agent, password, set_at FROM intake.logins ORDER BY agent) r;

-- name: attachments
SELECT to_json(r)::text FROM (
    SELECT lane, ticket, sha256, bytes, sealed, kept_at, person FROM intake.attachments ORDER BY lane, ticket, sha256
) r;

-- name: quarantine
SELECT to_json(r)::text FROM (
    SELECT lane, id, key, reason, client, person, bytes, envelope, sealed, received_at
    FROM intake.quarantine ORDER BY lane, id
) r;

-- name: mails
SELECT to_json(r)::text FROM (SELECT lane, key, outcome, client, taken_at FROM intake.mails ORDER BY lane, key, outcome) r;

-- name: outbox
-- A letter that was being sent is due again after an import, as after a kill -9.
SELECT to_json(r)::text FROM (
    SELECT lane, event, effect, ticket, client, origin, trace, occurred_at, state, due_at, attempts, attempted, doubts, holder,
           claimed_until, code
    FROM notification.outbox ORDER BY lane, event, effect
) r;

-- name: mailbox
SELECT to_json(r)::text FROM (
    SELECT lane, id, kept_at, client, ticket, reference, person, letter, language, message_id, headers, content
    FROM notification.mailbox ORDER BY lane, id
) r;

-- name: webhooks
-- Whoever held one works for this desk; wherever this is read back nobody does.
SELECT to_json(r)::text FROM (
    SELECT webhook, name, url, client, types, categories, personal, token, agent, author, made_at, paused_at, pause_reason, version,
           delivered, last_success_at, last_failure_at, last_code, failures
    FROM notification.webhooks ORDER BY webhook
) r;

-- name: webhook_secrets
SELECT to_json(r)::text FROM (
    SELECT name, webhook, wrapped, made_at, ends_at FROM notification.webhook_secrets ORDER BY name
) r;

-- name: webhook_places
SELECT to_json(r)::text FROM (
    SELECT lane, webhook, place, ahead FROM notification.webhook_places ORDER BY lane, webhook
) r;

-- name: webhook_letters
SELECT to_json(r)::text FROM (
    SELECT lane, webhook, position, stream, event, type, state, attempts, code, failed_at, due_at, expires_at
    FROM notification.webhook_letters ORDER BY lane, webhook, position
) r;

-- name: bus_subscribers
SELECT to_json(r)::text FROM (
    SELECT token, lane, client, key, begins, filled, position, told_at, closed_at FROM access.bus_subscribers ORDER BY token
) r;

-- name: outside_subscribers
SELECT to_json(r)::text FROM (
    SELECT lane, kind, name, client, place, waiting, dead_letters, made_at, seen_at, revoked_at
    FROM log.outside_subscribers ORDER BY lane, kind, name
) r;
