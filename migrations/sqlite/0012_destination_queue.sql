-- The queue that a place in the dialplan leads to: calls that go there are paced by its agents.
ALTER TABLE destination ADD COLUMN queue TEXT;
