"""Mail in: a process of its own takes mails, and each becomes a ticket or lies in the quarantine."""
