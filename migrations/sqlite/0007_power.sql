-- How many lines a plan of DialMode 3 (power) takes a free agent, as text: '1.5'. NULL: 1.
ALTER TABLE plan ADD COLUMN power_ratio TEXT;
