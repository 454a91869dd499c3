-- name: note
INSERT INTO intake.mails (lane, key, outcome, client) VALUES ($1, $2, $3, $4)
ON CONFLICT ON CONSTRAINT one_row_per_mail_and_outcome DO NOTHING;
