-- A service's own token, by which it asks intake as every other program does. It is derived from the desk's secret and
-- written anew whenever the desk is provisioned, so it is neither listed nor revoked.
ALTER TABLE access.tokens ADD COLUMN service text;
CREATE UNIQUE INDEX one_token_per_service_and_origin ON access.tokens (service, origin) WHERE service IS NOT NULL;
