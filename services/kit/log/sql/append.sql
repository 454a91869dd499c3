-- name: append
-- One round trip for every waiting append of the process; migrations/0002_append.sql has the function and its why.
SELECT append, outcome, answer, lane, client, position_before, sequence_before, number_before, recorded
FROM log.append($1, $2, $3);

-- name: command
-- Whether a command was done before, asked before anything is decided.
SELECT fingerprint, answer FROM log.commands WHERE lane = $1 AND scope = $2 AND command = $3;

-- name: remember
-- A command that changed nothing; answers with what it was answered first.
SELECT fingerprint, answer FROM log.remember($1, $2, $3, $4, $5);
