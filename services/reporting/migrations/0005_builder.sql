-- Who builds a view's next version. Every transaction of a rebuild asks whether it is still this one, so that a builder
-- who was taken for dead, and is not, writes nothing into the tables of the next.
ALTER TABLE reporting.views ADD builder uuid;
