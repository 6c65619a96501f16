-- Trying again by how the last try ended, and more often after faults of the trunk.

-- In seconds: '60', or '60 300 3600' for the contact's 1st, 2nd, 3rd and later tries. NULL: retry_delay.
ALTER TABLE plan ADD COLUMN retry_delay_busy TEXT;
ALTER TABLE plan ADD COLUMN retry_delay_noanswer TEXT;
ALTER TABLE plan ADD COLUMN retry_delay_congestion TEXT;
ALTER TABLE plan ADD COLUMN retry_delay_failed TEXT;
ALTER TABLE plan ADD COLUMN trunk_fault_retries INTEGER NOT NULL DEFAULT 0;

-- How the last try ended, and which number was the last to fail by a fault of the trunk or ours, and how often.
ALTER TABLE dl_list ADD COLUMN last_outcome TEXT CHECK (last_outcome IN ('answered', 'busy', 'congestion', 'noanswer',
    'rejected', 'failed', 'unknown', 'pbx-restart', 'window-closed', 'withdrawn'));
ALTER TABLE dl_list ADD COLUMN fault_number INTEGER NOT NULL DEFAULT 0 CHECK (fault_number BETWEEN 0 AND 8);
ALTER TABLE dl_list ADD COLUMN faultcnt INTEGER NOT NULL DEFAULT 0 CHECK (faultcnt BETWEEN 0 AND 4294967295);
-- The text of model::rung::Past: with the rung all that a plan's answer depends on, but for the end of the last try.
ALTER TABLE dl_list ADD COLUMN past TEXT GENERATED ALWAYS AS (
    iif(last_outcome IN ('busy', 'noanswer', 'congestion', 'failed'), last_outcome, '') ||
    iif(fault_number > 0, ' ' || fault_number || ':' || faultcnt, '')) VIRTUAL;

DROP INDEX dl_waiting;
CREATE INDEX dl_waiting ON dl_list (dlma_uuid, rung, past, last_end, id)
    WHERE in_use = 1 AND status = 0 AND res_dial <> 4 AND held = 0;

DROP TRIGGER dl_rung_insert;
DROP TRIGGER dl_rung_update;
DROP TRIGGER dl_rung_delete;

-- Until now nobody had a past.
ALTER TABLE dl_rung RENAME TO dl_rung_before;
CREATE TABLE dl_rung (
    dlma_uuid TEXT NOT NULL,
    rung      TEXT NOT NULL,
    past      TEXT NOT NULL,
    waiting   INTEGER NOT NULL,
    dialing   INTEGER NOT NULL,
    answered  INTEGER NOT NULL,
    held      INTEGER NOT NULL,
    PRIMARY KEY (dlma_uuid, rung, past)
) STRICT, WITHOUT ROWID;
INSERT INTO dl_rung SELECT dlma_uuid, rung, '', waiting, dialing, answered, held FROM dl_rung_before;
DROP TABLE dl_rung_before;

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
