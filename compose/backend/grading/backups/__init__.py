"""Backup and restore of the database and the media store: `manage.py backup`, `restore`.

archive.py   the file: a header, the parts, a manifest at the end
database.py  pg_dump and pg_restore; a new database takes the place of the old by renaming
media.py     the media store as members of the archive; a staged store takes its place
place.py     the same for the archives of restore_media.sh
tree.py      what an archive may put into a store"""


class BackupError(Exception):
    """What went wrong, and what to do next. Nothing of the live state was changed."""

    def __init__(self, what, hint=""):
        super().__init__(f"{what}\nhint: {hint}" if hint else what)
