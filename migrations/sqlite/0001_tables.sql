-- The tables of the original keep its names and columns, so that people's own SQL keeps working; the rest is ours.
-- Timestamps are text (2016-11-15T03:00:10.125931679Z), uuids lower-case text, variables a JSON object as text.

CREATE TABLE plan (
    uuid            TEXT NOT NULL PRIMARY KEY,
    name            TEXT,
    detail          TEXT,
    in_use          INTEGER NOT NULL DEFAULT 1,
    variables       TEXT,
    dial_mode       INTEGER NOT NULL,
    dial_timeout    INTEGER NOT NULL,
    caller_id       TEXT,
    dl_end_handle   INTEGER NOT NULL,
    retry_delay     INTEGER NOT NULL,
    trunk_name      TEXT,
    tech_name       TEXT,
    service_level   INTEGER NOT NULL,
    early_media     TEXT,
    codecs          TEXT,
    uui_field       TEXT,
    max_retry_cnt_1 INTEGER NOT NULL,
    max_retry_cnt_2 INTEGER NOT NULL,
    max_retry_cnt_3 INTEGER NOT NULL,
    max_retry_cnt_4 INTEGER NOT NULL,
    max_retry_cnt_5 INTEGER NOT NULL,
    max_retry_cnt_6 INTEGER NOT NULL,
    max_retry_cnt_7 INTEGER NOT NULL,
    max_retry_cnt_8 INTEGER NOT NULL,
    tm_create       TEXT NOT NULL,
    tm_delete       TEXT,
    tm_update       TEXT
) STRICT;

CREATE TABLE destination (
    uuid        TEXT NOT NULL PRIMARY KEY,
    name        TEXT,
    detail      TEXT,
    in_use      INTEGER NOT NULL DEFAULT 1,
    type        INTEGER NOT NULL,
    exten       TEXT,
    context     TEXT,
    priority    TEXT,
    variables   TEXT,
    application TEXT,
    data        TEXT,
    tm_create   TEXT NOT NULL,
    tm_delete   TEXT,
    tm_update   TEXT
) STRICT;

CREATE TABLE dl_list_ma (
    uuid      TEXT NOT NULL PRIMARY KEY,
    name      TEXT,
    detail    TEXT,
    dl_table  TEXT NOT NULL,
    variables TEXT,
    in_use    INTEGER NOT NULL DEFAULT 1,
    tm_create TEXT NOT NULL,
    tm_delete TEXT,
    tm_update TEXT
) STRICT;

CREATE TABLE campaign (
    uuid                TEXT NOT NULL PRIMARY KEY,
    detail              TEXT,
    name                TEXT,
    status              INTEGER NOT NULL DEFAULT 0,
    in_use              INTEGER NOT NULL DEFAULT 1,
    next_campaign       TEXT,
    plan                TEXT,
    dlma                TEXT,
    dest                TEXT,
    weight              INTEGER NOT NULL DEFAULT 1,
    sc_mode             INTEGER NOT NULL DEFAULT 0,
    sc_date_start       TEXT,
    sc_date_end         TEXT,
    sc_date_list        TEXT,
    sc_date_list_except TEXT,
    sc_time_start       TEXT,
    sc_time_end         TEXT,
    sc_day_list         TEXT,
    tm_create           TEXT NOT NULL,
    tm_delete           TEXT,
    tm_update           TEXT
) STRICT;
-- Who uses a plan, a dlma, a destination: asked before one is deleted.
CREATE INDEX campaign_at_work ON campaign (status) WHERE in_use = 1 AND status <> 0;

-- Contacts. What people's own SQL may write wrongly is checked here, for a row that cannot be read is a contact that
-- cannot be dialled.
CREATE TABLE dl_list (
    id                 INTEGER PRIMARY KEY,
    uuid               TEXT NOT NULL UNIQUE CHECK (length(uuid) = 36 AND uuid NOT GLOB '*[^0-9a-f-]*'),
    dlma_uuid          TEXT NOT NULL CHECK (length(dlma_uuid) = 36 AND dlma_uuid NOT GLOB '*[^0-9a-f-]*'),
    in_use             INTEGER NOT NULL DEFAULT 1 CHECK (in_use IN (0, 1)),
    name               TEXT,
    detail             TEXT,
    status             INTEGER NOT NULL DEFAULT 0 CHECK (status IN (0, 1)),
    resv_target        TEXT,
    ukey               TEXT,
    udata              TEXT,
    variables          TEXT CHECK (variables IS NULL OR json_valid(variables)),
    dialing_uuid       TEXT,
    dialing_camp_uuid  TEXT,
    dialing_plan_uuid  TEXT,
    number_1           TEXT,
    number_2           TEXT,
    number_3           TEXT,
    number_4           TEXT,
    number_5           TEXT,
    number_6           TEXT,
    number_7           TEXT,
    number_8           TEXT,
    email              TEXT,
    trycnt_1           INTEGER NOT NULL DEFAULT 0 CHECK (trycnt_1 BETWEEN 0 AND 4294967295),
    trycnt_2           INTEGER NOT NULL DEFAULT 0 CHECK (trycnt_2 BETWEEN 0 AND 4294967295),
    trycnt_3           INTEGER NOT NULL DEFAULT 0 CHECK (trycnt_3 BETWEEN 0 AND 4294967295),
    trycnt_4           INTEGER NOT NULL DEFAULT 0 CHECK (trycnt_4 BETWEEN 0 AND 4294967295),
    trycnt_5           INTEGER NOT NULL DEFAULT 0 CHECK (trycnt_5 BETWEEN 0 AND 4294967295),
    trycnt_6           INTEGER NOT NULL DEFAULT 0 CHECK (trycnt_6 BETWEEN 0 AND 4294967295),
    trycnt_7           INTEGER NOT NULL DEFAULT 0 CHECK (trycnt_7 BETWEEN 0 AND 4294967295),
    trycnt_8           INTEGER NOT NULL DEFAULT 0 CHECK (trycnt_8 BETWEEN 0 AND 4294967295),
    res_dial           INTEGER NOT NULL DEFAULT 0 CHECK (res_dial IN (0, 3, 4, 5, 8)),
    res_dial_detail    TEXT,
    res_hangup         INTEGER NOT NULL DEFAULT 0,
    res_hangup_detail  TEXT,
    tm_create          TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    tm_delete          TEXT,
    tm_update          TEXT,
    tm_last_dial       TEXT,
    tm_last_hangup     TEXT,
    trycnt             INTEGER NOT NULL DEFAULT 0,
    -- Ours: when the last try ended, in microseconds since 1970 (0: never tried).
    last_end           INTEGER NOT NULL DEFAULT 0,
    -- Ours: the text of model::rung::Rung, the tries of each number that is there (docs/decisions/001-rungs.md).
    rung               TEXT NOT NULL GENERATED ALWAYS AS (rtrim(
        iif(number_1 IS NULL, '-', trycnt_1) || '.' || iif(number_2 IS NULL, '-', trycnt_2) || '.' ||
        iif(number_3 IS NULL, '-', trycnt_3) || '.' || iif(number_4 IS NULL, '-', trycnt_4) || '.' ||
        iif(number_5 IS NULL, '-', trycnt_5) || '.' || iif(number_6 IS NULL, '-', trycnt_6) || '.' ||
        iif(number_7 IS NULL, '-', trycnt_7) || '.' || iif(number_8 IS NULL, '-', trycnt_8), '.-')) STORED
) STRICT;
CREATE INDEX dl_waiting ON dl_list (dlma_uuid, rung, last_end, id) WHERE in_use = 1 AND status = 0 AND res_dial <> 4;
CREATE INDEX dl_of_list ON dl_list (dlma_uuid, id) WHERE in_use = 1;
CREATE UNIQUE INDEX dl_ukey ON dl_list (dlma_uuid, ukey) WHERE in_use = 1 AND ukey IS NOT NULL;

-- How many contacts stand on each rung of each list. The triggers below keep it right whoever writes to dl_list.
CREATE TABLE dl_rung (
    dlma_uuid TEXT NOT NULL,
    rung      TEXT NOT NULL,
    waiting   INTEGER NOT NULL,
    dialing   INTEGER NOT NULL,
    answered  INTEGER NOT NULL,
    PRIMARY KEY (dlma_uuid, rung)
) STRICT, WITHOUT ROWID;

-- No upsert in these: the conflict clause of the statement that fires a trigger would override it.
CREATE TRIGGER dl_rung_insert AFTER INSERT ON dl_list WHEN NEW.in_use = 1 BEGIN
    INSERT INTO dl_rung SELECT NEW.dlma_uuid, NEW.rung, 0, 0, 0
        WHERE NOT EXISTS (SELECT 1 FROM dl_rung WHERE dlma_uuid = NEW.dlma_uuid AND rung = NEW.rung);
    UPDATE dl_rung SET
            waiting = waiting + (NEW.status = 0 AND NEW.res_dial <> 4),
            dialing = dialing + (NEW.status = 1),
            answered = answered + (NEW.status = 0 AND NEW.res_dial = 4)
        WHERE dlma_uuid = NEW.dlma_uuid AND rung = NEW.rung;
END;

CREATE TRIGGER dl_rung_update AFTER UPDATE ON dl_list
    WHEN (OLD.dlma_uuid, OLD.rung, OLD.in_use, OLD.status, OLD.res_dial)
        IS NOT (NEW.dlma_uuid, NEW.rung, NEW.in_use, NEW.status, NEW.res_dial)
BEGIN
    INSERT INTO dl_rung SELECT NEW.dlma_uuid, NEW.rung, 0, 0, 0
        WHERE NEW.in_use = 1
            AND NOT EXISTS (SELECT 1 FROM dl_rung WHERE dlma_uuid = NEW.dlma_uuid AND rung = NEW.rung);
    UPDATE dl_rung SET
            waiting = waiting + (NEW.status = 0 AND NEW.res_dial <> 4),
            dialing = dialing + (NEW.status = 1),
            answered = answered + (NEW.status = 0 AND NEW.res_dial = 4)
        WHERE NEW.in_use = 1 AND dlma_uuid = NEW.dlma_uuid AND rung = NEW.rung;
    UPDATE dl_rung SET
            waiting = waiting - (OLD.status = 0 AND OLD.res_dial <> 4),
            dialing = dialing - (OLD.status = 1),
            answered = answered - (OLD.status = 0 AND OLD.res_dial = 4)
        WHERE OLD.in_use = 1 AND dlma_uuid = OLD.dlma_uuid AND rung = OLD.rung;
    DELETE FROM dl_rung
        WHERE dlma_uuid = OLD.dlma_uuid AND rung = OLD.rung AND waiting = 0 AND dialing = 0 AND answered = 0;
END;

CREATE TRIGGER dl_rung_delete AFTER DELETE ON dl_list WHEN OLD.in_use = 1 BEGIN
    UPDATE dl_rung SET
            waiting = waiting - (OLD.status = 0 AND OLD.res_dial <> 4),
            dialing = dialing - (OLD.status = 1),
            answered = answered - (OLD.status = 0 AND OLD.res_dial = 4)
        WHERE dlma_uuid = OLD.dlma_uuid AND rung = OLD.rung;
    DELETE FROM dl_rung
        WHERE dlma_uuid = OLD.dlma_uuid AND rung = OLD.rung AND waiting = 0 AND dialing = 0 AND answered = 0;
END;

-- What attempts were decided on, shared by those that were decided on the same.
CREATE TABLE capsule (
    uuid TEXT NOT NULL PRIMARY KEY,
    json TEXT NOT NULL
) STRICT;

-- Attempts. A row is committed before its Originate is sent, and gets exactly one line of the outbox at its end.
CREATE TABLE dialing (
    uuid              TEXT NOT NULL PRIMARY KEY,
    dl_uuid           TEXT NOT NULL,
    attempt_no        INTEGER NOT NULL,  -- the contact's claims, from 1; not its tries, which may be given back
    campaign_uuid     TEXT NOT NULL,
    plan_uuid         TEXT NOT NULL,
    dlma_uuid         TEXT NOT NULL,
    dest_uuid         TEXT NOT NULL,
    capsule_uuid      TEXT NOT NULL,
    other_uuid        TEXT NOT NULL,
    number_index      INTEGER NOT NULL CHECK (number_index BETWEEN 1 AND 8),
    addr              TEXT NOT NULL,
    channel           TEXT NOT NULL,
    try_count         INTEGER NOT NULL,
    dl                TEXT NOT NULL,     -- the contact as it was before the claim
    tm_create         TEXT NOT NULL,
    status            INTEGER NOT NULL DEFAULT 0,
    channel_name      TEXT,
    res_dial          INTEGER NOT NULL DEFAULT 0,
    res_dial_detail   TEXT,
    res_hangup        INTEGER,
    res_hangup_detail TEXT,
    tm_dial_begin     TEXT,
    tm_dial_end       TEXT,
    tm_hangup         TEXT,
    tm_update         TEXT,
    server_epoch      TEXT,
    withdrawn         INTEGER NOT NULL DEFAULT 0,
    open              INTEGER NOT NULL DEFAULT 1,
    outcome           TEXT,
    tm_end            TEXT,
    UNIQUE (dl_uuid, attempt_no)
) STRICT;
CREATE UNIQUE INDEX one_open ON dialing (dl_uuid) WHERE open = 1;
CREATE INDEX dialing_open ON dialing (campaign_uuid) WHERE open = 1;

-- Result lines on their way to the result log; seq is meta's, so that it has no gaps.
CREATE TABLE outbox (
    seq          INTEGER PRIMARY KEY,
    dialing_uuid TEXT NOT NULL UNIQUE,
    line         TEXT NOT NULL
) STRICT;

-- Up to which line the result log is written and synced.
CREATE TABLE logpos (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL
) STRICT;
INSERT INTO logpos (id, seq) VALUES (1, 0);

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value ANY
) STRICT;
INSERT INTO meta (key, value) VALUES ('last_seq', 0);
