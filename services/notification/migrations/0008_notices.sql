-- Letters to the desk's own people, about clocks.
ALTER TABLE notification.outbox DROP CONSTRAINT outbox_effect_check;
ALTER TABLE notification.outbox ADD CONSTRAINT known_effects CHECK (effect IN ('receipt', 'reply', 'resolution', 'notice'));
