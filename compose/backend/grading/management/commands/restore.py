"""Restores what `manage.py backup` took: all of it, or nothing."""

import sys
from contextlib import contextmanager

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from grading.backups import BackupError, archive, database, media, origin
from grading.backups.ending import on_sigterm


class Command(BaseCommand):
    help = (
        "Restores a backup of `manage.py backup`: database and media, whichever it holds, in place of "
        "what is there now. Verifies all of it first; if anything fails, the state before stays. Stop "
        "the other services meanwhile: whoever is signed in to the database is thrown out."
    )
    # Before a restore there may be no table and no file.
    requires_system_checks = []

    def add_arguments(self, parser):
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--input", metavar="FILE|-", help="a file, or - for standard input")
        what.add_argument("--recover", action="store_true", help="after a restore that was killed: clean up, and nothing else")
        parser.add_argument("--dry-run", action="store_true", help="verify everything, say what would be done, change nothing")
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
        parser.add_argument("--from-stack", default="", metavar="NAME", help="accept a backup of another stack, by name")

    def handle(self, **options):
        on_sigterm()
        try:
            self._handle(**options)
        except (BackupError, OSError, psycopg.Error) as error:
            raise CommandError(f"{error}".strip()) from None

    def _handle(self, *, input, recover, dry_run, yes, from_stack, **_):
        self.root = settings.MEDIA_ROOT
        self.server = database.Server(settings.DATABASES["default"])
        if not (recover or dry_run or yes) and (input == "-" or not sys.stdin.isatty()):
            raise BackupError("this needs a terminal to ask for confirmation, or --yes")
        with database.lock(self.server) as self.session, media.alone(self.root):
            if dry_run:
                self._say_interrupted()
            else:
                self._recover()
            if recover:
                return
            judge = origin.judge(database.major_of(self.session), from_stack)
            with sys.stdin.buffer if input == "-" else open(input, "rb") as stream:
                if dry_run:
                    contents = archive.read(stream, judge, keep=False)
                    self._say("intact; would replace everything by", contents)
                    return
                with self._undone_on_failure(None):
                    contents = archive.read(stream, judge, root=self.root)
            with self._undone_on_failure(None):
                self._confirm(yes, contents)
            self._restore(contents)
            self._say("restored", contents)

    def _restore(self, contents):
        has_media = "media" in contents.manifest["parts"]
        restoring = None
        if contents.dump:
            restoring = database.Restoring(self.server, self.session, contents.dump.name, contents.globals)
        with self._undone_on_failure(restoring):
            if restoring:
                restoring.require_room(contents.manifest)
                restoring.fill()
                restoring.verify(contents.manifest)
            if has_media:
                media.swap(self.root)
            if restoring:
                restoring.swap()
            elif has_media:
                media.decide(self.root)
        # Decided: from here on, whatever is interrupted is completed by the next run.
        if restoring:
            if has_media:
                media.decide(self.root)
            restoring.settle()
        if has_media:
            media.settle(self.root)

    @contextmanager
    def _undone_on_failure(self, restoring):
        try:
            yield
        except BaseException:
            # Told to stop in the moment after the swap: too late to go back.
            if restoring and restoring.is_decided():
                self._recover()
            else:
                media.undo(self.root)
                if restoring:
                    restoring.abandon()
            raise

    def _recover(self):
        left = media.leftovers(self.root)
        if left and media.is_by_script(self.root):
            raise BackupError("a restore by restore_media.sh was interrupted", "finish it first: scripts/restore_media.sh --recover")
        decided = database.recover(self.server, self.session)
        if decided or media.is_decided(self.root):
            if "before" in left:
                media.decide(self.root)
            media.settle(self.root)
            database.drop(self.session, f"{self.server.name}_replaced")
            self._note("a restore was interrupted after it was decided: completed")
        elif left:
            media.undo(self.root)
            self._note("a restore was interrupted: the state before it is back")

    def _say_interrupted(self):
        if media.leftovers(self.root) or database.is_interrupted(self.server, self.session):
            self._note("a restore was interrupted; the next one cleans up first")

    def _confirm(self, yes, contents):
        others = self.session.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [self.server.name]
        ).fetchone()[0]
        if contents.dump and others:
            self._note(f"⚠️  {others} sessions are signed in to the database and will be ended")
        if not yes:
            self._say("⚠️  everything will be replaced by", contents)
            if input('Type "yes" to go on: ') != "yes":
                raise BackupError("nothing was changed")

    def _say(self, what, contents):
        manifest, words = contents.manifest, []
        if "rows" in manifest:
            words.append(f"{sum(manifest['rows'].values())} rows in {len(manifest['rows'])} tables")
            words.append(f"{manifest['large_objects']} large objects")
        if "media" in manifest["parts"]:
            words.append(f"{manifest['parts']['media']['files']} files")
        self._note(f"{what} {', '.join(words)}, taken {manifest['taken_at']} from {manifest['stack']}")
        if manifest["migrations"] is not None and (pending := origin.pending(manifest)):
            self._note(f"the backup is older than this code: {pending} migrations follow when the backend starts")

    def _note(self, text):
        self.stderr.write(f"restore: {text}", lambda it: it)
