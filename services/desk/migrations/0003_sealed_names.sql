-- A session's name is sealed with its cookie, as its token is: no agent's name lies in clear beside the vault. Who is
-- signed in now signs in again.
DELETE FROM desk.sessions;
ALTER TABLE desk.sessions DROP name;
ALTER TABLE desk.sessions ADD name bytea NOT NULL;
