-- Nobody but intake reads what intake keeps: what a service does not use it may not have.
REVOKE SELECT ON intake.attachments FROM daybook_reporting, daybook_notification;
REVOKE SELECT (lane, id, reason, client, person, bytes, received_at) ON intake.quarantine FROM daybook_reporting;
REVOKE USAGE ON SCHEMA intake FROM daybook_reporting, daybook_notification;
