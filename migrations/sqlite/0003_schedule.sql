-- The time zone that a campaign's schedule is of, by its IANA name (NULL: UTC), and the close of the window that has
-- had its start: that window does not start the campaign again.
ALTER TABLE campaign ADD COLUMN sc_timezone TEXT;
ALTER TABLE campaign ADD COLUMN sc_served TEXT;
