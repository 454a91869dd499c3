-- Letters to a person go when the person is erased.
GRANT DELETE ON notification.mailbox TO daybook_notification;
CREATE INDEX letters_of_person ON notification.mailbox (person);
