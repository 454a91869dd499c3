-- Row-level security on kept letters (services/kit/migrations/0013_client_rows.sql). The view reads as whoever asks it, so
-- that its reader's policy holds; without that it would read as its owner, for whom there is none.
SELECT log.guard_rows('notification.mailbox');
ALTER VIEW notification.mailbox_read SET (security_invoker = true);
GRANT USAGE ON SCHEMA notification TO daybook_reader;
GRANT SELECT ON notification.mailbox TO daybook_reporting, daybook_reader;
GRANT SELECT ON notification.mailbox_read TO daybook_reader;
