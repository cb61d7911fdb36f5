"""What the models cannot say: everything here is invisible to Django, and is
therefore what a naive backup loses first."""

from django.db import migrations

SEQUENCE = """
CREATE SEQUENCE grading_anonymat_seq AS bigint START WITH 100001;
COMMENT ON SEQUENCE grading_anonymat_seq IS
    'Numbers of anonymous copies. Owned by no column, so that a number is never reused.';
"""

POINTS = """
CREATE DOMAIN grading_points AS numeric(6,3)
    CONSTRAINT grading_points_not_negative CHECK (VALUE >= 0);
ALTER TABLE grading_score ALTER COLUMN points TYPE grading_points;
ALTER TABLE grading_score ADD COLUMN points_centi integer
    GENERATED ALWAYS AS (round(points * 100)::integer) STORED;
"""
POINTS_REVERSE = """
ALTER TABLE grading_score DROP COLUMN points_centi;
ALTER TABLE grading_score ALTER COLUMN points TYPE numeric(6,3);
DROP DOMAIN grading_points;
"""

AUDIT_LOG = """
CREATE TYPE grading_audit_action AS ENUM ('login', 'upload', 'download', 'annotate', 'status');
CREATE TABLE grading_auditlog (
    id bigserial,
    action grading_audit_action NOT NULL,
    -- No foreign key: the log outlives the accounts it names.
    actor_id integer,
    object_type text NOT NULL,
    object_id text NOT NULL,
    address inet,
    detail jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE grading_auditlog_2024 PARTITION OF grading_auditlog
    FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2025-01-01 00:00:00+00');
CREATE TABLE grading_auditlog_2025 PARTITION OF grading_auditlog
    FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2026-01-01 00:00:00+00');
CREATE TABLE grading_auditlog_2026 PARTITION OF grading_auditlog
    FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');
CREATE TABLE grading_auditlog_2027 PARTITION OF grading_auditlog
    FOR VALUES FROM ('2027-01-01 00:00:00+00') TO ('2028-01-01 00:00:00+00');
CREATE TABLE grading_auditlog_default PARTITION OF grading_auditlog DEFAULT;
CREATE INDEX grading_auditlog_object ON grading_auditlog (object_type, object_id);
CREATE INDEX grading_auditlog_created ON grading_auditlog USING brin (created_at);
COMMENT ON TABLE grading_auditlog IS 'Append-only. One partition a year; the default one must stay empty.';
"""
AUDIT_LOG_REVERSE = """
DROP TABLE grading_auditlog;
DROP TYPE grading_audit_action;
"""

# In the database rather than in the API, so that the admin, a task and psql
# cannot change a status without leaving a trace.
STATUS_TRIGGER = """
CREATE FUNCTION grading_log_copy_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Qualified: a restore runs with an empty search path.
    INSERT INTO public.grading_auditlog (action, object_type, object_id, detail)
    VALUES ('status', 'copy', NEW.id::text,
            jsonb_build_object('from', OLD.status, 'to', NEW.status));
    RETURN NULL;
END
$$;
CREATE TRIGGER grading_copy_status_logged
    AFTER UPDATE OF status ON grading_copy
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION grading_log_copy_status();
"""
STATUS_TRIGGER_REVERSE = """
DROP TRIGGER grading_copy_status_logged ON grading_copy;
DROP FUNCTION grading_log_copy_status();
"""

# Without it, deleting an archive row would orphan its large object.
LARGE_OBJECT = """
CREATE EXTENSION IF NOT EXISTS lo;
CREATE TRIGGER grading_exam_archive_unlink
    BEFORE UPDATE OF subject_oid OR DELETE ON grading_exam_archive
    FOR EACH ROW EXECUTE FUNCTION lo_manage(subject_oid);
"""
LARGE_OBJECT_REVERSE = """
DROP TRIGGER grading_exam_archive_unlink ON grading_exam_archive;
"""

VIEWS = """
CREATE VIEW grading_exam_results AS
    SELECT c.exam_id,
           e.title AS exam_title,
           c.id AS copy_id,
           c.anonymat,
           c.student_id,
           c.status,
           count(s.id) AS questions_graded,
           coalesce(sum(s.points), 0)::numeric(9,3) AS points,
           (coalesce(sum(s.points_centi), 0) * e.coefficient)::numeric(14,2) AS weighted_centi
      FROM grading_copy c
      JOIN grading_exam e ON e.id = c.exam_id
      LEFT JOIN grading_score s ON s.copy_id = c.id
     GROUP BY c.id, e.id;
COMMENT ON VIEW grading_exam_results IS 'One line a copy: its total over all graded questions.';

CREATE SCHEMA reporting;
CREATE MATERIALIZED VIEW reporting.exam_statistics AS
    SELECT exam_id,
           count(*) AS copies,
           count(*) FILTER (WHERE status = 'finalised') AS finalised,
           avg(points)::numeric(9,3) AS mean_points,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY points) AS median_points
      FROM grading_exam_results
     GROUP BY exam_id;
-- Needed by REFRESH … CONCURRENTLY (grading.tasks.refresh_statistics).
CREATE UNIQUE INDEX exam_statistics_exam ON reporting.exam_statistics (exam_id);
"""
VIEWS_REVERSE = """
DROP MATERIALIZED VIEW reporting.exam_statistics;
DROP SCHEMA reporting;
DROP VIEW grading_exam_results;
"""

# A role belongs to the cluster, not to the database: after a restore it may be
# there already, hence the guard; and the reverse leaves it to the other databases.
READER = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'korrigo_reader') THEN
        CREATE ROLE korrigo_reader NOLOGIN;
    END IF;
END
$$;
GRANT USAGE ON SCHEMA reporting TO korrigo_reader;
GRANT SELECT ON grading_exam, grading_exam_results, reporting.exam_statistics TO korrigo_reader;
GRANT SELECT (id, last_name, first_name, class_name) ON grading_student TO korrigo_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA reporting GRANT SELECT ON TABLES TO korrigo_reader;
"""
READER_REVERSE = """
ALTER DEFAULT PRIVILEGES IN SCHEMA reporting REVOKE SELECT ON TABLES FROM korrigo_reader;
REVOKE SELECT (id, last_name, first_name, class_name) ON grading_student FROM korrigo_reader;
REVOKE SELECT ON grading_exam, grading_exam_results, reporting.exam_statistics FROM korrigo_reader;
REVOKE USAGE ON SCHEMA reporting FROM korrigo_reader;
"""

COMMENTS = """
COMMENT ON TABLE grading_copy IS 'A scanned exam copy; its PDF is on the media volume, at the path in file.';
COMMENT ON COLUMN grading_copy.sha256 IS 'Of the PDF as stored, hexadecimal; null until inspected.';
"""
COMMENTS_REVERSE = """
COMMENT ON COLUMN grading_copy.sha256 IS NULL;
COMMENT ON TABLE grading_copy IS NULL;
"""


class Migration(migrations.Migration):

    dependencies = [("grading", "0001_schema")]

    operations = [
        migrations.RunSQL(SEQUENCE, "DROP SEQUENCE grading_anonymat_seq"),
        migrations.RunSQL(POINTS, POINTS_REVERSE),
        migrations.RunSQL(AUDIT_LOG, AUDIT_LOG_REVERSE),
        migrations.RunSQL(STATUS_TRIGGER, STATUS_TRIGGER_REVERSE),
        migrations.RunSQL(LARGE_OBJECT, LARGE_OBJECT_REVERSE),
        migrations.RunSQL(VIEWS, VIEWS_REVERSE),
        migrations.RunSQL(READER, READER_REVERSE),
        migrations.RunSQL(COMMENTS, COMMENTS_REVERSE),
    ]
