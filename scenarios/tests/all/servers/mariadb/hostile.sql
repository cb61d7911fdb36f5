USE `shop`;
\! touch /tmp/dr_drill_canary_1
;
system touch /tmp/dr_drill_canary_2
;
source /etc/passwd
;
tee /tmp/dr_drill_canary_3
;
\T /tmp/dr_drill_canary_4
;
SELECT 1 INTO OUTFILE '/tmp/dr_drill_canary_5';
SELECT 1 INTO DUMPFILE '/data/none/dr_drill_canary_6';
LOAD DATA INFILE '/etc/passwd' INTO TABLE log;
LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE log;
INSERT INTO log VALUES (CONCAT('read: ', IFNULL(LEFT(LOAD_FILE('/etc/passwd'), 100), 'nothing')));
INSTALL SONAME 'ha_connect';
CREATE FUNCTION lib RETURNS STRING SONAME 'x.so';
SET GLOBAL event_scheduler = 1;
SET GLOBAL general_log_file = '/tmp/dr_drill_canary_7';
UPDATE mysql.global_priv SET priv = '{"access":18446744073709551615}';
GRANT FILE ON *.* TO CURRENT_USER();
CREATE TABLE elsewhere (a int) ENGINE=MyISAM DATA DIRECTORY='/tmp';
CREATE TABLE elsewhere_too (a int) ENGINE=InnoDB DATA DIRECTORY='/tmp';
DELIMITER ;;
CREATE DEFINER=`root`@`localhost` PROCEDURE as_root() SQL SECURITY DEFINER BEGIN SELECT 1 INTO OUTFILE '/tmp/dr_drill_canary_8'; END;;
CREATE DEFINER=`mariadb.sys`@`localhost` PROCEDURE as_sys() SQL SECURITY DEFINER BEGIN UPDATE mysql.global_priv SET priv = '{}'; END;;
DELIMITER ;
CALL as_root();
CALL as_sys();
SHUTDOWN;
-- Dump completed on 2026-01-01  0:00:00
