-- name: people
SELECT person AS id, name, address FROM people WHERE lane = $1 AND person = ANY ($2::uuid[]);

-- name: agents
SELECT agent AS id, name, address FROM agents WHERE lane = $1 AND agent = ANY ($2::uuid[]);

-- name: client_name
SELECT name FROM clients WHERE lane = $1 AND client = $2;

-- name: births
-- References of tickets by their ids, from the log: a link may name a ticket that no view has yet.
SELECT stream, number, client FROM log.events WHERE lane = ANY ($1::smallint[]) AND stream = ANY ($2::uuid[]) AND version = 1;
