CREATE SCHEMA reporting;
CREATE VIEW reporting.today AS SELECT current_date AS day;
