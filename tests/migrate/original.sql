-- A database of an original installation's form, with the oddities that such have: what was deleted is still there, numbers
-- are text here and there, `<unknown>` stands for what is not set, fractions of a second lack their zeros.

CREATE TABLE plan (uuid varchar(255), name text, detail text, in_use int default 1, variables text, dial_mode int,
    dial_timeout int, caller_id varchar(255), dl_end_handle int, retry_delay int, trunk_name varchar(255),
    tech_name varchar(255), service_level int, early_media int, codecs text, max_retry_cnt_1 int, max_retry_cnt_2 int,
    max_retry_cnt_3 int, max_retry_cnt_4 int, max_retry_cnt_5 int, max_retry_cnt_6 int, max_retry_cnt_7 int,
    max_retry_cnt_8 int, tm_create datetime, tm_delete datetime, tm_update datetime);
CREATE TABLE destination (uuid varchar(255), name text, detail text, in_use int default 1, type int, exten text,
    context text, priority text, variables text, application text, data text, tm_create datetime, tm_delete datetime,
    tm_update datetime);
CREATE TABLE dl_list_ma (uuid varchar(255), name text, detail text, dl_table varchar(255), variables text,
    in_use int default 1, tm_create datetime, tm_delete datetime, tm_update datetime);
CREATE TABLE campaign (uuid varchar(255), detail text, name text, status int default 0, in_use int default 1,
    next_campaign text, plan text, dlma text, dest text, sc_mode int, sc_date_start text, sc_date_end text,
    sc_date_list text, sc_date_list_except text, sc_time_start text, sc_time_end text, sc_day_list text,
    tm_create datetime, tm_delete datetime, tm_update datetime);
CREATE TABLE dl_list (uuid varchar(255), dlma_uuid varchar(255), in_use int default 1, name text, detail text, status int,
    resv_target text, ukey text, variables text, dialing_uuid text, dialing_camp_uuid text, dialing_plan_uuid text,
    number_1 text, number_2 text, number_3 text, number_4 text, number_5 text, number_6 text, number_7 text, number_8 text,
    email text, trycnt_1 int default 0, trycnt_2 int default 0, trycnt_3 int default 0, trycnt_4 int default 0,
    trycnt_5 int default 0, trycnt_6 int default 0, trycnt_7 int default 0, trycnt_8 int default 0, res_dial int default 0,
    res_dial_detail text, res_hangup int default 0, res_hangup_detail text, tm_create datetime, tm_delete datetime,
    tm_update datetime, tm_last_dial datetime, tm_last_hangup datetime);
CREATE VIEW "aaaa0003_0000_4000_8000_000000000001" AS
    SELECT * FROM dl_list WHERE dlma_uuid = 'aaaa0003-0000-4000-8000-000000000001';

INSERT INTO plan (uuid, name, detail, variables, dial_mode, dial_timeout, caller_id, dl_end_handle, retry_delay, trunk_name,
    tech_name, service_level, max_retry_cnt_1, max_retry_cnt_2, tm_create) VALUES
    ('AAAA0001-0000-4000-8000-000000000001', 'O''Brien''s plan', '<unknown>', '{"V1":"a=b, c","V2":"2"}', '1', '4000',
        '"Sales" <5551000>', 1, 0, 'astout-demo', 'Local/', 3, 2, '1', '2026-11-21T08:23:45.65862165Z'),
    ('aaaa0001-0000-4000-8000-000000000002', 'of no mode', NULL, NULL, 99, 30000, NULL, 1, 60, '', 'sip/', 0, 5, 5, NULL),
    ('aaaa0001-0000-4000-8000-000000000003', 'elsewhere', NULL, NULL, 1, NULL, NULL, NULL, NULL, 'callee', 'Local/', NULL,
        NULL, NULL, 'long ago');
INSERT INTO plan (uuid, name, in_use, dial_mode) VALUES ('aaaa0001-0000-4000-8000-000000000009', 'deleted', 0, 1);

UPDATE plan SET codecs = 'of no form', early_media = 1 WHERE name = 'elsewhere';

INSERT INTO destination (uuid, name, type, exten, context, priority, application, data) VALUES
    ('aaaa0002-0000-4000-8000-000000000001', 'hold', 0, 'hold', 'astout-dest', '1', NULL, NULL),
    ('aaaa0002-0000-4000-8000-000000000002', 'a shell', 1, NULL, NULL, NULL, 'System', 'id'),
    ('aaaa0002-0000-4000-8000-000000000003', 'a menu', 1, NULL, NULL, NULL, 'Read', 'x');

INSERT INTO dl_list_ma (uuid, name, dl_table, tm_create) VALUES
    ('aaaa0003-0000-4000-8000-000000000001', 'list ü', 'aaaa0003_0000_4000_8000_000000000001', '2026-11-21T08:23:45Z'),
    ('aaaa0003-0000-4000-8000-000000000002', 'a table of its own', 'old "dial" list', NULL);
INSERT INTO dl_list_ma (uuid, name, in_use, dl_table) VALUES ('aaaa0003-0000-4000-8000-000000000009', 'deleted', 0, 'gone');

INSERT INTO campaign (uuid, name, detail, status, plan, dlma, dest, sc_mode, sc_time_start, sc_day_list) VALUES
    ('aaaa0004-0000-4000-8000-000000000001', 'autumn', 'it ran', 1, 'aaaa0001-0000-4000-8000-000000000001',
        'aaaa0003-0000-4000-8000-000000000001', 'aaaa0002-0000-4000-8000-000000000001', 0, NULL, NULL),
    ('aaaa0004-0000-4000-8000-000000000002', 'of that plan', NULL, 0, 'aaaa0001-0000-4000-8000-000000000002', NULL, NULL,
        NULL, NULL, NULL),
    ('aaaa0004-0000-4000-8000-000000000003', 'by days', NULL, 0, NULL, NULL, NULL, '1', '09:00:00', '1, 2, 3'),
    ('aaaa0004-0000-4000-8000-000000000004', 'at noon', NULL, 0, NULL, NULL, NULL, 1, 'noon', NULL);

INSERT INTO dl_list (uuid, dlma_uuid, name, status, ukey, variables, number_1, number_2, trycnt_1, trycnt_2, res_dial,
    res_hangup, tm_create, tm_last_dial, tm_last_hangup, dialing_uuid) VALUES
    -- Both tries of its first number are used up; its second is next.
    ('aaaa0005-0000-4000-8000-000000000001', 'aaaa0003-0000-4000-8000-000000000001', 'half way', 0, 'k1', '{"V3":"x"}',
        '2001', '1002001', 2, 0, 5, 17, '2026-11-21T08:23:45.291266786Z', '2026-11-21T08:24:00.86533431Z',
        '2026-11-21T08:24:01.5Z', ''),
    ('aaaa0005-0000-4000-8000-000000000002', 'aaaa0003-0000-4000-8000-000000000001', 'out of tries', 0, NULL, NULL, '2002',
        NULL, '2', 0, 5, 17, NULL, NULL, NULL, NULL),
    ('aaaa0005-0000-4000-8000-000000000003', 'aaaa0003-0000-4000-8000-000000000001', 'answered', 0, '<unknown>', NULL,
        '1003', NULL, 1, 0, '4', '16', NULL, NULL, NULL, NULL),
    ('aaaa0005-0000-4000-8000-000000000004', 'aaaa0003-0000-4000-8000-000000000001', 'new', 0, NULL, NULL, '1002004', '', 0, 0,
        0, 0, NULL, NULL, NULL, NULL),
    ('aaaa0005-0000-4000-8000-000000000005', 'aaaa0003-0000-4000-8000-000000000001', 'being dialled', 1, NULL, NULL, '1002005',
        NULL, 1, 0, 0, 0, NULL, '2026-11-21T08:30:00.1Z', NULL, 'bbbb0000-0000-4000-8000-000000000001'),
    ('aaaa0005-0000-4000-8000-000000000006', 'aaaa0003-0000-4000-8000-000000000001', 'an odd number', 0, NULL, NULL,
        '030 1234', NULL, 0, 0, 0, 0, NULL, NULL, NULL, NULL),
    ('aaaa0005-0000-4000-8000-000000000007', 'aaaa0003-0000-4000-8000-000000000001', 'emergency', 0, NULL, NULL, '112', NULL,
        0, 0, 0, 0, NULL, NULL, NULL, NULL),
    ('aaaa0005-0000-4000-8000-000000000008', 'aaaa0003-0000-4000-8000-000000000001', 'the same key', 0, 'k1', NULL, '1008',
        NULL, 0, 0, 0, 0, NULL, NULL, NULL, NULL),
    ('aaaa0005-0000-4000-8000-000000000009', '00000000-0000-0000-0000-000000000000', 'of no list', 0, NULL, NULL, '1009',
        NULL, 0, 0, 0, 0, NULL, NULL, NULL, NULL),
    ('aaaa0005-0000-4000-8000-000000000010', 'aaaa0003-0000-4000-8000-000000000009', 'of a deleted list', 0, NULL, NULL,
        '1010', NULL, 0, 0, 0, 0, NULL, NULL, NULL, NULL),
    ('no uuid', 'aaaa0003-0000-4000-8000-000000000001', 'nameless', 0, NULL, NULL, '1011', NULL, 0, 0, 0, 0, NULL, NULL, NULL,
        NULL);
INSERT INTO dl_list (uuid, dlma_uuid, in_use, name, number_1) VALUES
    ('aaaa0005-0000-4000-8000-000000000012', 'aaaa0003-0000-4000-8000-000000000001', 0, 'deleted', '1012');

CREATE TABLE "old ""dial"" list" (uuid text, name text, number_1 text, trycnt_1 text, in_use text);
INSERT INTO "old ""dial"" list" VALUES ('aaaa0005-0000-4000-8000-000000000020', 'of that table', '1020', '1', '1');
