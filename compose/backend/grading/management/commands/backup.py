"""Backs up database and media into one tar archive; grading/backups says what is in it."""

import os
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from grading.backups import BackupError, archive, database, media, origin
from grading.backups.ending import on_sigterm


class Command(BaseCommand):
    help = "Backs up the database, roles included, and the media store into one tar archive."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--output", required=True, metavar="DIR|FILE|-", help="a folder, a file, or - for standard output")
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--database-only", action="store_true", help="leave the media store out")
        only.add_argument("--media-only", action="store_true", help="leave the database out")

    def handle(self, *, output, database_only, media_only, **_):
        on_sigterm()
        try:
            if output == "-":
                if sys.stdout.isatty():
                    raise BackupError("standard output is a terminal", "redirect it into a file")
                self._take(sys.stdout.buffer, database_only, media_only)
                sys.stdout.buffer.flush()
            else:
                self._write(output, database_only, media_only)
        except (BackupError, OSError, psycopg.Error) as error:
            raise CommandError(f"{error}".strip()) from None

    def _write(self, output, database_only, media_only):
        """The file has its name only once it is complete and verified."""
        path = Path(output)
        if path.is_dir() or output.endswith("/"):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path /= f"korrigo-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}.tar"
        if path.exists():
            raise BackupError(f"{path} exists", "name another file")
        # Readable by its owner only, as mkstemp makes it.
        handle, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(handle, "w+b") as file:
                self._take(file, database_only, media_only)
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                archive.read(file, lambda header: None, keep=False)
            os.rename(unfinished, path)
        except BaseException:
            os.unlink(unfinished)
            raise
        print(path)

    def _take(self, stream, database_only, media_only):
        server = database.Server(settings.DATABASES["default"])
        with database.lock(server, shared=True) as session:
            if media.leftovers(settings.MEDIA_ROOT) or database.is_interrupted(server, session):
                raise BackupError("a restore was interrupted: the state may be half restored", "finish it: manage.py restore --recover")
            # The database first: what its rows name is then in the media.
            taken = None if media_only else database.Taken(server)
            writer = archive.Writer(stream, origin.describe(taken, database.major_of(session)))
            if taken:
                writer.globals(taken.globals)
                writer.dump(taken.dump)
            if not database_only:
                writer.media(settings.MEDIA_ROOT)
            writer.close(**(taken.counts if taken else {}))
        self._say(writer.manifest)

    def _say(self, manifest):
        parts = manifest["parts"]
        words = [f"{sum(manifest['rows'].values())} rows, {manifest['large_objects']} large objects"] if "rows" in manifest else []
        words += [f"{parts['media']['files']} files"] if "media" in parts else []
        size = sum(part["size_bytes"] for part in parts.values())
        self.stderr.write(f"backup: {', '.join(words)}, {size} bytes, stack {manifest['stack']}", self.style.SUCCESS)
