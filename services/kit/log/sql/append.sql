-- name: append
-- One round trip for every waiting append of the process; migrations/0002_append.sql has the function and its why.
SELECT append, outcome, answer, lane, client, position_before, sequence_before, number_before, recorded
FROM log.append($1, $2, $3);

-- name: command
-- Whether a command was done before, asked before anything is decided.
SELECT fingerprint, answer FROM log.commands WHERE lane = $1 AND scope = $2 AND command = $3;
