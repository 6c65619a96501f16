-- Contacts that wait for a person to decide: [dialer] on_unknown = "hold", or an operator's OutDlListUpdate with Status 2.
-- They are not dialled, and are counted apart. A held contact that is being dialled, or was answered, counts as that.

ALTER TABLE dl_list ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
ALTER TABLE dl_rung ADD COLUMN held INTEGER NOT NULL DEFAULT 0;

DROP INDEX dl_waiting;
CREATE INDEX dl_waiting ON dl_list (dlma_uuid, rung, last_end, id)
    WHERE in_use = 1 AND status = 0 AND res_dial <> 4 AND held = 0;

DROP TRIGGER dl_rung_insert;
DROP TRIGGER dl_rung_update;
DROP TRIGGER dl_rung_delete;

-- No upsert in these: the conflict clause of the statement that fires a trigger would override it.
CREATE TRIGGER dl_rung_insert AFTER INSERT ON dl_list WHEN NEW.in_use = 1 BEGIN
    INSERT INTO dl_rung SELECT NEW.dlma_uuid, NEW.rung, 0, 0, 0, 0
        WHERE NOT EXISTS (SELECT 1 FROM dl_rung WHERE dlma_uuid = NEW.dlma_uuid AND rung = NEW.rung);
    UPDATE dl_rung SET
            waiting = waiting + (NEW.status = 0 AND NEW.res_dial <> 4 AND NEW.held = 0),
            dialing = dialing + (NEW.status = 1),
            answered = answered + (NEW.status = 0 AND NEW.res_dial = 4),
            held = held + (NEW.status = 0 AND NEW.res_dial <> 4 AND NEW.held = 1)
        WHERE dlma_uuid = NEW.dlma_uuid AND rung = NEW.rung;
END;

CREATE TRIGGER dl_rung_update AFTER UPDATE ON dl_list
    WHEN (OLD.dlma_uuid, OLD.rung, OLD.in_use, OLD.status, OLD.res_dial, OLD.held)
        IS NOT (NEW.dlma_uuid, NEW.rung, NEW.in_use, NEW.status, NEW.res_dial, NEW.held)
BEGIN
    INSERT INTO dl_rung SELECT NEW.dlma_uuid, NEW.rung, 0, 0, 0, 0
        WHERE NEW.in_use = 1
            AND NOT EXISTS (SELECT 1 FROM dl_rung WHERE dlma_uuid = NEW.dlma_uuid AND rung = NEW.rung);
    UPDATE dl_rung SET
            waiting = waiting + (NEW.status = 0 AND NEW.res_dial <> 4 AND NEW.held = 0),
            dialing = dialing + (NEW.status = 1),
            answered = answered + (NEW.status = 0 AND NEW.res_dial = 4),
            held = held + (NEW.status = 0 AND NEW.res_dial <> 4 AND NEW.held = 1)
        WHERE NEW.in_use = 1 AND dlma_uuid = NEW.dlma_uuid AND rung = NEW.rung;
    UPDATE dl_rung SET
            waiting = waiting - (OLD.status = 0 AND OLD.res_dial <> 4 AND OLD.held = 0),
            dialing = dialing - (OLD.status = 1),
            answered = answered - (OLD.status = 0 AND OLD.res_dial = 4),
            held = held - (OLD.status = 0 AND OLD.res_dial <> 4 AND OLD.held = 1)
        WHERE OLD.in_use = 1 AND dlma_uuid = OLD.dlma_uuid AND rung = OLD.rung;
    DELETE FROM dl_rung WHERE dlma_uuid = OLD.dlma_uuid AND rung = OLD.rung
        AND waiting = 0 AND dialing = 0 AND answered = 0 AND held = 0;
END;

CREATE TRIGGER dl_rung_delete AFTER DELETE ON dl_list WHEN OLD.in_use = 1 BEGIN
    UPDATE dl_rung SET
            waiting = waiting - (OLD.status = 0 AND OLD.res_dial <> 4 AND OLD.held = 0),
            dialing = dialing - (OLD.status = 1),
            answered = answered - (OLD.status = 0 AND OLD.res_dial = 4),
            held = held - (OLD.status = 0 AND OLD.res_dial <> 4 AND OLD.held = 1)
        WHERE dlma_uuid = OLD.dlma_uuid AND rung = OLD.rung;
    DELETE FROM dl_rung WHERE dlma_uuid = OLD.dlma_uuid AND rung = OLD.rung
        AND waiting = 0 AND dialing = 0 AND answered = 0 AND held = 0;
END;
