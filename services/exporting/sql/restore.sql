-- name: lock
-- Nobody appends while an export is read back.
SELECT lane FROM log.lanes ORDER BY lane FOR UPDATE;

-- name: used
SELECT EXISTS (SELECT FROM log.events) OR EXISTS (SELECT FROM log.commands) OR EXISTS (SELECT FROM personal.people)
    OR EXISTS (SELECT FROM notification.webhooks);

-- name: clear
-- What a desk that was started and never used may hold: a secret, cursors that stand at the beginning.
-- The timers' wake-ups are filled from the log when triage starts.
WITH secrets AS (DELETE FROM personal.secrets), timers AS (UPDATE triage.wake_ups_known SET whole = false, after = DEFAULT)
DELETE FROM log.cursors;

-- name: heads
UPDATE log.lanes l SET position = u.position, hash = u.hash, recorded_at = coalesce(e.recorded_at, l.recorded_at)
FROM unnest($1::smallint[], $2::bigint[], $3::bytea[]) AS u (lane, position, hash)
LEFT JOIN log.events e ON e.lane = u.lane AND e.position = u.position
WHERE l.lane = u.lane;

-- name: counters
INSERT INTO log.counters (lane, client, sequence, number)
SELECT lane, client, max(sequence), coalesce(max(number), 0) FROM log.events GROUP BY lane, client;

-- name: people
INSERT INTO personal.people (lane, person, client, handle, wrapped)
SELECT lane, person, client, handle, wrapped FROM json_populate_recordset(NULL::personal.people, $1::text::json);

-- name: secrets
INSERT INTO personal.secrets (name, wrapped)
SELECT name, wrapped FROM json_populate_recordset(NULL::personal.secrets, $1::text::json);

-- name: commands
INSERT INTO log.commands (lane, scope, command, fingerprint, answer, recorded_at)
SELECT lane, scope, command, fingerprint, answer, recorded_at FROM json_populate_recordset(NULL::log.commands, $1::text::json);

-- name: cursors
-- Routing begins anew: what it keeps is no part of an export, and follows from the log.
INSERT INTO log.cursors (lane, consumer, position, waiting)
SELECT lane, consumer, position, waiting FROM json_populate_recordset(NULL::log.cursors, $1::text::json)
WHERE consumer <> 'routing';

-- name: dead_letters
INSERT INTO log.dead_letters (lane, consumer, position, stream, type, error, attempts, failed_at, replayed_at,
                              replay_requested_at)
SELECT lane, consumer, position, stream, type, error, attempts, failed_at, replayed_at, replay_requested_at
FROM json_populate_recordset(NULL::log.dead_letters, $1::text::json);

-- name: prefixes
INSERT INTO access.prefixes (prefix, client)
SELECT prefix, client FROM json_populate_recordset(NULL::access.prefixes, $1::text::json);

-- name: tokens
INSERT INTO access.tokens (digest, id, name, role, clients, origin, scopes, agent, session, created_at, expires_at,
                           revoked_at)
SELECT digest, id, name, role, clients, origin, scopes, agent, session, created_at, expires_at, revoked_at
FROM json_populate_recordset(NULL::access.tokens, $1::text::json);

-- name: logins
INSERT INTO intake.logins (agent, password, set_at)
SELECT agent, password, set_at FROM json_populate_recordset(NULL::intake.logins, $1::text::json);

-- name: attachments
INSERT INTO intake.attachments (lane, ticket, sha256, bytes, sealed, kept_at, person)
SELECT lane, ticket, sha256, bytes, sealed, kept_at, person FROM json_populate_recordset(NULL::intake.attachments, $1::text::json);

-- name: quarantine
INSERT INTO intake.quarantine (lane, id, key, reason, client, person, bytes, envelope, sealed, received_at)
SELECT lane, id, key, reason, client, person, bytes, envelope, sealed, received_at
FROM json_populate_recordset(NULL::intake.quarantine, $1::text::json);

-- name: mails
INSERT INTO intake.mails (lane, key, outcome, client, taken_at)
SELECT lane, key, outcome, client, taken_at FROM json_populate_recordset(NULL::intake.mails, $1::text::json);

-- name: outbox
INSERT INTO notification.outbox (lane, event, effect, ticket, client, origin, trace, occurred_at, state, due_at, attempts,
                                 attempted, doubts, holder, claimed_until, code)
SELECT lane, event, effect, ticket, client, origin, trace, occurred_at, state, due_at, attempts, attempted, doubts, holder,
       claimed_until, code
FROM json_populate_recordset(NULL::notification.outbox, $1::text::json);

-- name: mailbox
INSERT INTO notification.mailbox (lane, id, kept_at, client, ticket, reference, person, letter, language, message_id, headers,
                                  content)
SELECT lane, id, kept_at, client, ticket, reference, person, letter, language, message_id, headers, content
FROM json_populate_recordset(NULL::notification.mailbox, $1::text::json);

-- name: webhooks
-- Held by nobody: its worker was of another desk.
INSERT INTO notification.webhooks (webhook, name, url, client, types, categories, personal, token, agent, author, made_at, paused_at,
                                   pause_reason, version, delivered, last_success_at, last_failure_at, last_code, failures)
SELECT webhook, name, url, client, types, categories, personal, token, agent, author, made_at, paused_at, pause_reason, version,
       delivered, last_success_at, last_failure_at, last_code, failures
FROM json_populate_recordset(NULL::notification.webhooks, $1::text::json);

-- name: webhook_secrets
INSERT INTO notification.webhook_secrets (name, webhook, wrapped, made_at, ends_at)
SELECT name, webhook, wrapped, made_at, ends_at
FROM json_populate_recordset(NULL::notification.webhook_secrets, $1::text::json);

-- name: webhook_places
INSERT INTO notification.webhook_places (lane, webhook, place, ahead)
SELECT lane, webhook, place, ahead FROM json_populate_recordset(NULL::notification.webhook_places, $1::text::json);

-- name: webhook_letters
INSERT INTO notification.webhook_letters (lane, webhook, position, stream, event, type, state, attempts, code, failed_at,
                                          due_at, expires_at)
SELECT lane, webhook, position, stream, event, type, state, attempts, code, failed_at, due_at, expires_at
FROM json_populate_recordset(NULL::notification.webhook_letters, $1::text::json);

-- name: bus_subscribers
-- Their streams the relay makes again, each behind what its program had acknowledged.
INSERT INTO access.bus_subscribers (token, lane, client, key, begins, filled, position, told_at, closed_at)
SELECT token, lane, client, key, begins, filled, position, told_at, closed_at
FROM json_populate_recordset(NULL::access.bus_subscribers, $1::text::json);

-- name: outside_subscribers
INSERT INTO log.outside_subscribers (lane, kind, name, client, place, waiting, dead_letters, made_at, seen_at, revoked_at)
SELECT lane, kind, name, client, place, waiting, dead_letters, made_at, seen_at, revoked_at
FROM json_populate_recordset(NULL::log.outside_subscribers, $1::text::json);

-- name: erasures
-- Tables that were just filled hold no old bytes.
INSERT INTO personal.erasures (lane, person, position, erased_at, compacted_at)
SELECT lane, stream, position, recorded_at, clock_timestamp() FROM log.events WHERE type = 'person.erased';
