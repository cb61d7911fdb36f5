"""What a backup says of where it is from, and whether this stack may restore it."""

from datetime import datetime, timezone

from django.conf import settings
from django.db.migrations.loader import MigrationLoader

from . import BackupError, archive


def describe(taken=None, major=None):
    """The header of a backup of this stack."""
    return {
        "format": archive.FORMAT,
        "version": archive.VERSION,
        "stack": settings.BACKUP_STACK,
        "taken_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "postgresql_major": major,
        "migrations": taken.migrations if taken else None,
    }


def judge(major, from_stack=""):
    """A judge of headers, for archive.read."""

    def accept(header):
        if header.get("stack") not in (settings.BACKUP_STACK, from_stack):
            raise BackupError(
                f'the backup is of another stack: it was taken from "{header.get("stack")}", this is "{settings.BACKUP_STACK}"',
                f"if that is what you want, name it: --from-stack '{header.get('stack')}'",
            )
        if header.get("migrations") is None:
            return
        if header.get("postgresql_major") != major:
            raise BackupError(
                f"the backup is of PostgreSQL {header.get('postgresql_major')}, this stack runs {major}",
                f"restore it into a stack that runs {header.get('postgresql_major')}, and upgrade from there",
            )
        unknown = sorted(_applied(header) - known_migrations())
        if unknown:
            raise BackupError(
                f"the backup has a newer schema than this code: it does not know {', '.join('.'.join(it) for it in unknown[:5])}",
                "deploy the version of the application that took the backup, and restore with it",
            )

    return accept


def pending(header):
    """Migrations of this code that the backup does not have."""
    installed = known_migrations()
    return len(installed - _applied(header))


def known_migrations():
    return set(MigrationLoader(None).disk_migrations)


def _applied(header):
    return {(app, name) for app, names in header["migrations"].items() for name in names}
