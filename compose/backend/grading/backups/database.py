"""The database: pg_dump in its custom format and the cluster's roles, under one snapshot; and
the way back, into a new database that takes the place of the old one by renaming.

Names of databases that are this module's own, NAME being the application's:
  NAME_restoring   what is being restored
  NAME_replaced    what was live; the restore is decided, and this is to be dropped"""

import os
import re
import subprocess
import tempfile
from contextlib import contextmanager

import psycopg
from psycopg import sql

from . import BackupError

# One number for all: who restores is alone, who backs up is not beside a restore.
LOCK = 0x4B4F5252
JOBS_MAX = 4
SWAP_ATTEMPTS = 5
TOOL_ENDS_MS = 10_000
# What the sessions of these commands are called.
SESSIONS = "korrigo backup"
# The comment of a role that a restore has created and not decided on yet.
UNDECIDED = "created by a restore that is not complete"

TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE (c.relkind = 'r' OR c.relkind = 'm' AND c.relispopulated) AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 ORDER BY 1, 2"""


class Server:
    """The server that the application's settings name."""

    def __init__(self, settings):
        self.name = settings["NAME"]
        self._settings = settings

    def connect(self, name=None, **options):
        given = self._settings
        try:
            return psycopg.connect(
                host=given["HOST"], port=given["PORT"], user=given["USER"], password=given["PASSWORD"],
                dbname=name or self.name, connect_timeout=10, application_name=SESSIONS, **options,
            )
        except psycopg.OperationalError as error:
            raise BackupError(f"cannot reach database {name or self.name!r}: {error}".strip(), "is service db up?") from None

    def maintain(self):
        """A session outside the application's database, which comes and goes."""
        return self.connect("template1" if self.name == "postgres" else "postgres", autocommit=True)

    def run(self, program, *arguments, database=None, **options):
        """One of PostgreSQL's tools. The password goes through the environment."""
        given = self._settings
        environment = {
            **os.environ, "PGHOST": given["HOST"], "PGPORT": str(given["PORT"]), "PGUSER": given["USER"],
            "PGPASSWORD": given["PASSWORD"], "PGDATABASE": database or self.name, "PGAPPNAME": SESSIONS,
        }
        done = subprocess.run([program, *arguments], env=environment, stderr=subprocess.PIPE, check=False, **options)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise BackupError(f"{program} failed: {' '.join(said[:4]) or f'exit code {done.returncode}'}")
        return done.stdout

    def psql(self, script):
        with self.maintain() as session:
            database = session.info.dbname
        options = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1")
        self.run("psql", *options, database=database, input=script.encode(), stdout=subprocess.DEVNULL)


@contextmanager
def lock(server, shared=False):
    """Keeps restores alone, for as long as the session lives that this gives."""
    with server.maintain() as session:
        function = "pg_try_advisory_lock_shared" if shared else "pg_try_advisory_lock"
        if not session.execute(f"SELECT {function}({LOCK})").fetchone()[0]:
            raise BackupError("another backup or restore is at work on this server", "wait for it")
        yield session


def major_of(session):
    return session.info.server_version // 10000


def exists(session, name):
    return session.execute("SELECT EXISTS (SELECT FROM pg_database WHERE datname = %s)", [name]).fetchone()[0]


# --- Taking it --------------------------------------------------------------------


class Taken:
    """A dump and the roles, in temporary files, with what the dump's snapshot saw."""

    def __init__(self, server):
        with server.connect() as session:
            session.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            session.read_only = True
            snapshot = session.execute("SELECT pg_export_snapshot()").fetchone()[0]
            self.major = major_of(session)
            self.migrations = migrations_in(session)
            self.counts = counts_in(session)
            self.counts["database_bytes"] = session.execute("SELECT pg_database_size(current_database())").fetchone()[0]
            self.globals = server.run("pg_dumpall", "--globals-only", f"--database={server.name}", stdout=subprocess.PIPE)
            if re.search(rb"^CREATE TABLESPACE", self.globals, re.MULTILINE):
                raise BackupError("the cluster has tablespaces, which this method does not carry", "use a physical backup")
            self.dump = tempfile.NamedTemporaryFile(prefix="backup-")
            server.run("pg_dump", "--format=custom", f"--snapshot={snapshot}", stdout=self.dump)


def migrations_in(session):
    """Applied migrations by application; nothing where Django never was."""
    if session.execute("SELECT to_regclass('public.django_migrations')").fetchone()[0] is None:
        return {}
    found = {}
    for app, name in session.execute("SELECT app, name FROM public.django_migrations ORDER BY app, name"):
        found.setdefault(app, []).append(name)
    return found


def counts_in(session):
    """Rows of each table, and large objects."""
    rows = {}
    for schema, table in session.execute(TABLES).fetchall():
        query = sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(schema, table))
        rows[f"{schema}.{table}"] = session.execute(query).fetchone()[0]
    objects = session.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchone()[0]
    return {"rows": rows, "large_objects": objects}


# --- The way back -----------------------------------------------------------------


class Restoring:
    """A dump on its way into a database of its own."""

    def __init__(self, server, session, dump, roles):
        self.server, self.session = server, session
        self.dump, self.roles = dump, roles.decode()
        self.name, self.replaced = f"{server.name}_restoring", f"{server.name}_replaced"
        self.created_roles = []
        self.properties = ""

    def require_room(self, manifest):
        """Both states are there for a while, and the WAL of what is restored."""
        size = manifest.get("database_bytes") or manifest["parts"]["database.dump"]["size_bytes"]
        setting = "SELECT pg_size_bytes(current_setting('max_wal_size'))"
        needs = size + min(size, self.session.execute(setting).fetchone()[0])
        free = free_bytes(self.session)
        if free is not None and free <= needs:
            raise BackupError(f"the database's volume has {free} bytes left, the backup needs {needs}", "free some space")

    def fill(self):
        """Restores everything into the new database. The live one is not touched."""
        creation, self.properties = self._database_entries()
        if not exists(self.session, self.server.name):
            # So that there is always one to replace: by its name a decided restore is known.
            self.session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.server.name)))
        self._create_roles()
        self.server.psql(creation)
        jobs = str(min(JOBS_MAX, os.cpu_count() or 1))
        self.server.run(
            "pg_restore", "--exit-on-error", f"--jobs={jobs}", f"--dbname={self.name}", self.dump, database=self.name
        )

    def verify(self, counts):
        """Holds the new database against what the backup's snapshot saw."""
        with self.server.connect(self.name) as session:
            found = counts_in(session)
        wrong = [
            f"{table}: {found['rows'].get(table, 'no table')} instead of {counts['rows'].get(table, 'no table')} rows"
            for table in sorted({*counts["rows"], *found["rows"]})
            if counts["rows"].get(table) != found["rows"].get(table)
        ]
        if found["large_objects"] != counts["large_objects"]:
            wrong.append(f"{found['large_objects']} instead of {counts['large_objects']} large objects")
        if wrong:
            raise BackupError(f"the restored database is not the one that was backed up: {'; '.join(wrong[:5])}")

    def swap(self):
        """Puts the new database into the place of the live one: in one transaction, with the
        properties of the database and all that the backup knows about roles."""
        script = "\n".join([
            "BEGIN;",
            *(f"COMMENT ON ROLE {role} IS NULL;" for role in self.created_roles),
            self._settled_roles(),
            f"ALTER DATABASE {_name(self.server.name)} RENAME TO {_name(self.replaced)};",
            f"ALTER DATABASE {_name(self.name)} RENAME TO {_name(self.server.name)};",
            self.properties,
            "COMMIT;",
        ])
        for attempt in range(1, SWAP_ATTEMPTS + 1):
            end_sessions(self.session, self.server.name, self.name)
            try:
                self.server.psql(script)
                return
            except BackupError:
                # Somebody signed in between; the transaction undid everything.
                if attempt == SWAP_ATTEMPTS:
                    raise

    def is_decided(self):
        return exists(self.session, self.replaced)

    def abandon(self):
        drop(self.session, self.name)
        drop_undecided_roles(self.session)

    def settle(self):
        drop(self.session, self.replaced)

    def _database_entries(self):
        """The statement that creates the new database, and those for its properties, which
        name the database and so wait until it has its name."""
        listing = self.server.run("pg_restore", "--list", self.dump, stdout=subprocess.PIPE).decode()
        wanted = r"^\d+; \d+ \d+ (DATABASE|DATABASE PROPERTIES|(ACL|COMMENT|SECURITY LABEL) - DATABASE) "
        entries = [line for line in listing.splitlines() if re.match(wanted, line)]
        with tempfile.NamedTemporaryFile("w", prefix="restore-") as chosen:
            chosen.write("\n".join(entries))
            chosen.flush()
            script = self.server.run(
                "pg_restore", "--create", f"--use-list={chosen.name}", "--file=-", self.dump, stdout=subprocess.PIPE
            ).decode()
        lines = script.splitlines()
        create = [line for line in lines if line.startswith("CREATE DATABASE ")]
        name = re.match(r'CREATE DATABASE ((?:"(?:[^"]|"")+")|\S+) ', create[0] if len(create) == 1 else "")
        if not name or name[1] not in (self.server.name, _name(self.server.name)):
            raise BackupError("the dump is of a database of another name", "is it a backup of this application?")
        creation = create[0].replace(name[0], f"CREATE DATABASE {_name(self.name)} ", 1)
        kept = [line for line in lines if line != create[0] and not re.match(r"\\(connect|restrict|unrestrict) ", line)]
        return creation, "\n".join(kept)

    def _create_roles(self):
        """Roles that the cluster does not have, bare: owners and grants need them. What they
        are allowed follows with the swap."""
        there = {row[0] for row in self.session.execute("SELECT quote_ident(rolname) FROM pg_roles")}
        for role in re.findall(r"^CREATE ROLE (.*);$", self.roles, re.MULTILINE):
            if role not in there:
                # Both at once: whoever recovers knows it by its comment.
                with self.session.transaction():
                    self.session.execute(f"CREATE ROLE {role}")
                    self.session.execute(f"COMMENT ON ROLE {role} IS '{UNDECIDED}'")
                self.created_roles.append(role)

    def _settled_roles(self):
        """A role that is there must not keep a setting that the backup does not know."""
        return re.sub(r"^CREATE ROLE (.*);$", r"ALTER ROLE \1 RESET ALL;", self.roles, flags=re.MULTILINE)


def recover(server, session):
    """Removes what an interrupted restore left. Whether its swap was decided."""
    if exists(session, f"{server.name}_before_restore"):
        raise BackupError("a restore by restore_db.sh was interrupted", "finish it first: scripts/restore_db.sh --recover")
    end_tools(session)
    drop(session, f"{server.name}_restoring")
    drop_undecided_roles(session)
    return exists(session, f"{server.name}_replaced")


def is_interrupted(server, session):
    """Whether a restore, by this command or by restore_db.sh, has left something."""
    names = (f"{server.name}_{it}" for it in ("restoring", "replaced", "before_restore"))
    return any(exists(session, name) for name in names) or bool(undecided_roles(session))


def end_tools(session):
    """What a restore that was killed has begun may go on for a moment: pg_restore, or the
    swap itself. Nobody else is there, as the lock is held."""
    ending = "SELECT count(pg_terminate_backend(pid, %s)) FROM pg_stat_activity WHERE application_name = %s AND pid <> pg_backend_pid()"
    session.execute(ending, [TOOL_ENDS_MS, SESSIONS])


def undecided_roles(session):
    named = "SELECT quote_ident(rolname) FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = %s"
    return [row[0] for row in session.execute(named, [UNDECIDED])]


def drop_undecided_roles(session):
    for role in undecided_roles(session):
        session.execute(f"DROP ROLE {role}")


def free_bytes(session):
    """What is left where the server keeps its files, or None where this role may not ask."""
    try:
        with session.transaction():
            session.execute("CREATE TEMPORARY TABLE room (line text) ON COMMIT DROP")
            # A server process is in its data folder.
            session.execute("COPY room FROM PROGRAM 'df --output=avail --block-size=1 .'")
            return session.execute("SELECT max(line::bigint) FROM room WHERE line !~ '[a-zA-Z]'").fetchone()[0]
    except psycopg.errors.DiskFull:
        return 0
    except psycopg.Error:
        return None


def end_sessions(session, *names):
    session.execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = ANY(%s)", [list(names)])


def drop(session, name):
    session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _name(name):
    return '"' + name.replace('"', '""') + '"'
