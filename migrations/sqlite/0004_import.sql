-- How far the imports of files have come. A row changes in the transaction that writes the contacts it counts, so that
-- an import which was cut off goes on where it was.
CREATE TABLE import (
    id           INTEGER PRIMARY KEY,
    dlma_uuid    TEXT NOT NULL,
    -- The file's name as it was given: for people.
    file         TEXT NOT NULL,
    -- What tells one file from another: its length and the MD5 of its bytes. NULL for what came through a pipe.
    size         INTEGER,
    hash         TEXT,
    -- Which columns went into which fields; an import goes on only by the same.
    mapping      TEXT NOT NULL,
    -- Rows of the file that are done with: those that are contacts now, and those refused, by what for (a JSON object).
    rows         INTEGER NOT NULL DEFAULT 0,
    imported     INTEGER NOT NULL DEFAULT 0,
    refused      TEXT NOT NULL DEFAULT '{}',
    -- The last batch: its first row, and its refusals (a JSON array), which whoever was cut off may not have noted.
    last_from    INTEGER NOT NULL DEFAULT 0,
    last_refused TEXT NOT NULL DEFAULT '[]',
    finished     INTEGER NOT NULL DEFAULT 0 CHECK (finished IN (0, 1)),
    tm_create    TEXT NOT NULL,
    tm_update    TEXT NOT NULL
) STRICT;
CREATE INDEX import_of_file ON import (dlma_uuid, hash, size) WHERE hash IS NOT NULL;
