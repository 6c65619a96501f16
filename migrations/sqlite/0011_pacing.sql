-- What predictive pacing has learnt of a queue, and the credit of abandonment that it has: taken up again at the next start.
CREATE TABLE pacing (
    queue TEXT NOT NULL PRIMARY KEY,
    -- Of which window the credit is.
    period TEXT NOT NULL,
    memory TEXT NOT NULL,
    tm_update TEXT NOT NULL
) WITHOUT ROWID;

-- Persons who answered a campaign's calls to a queue, hour by hour in UTC, and those among them whom no agent took in time.
CREATE TABLE abandonment (
    campaign_uuid TEXT NOT NULL,
    hour TEXT NOT NULL,
    live INTEGER NOT NULL,
    abandoned INTEGER NOT NULL,
    PRIMARY KEY (campaign_uuid, hour)
) WITHOUT ROWID;
