-- How much a plan of DialMode 1 (predictive) may lose, and what is said of a call that is lost.

-- Per cent, as text: '3', '2.5'.
ALTER TABLE plan ADD COLUMN abandon_target TEXT NOT NULL DEFAULT '3';
ALTER TABLE plan ADD COLUMN abandon_window TEXT NOT NULL DEFAULT 'day'
    CHECK (abandon_window IN ('day', 'month', 'rolling-30d', 'calls'));
-- In seconds.
ALTER TABLE plan ADD COLUMN abandon_after INTEGER NOT NULL DEFAULT 2;
ALTER TABLE plan ADD COLUMN min_ring INTEGER NOT NULL DEFAULT 15;
-- The uuid of a destination.
ALTER TABLE plan ADD COLUMN abandon_dest TEXT;
ALTER TABLE plan ADD COLUMN count_amd_false_positives INTEGER NOT NULL DEFAULT 0
    CHECK (count_amd_false_positives IN (0, 1));
