-- How often and when people may be called, by a plan's caps on attempts, calling hours and holidays and by a contact's own
-- time zone; and contacts that are put off by that.

-- '3/1d', or '3/1d 7/7d': attempts in a period.
ALTER TABLE plan ADD COLUMN contact_cap TEXT;
ALTER TABLE plan ADD COLUMN number_cap TEXT;
-- 'mon-fri 08:00-21:00, sat 10:00-18:00', by the callee's own clock.
ALTER TABLE plan ADD COLUMN calling_hours TEXT;
-- '12-25, 2026-04-03', by the callee's own calendar.
ALTER TABLE plan ADD COLUMN holidays TEXT;

-- An IANA name. NULL: what the number's prefix says.
ALTER TABLE dl_list ADD COLUMN time_zone TEXT;
-- Until when it is put off, in microseconds since 1970, and by whose terms: model::terms::PutOff, up to four times sixteen
-- hexadecimal digits. NULL: it is not.
ALTER TABLE dl_list ADD COLUMN put_off_until INTEGER;
ALTER TABLE dl_list ADD COLUMN put_off_by TEXT CHECK (put_off_by IS NULL OR (put_off_until IS NOT NULL
    AND length(put_off_by) IN (16, 33, 50, 67) AND replace(put_off_by, ',', '') NOT GLOB '*[^0-9a-f]*'
    AND length(replace(put_off_by, ',', '')) = (length(put_off_by) + 1) / 17 * 16
    AND substr(put_off_by, 17, 1) IN ('', ',') AND substr(put_off_by, 34, 1) IN ('', ',')
    AND substr(put_off_by, 51, 1) IN ('', ',')));

DROP INDEX dl_waiting;
DROP TRIGGER dl_rung_insert;
DROP TRIGGER dl_rung_update;
DROP TRIGGER dl_rung_delete;

-- The text of model::rung::Past: with the rung all that a plan's answer depends on, but for the turn. Contacts that are put
-- off are counted and kept in order apart: so none of them is looked at before its time.
ALTER TABLE dl_list DROP COLUMN past;
ALTER TABLE dl_list ADD COLUMN past TEXT GENERATED ALWAYS AS (
    iif(last_outcome IN ('busy', 'noanswer', 'congestion', 'failed'), last_outcome, '') ||
    iif(fault_number > 0, ' ' || fault_number || ':' || faultcnt, '') ||
    iif(put_off_by IS NULL, '', '@' || put_off_by)) VIRTUAL;
-- In which order they come.
ALTER TABLE dl_list ADD COLUMN turn INTEGER GENERATED ALWAYS AS (iif(put_off_by IS NULL, last_end, put_off_until)) VIRTUAL;

CREATE INDEX dl_waiting ON dl_list (dlma_uuid, rung, past, turn, id)
    WHERE in_use = 1 AND status = 0 AND res_dial <> 4 AND held = 0;

-- Who may be reached elsewhere, or at another number, is looked at anew.
CREATE TRIGGER dl_put_off AFTER UPDATE OF number_1, number_2, number_3, number_4, number_5, number_6, number_7, number_8,
        time_zone ON dl_list
    WHEN NEW.put_off_by IS NOT NULL AND (OLD.number_1, OLD.number_2, OLD.number_3, OLD.number_4, OLD.number_5, OLD.number_6,
        OLD.number_7, OLD.number_8, OLD.time_zone) IS NOT (NEW.number_1, NEW.number_2, NEW.number_3, NEW.number_4,
        NEW.number_5, NEW.number_6, NEW.number_7, NEW.number_8, NEW.time_zone)
BEGIN
    UPDATE dl_list SET put_off_by = NULL, put_off_until = NULL WHERE id = NEW.id;
END;

-- No upsert in these: the conflict clause of the statement that fires a trigger would override it.
CREATE TRIGGER dl_rung_insert AFTER INSERT ON dl_list WHEN NEW.in_use = 1 BEGIN
    INSERT INTO dl_rung SELECT NEW.dlma_uuid, NEW.rung, NEW.past, 0, 0, 0, 0
        WHERE NOT EXISTS (SELECT 1 FROM dl_rung
            WHERE dlma_uuid = NEW.dlma_uuid AND rung = NEW.rung AND past = NEW.past);
    UPDATE dl_rung SET
            waiting = waiting + (NEW.status = 0 AND NEW.res_dial <> 4 AND NEW.held = 0),
            dialing = dialing + (NEW.status = 1),
            answered = answered + (NEW.status = 0 AND NEW.res_dial = 4),
            held = held + (NEW.status = 0 AND NEW.res_dial <> 4 AND NEW.held = 1)
        WHERE dlma_uuid = NEW.dlma_uuid AND rung = NEW.rung AND past = NEW.past;
END;

CREATE TRIGGER dl_rung_update AFTER UPDATE ON dl_list
    WHEN (OLD.dlma_uuid, OLD.rung, OLD.past, OLD.in_use, OLD.status, OLD.res_dial, OLD.held)
        IS NOT (NEW.dlma_uuid, NEW.rung, NEW.past, NEW.in_use, NEW.status, NEW.res_dial, NEW.held)
BEGIN
    INSERT INTO dl_rung SELECT NEW.dlma_uuid, NEW.rung, NEW.past, 0, 0, 0, 0
        WHERE NEW.in_use = 1 AND NOT EXISTS (SELECT 1 FROM dl_rung
            WHERE dlma_uuid = NEW.dlma_uuid AND rung = NEW.rung AND past = NEW.past);
    UPDATE dl_rung SET
            waiting = waiting + (NEW.status = 0 AND NEW.res_dial <> 4 AND NEW.held = 0),
            dialing = dialing + (NEW.status = 1),
            answered = answered + (NEW.status = 0 AND NEW.res_dial = 4),
            held = held + (NEW.status = 0 AND NEW.res_dial <> 4 AND NEW.held = 1)
        WHERE NEW.in_use = 1 AND dlma_uuid = NEW.dlma_uuid AND rung = NEW.rung AND past = NEW.past;
    UPDATE dl_rung SET
            waiting = waiting - (OLD.status = 0 AND OLD.res_dial <> 4 AND OLD.held = 0),
            dialing = dialing - (OLD.status = 1),
            answered = answered - (OLD.status = 0 AND OLD.res_dial = 4),
            held = held - (OLD.status = 0 AND OLD.res_dial <> 4 AND OLD.held = 1)
        WHERE OLD.in_use = 1 AND dlma_uuid = OLD.dlma_uuid AND rung = OLD.rung AND past = OLD.past;
    DELETE FROM dl_rung WHERE dlma_uuid = OLD.dlma_uuid AND rung = OLD.rung AND past = OLD.past
        AND waiting = 0 AND dialing = 0 AND answered = 0 AND held = 0;
END;

CREATE TRIGGER dl_rung_delete AFTER DELETE ON dl_list WHEN OLD.in_use = 1 BEGIN
    UPDATE dl_rung SET
            waiting = waiting - (OLD.status = 0 AND OLD.res_dial <> 4 AND OLD.held = 0),
            dialing = dialing - (OLD.status = 1),
            answered = answered - (OLD.status = 0 AND OLD.res_dial = 4),
            held = held - (OLD.status = 0 AND OLD.res_dial <> 4 AND OLD.held = 1)
        WHERE dlma_uuid = OLD.dlma_uuid AND rung = OLD.rung AND past = OLD.past;
    DELETE FROM dl_rung WHERE dlma_uuid = OLD.dlma_uuid AND rung = OLD.rung AND past = OLD.past
        AND waiting = 0 AND dialing = 0 AND answered = 0 AND held = 0;
END;
