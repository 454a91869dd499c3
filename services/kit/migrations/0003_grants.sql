-- Who may do what with the log. Nobody updates or deletes an event; everything is written through log.append.
GRANT USAGE ON SCHEMA log TO daybook_intake, daybook_triage, daybook_notification, daybook_reporting, daybook_relay;
GRANT EXECUTE ON FUNCTION log.append TO daybook_intake, daybook_triage, daybook_notification;
GRANT EXECUTE ON FUNCTION log.remember TO daybook_intake;
GRANT SELECT ON log.events, log.lanes TO daybook_intake, daybook_triage, daybook_notification, daybook_reporting, daybook_relay;
GRANT SELECT ON log.commands TO daybook_intake;
GRANT SELECT, INSERT, UPDATE ON log.cursors, log.dead_letters TO daybook_triage, daybook_notification, daybook_reporting;
GRANT SELECT ON log.cursors TO daybook_intake, daybook_relay;
GRANT DELETE ON log.cursors TO daybook_reporting;  -- a rebuilt view's old cursors go with it
GRANT SELECT, INSERT, UPDATE ON log.leases TO daybook_relay, daybook_triage, daybook_notification;

-- Keys of persons: intake makes them, the edges that show or send text open them. Triage reads tickets' words.
GRANT USAGE ON SCHEMA personal TO daybook_intake, daybook_triage, daybook_notification, daybook_reporting;
GRANT SELECT, INSERT, UPDATE (handle) ON personal.people TO daybook_intake;
GRANT SELECT (lane, person, client, wrapped) ON personal.people TO daybook_triage, daybook_notification, daybook_reporting;
