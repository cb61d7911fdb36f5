//! The way back: a restore that is killed with SIGKILL in any phase is rolled back, and what must
//! not be restored is refused before anything changes. The proof is the fingerprint of both stores.

mod database;
mod django;
mod killing;
mod media;
mod physical;
mod refused;
mod small;
mod terminal;
mod v1;

/// Backs up, then changes the state in every way that a restore would change back: rows, a role's
/// setting, a role, files. The state after that is what every rollback must bring back.
const PREPARE: &str = r#"
docker compose stop backend celery celery-beat proxy
docker compose exec -T --user postgres db sh -c 'psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" "$POSTGRES_DB"' << 'SQL'
CREATE ROLE only_in_backup;
SQL
export BASE=$(scripts/backup_db.sh) MEDIA=$(scripts/backup_media.sh)
export ARCHIVE=$BACKUP_DIR/../then.tar NOW=$BACKUP_DIR/../now.tar
docker compose run --rm --no-deps -T backend python manage.py backup --output - > "$ARCHIVE"
docker compose exec -T --user postgres db sh -c 'psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" "$POSTGRES_DB"' << 'SQL'
DROP ROLE only_in_backup;
UPDATE grading_exam SET title = title || ' (later)';
DELETE FROM grading_annotation WHERE id % 3 = 0;
ALTER ROLE CURRENT_USER SET statement_timeout = '77s';
SQL
docker compose run --rm --no-deps -T --entrypoint sh backend -c 'cd /srv/media && find . -type f | sort | head -n 3 | xargs rm && echo later > later.txt'
docker compose run --rm --no-deps -T backend python manage.py backup --output - > "$NOW"
"#;

/// What an operator does after a restore that was killed. A session of it, or a container, may
/// live on for a moment.
fn until_recovered(recover: &str) -> String {
    format!("for attempt in $(seq 60); do if {recover}; then exit 0; fi; sleep 1; done; exit 1")
}
