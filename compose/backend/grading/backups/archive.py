"""The file of `manage.py backup`: a tar archive, read and written as a stream.

  header.json      what it is and where it is from, so that a foreign one is refused at once
  globals.sql      the cluster's roles, from pg_dumpall
  database.dump    from pg_dump, custom format
  media/…          the media store, an entry each
  manifest.json    the header again, with the digest of each part and the rows of each table
  manifest.sha256  of the manifest. It comes last: without it the archive is not complete

Standard tools restore it without this module: tar, pg_restore and psql."""

import errno
import hashlib
import io
import json
import tarfile
import tempfile
import time

from . import BackupError, media
from .tree import Refused

FORMAT = "korrigo-backup"
VERSION = 1
ENCRYPTED = "decrypt it first, with the key that is kept apart; if it was never encrypted, use another backup"
DAMAGED = "copy it again from where it was taken, or use another backup"
MANIFEST_BYTES_MAX = 64 * 1024 * 1024


# --- Writing ----------------------------------------------------------------------


class Writer:
    def __init__(self, stream, header):
        self._tar = tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT)
        self.manifest = {**header, "parts": {}}
        self._add("header.json", _json(header))

    def globals(self, text):
        self._part("globals.sql", io.BytesIO(text), len(text), hashlib.sha256(text).hexdigest())

    def dump(self, file):
        file.seek(0)
        digest, size = media.copy(file, None)
        file.seek(0)
        self._part("database.dump", file, size, digest)

    def media(self, root):
        self.manifest["parts"]["media"] = media.write(self._tar, root)

    def close(self, **facts):
        self.manifest.update(facts)
        text = _json(self.manifest)
        self._add("manifest.json", text)
        self._add("manifest.sha256", hashlib.sha256(text).hexdigest().encode())
        self._tar.close()

    def _part(self, name, source, size, digest):
        self.manifest["parts"][name] = {"size_bytes": size, "sha256": digest}
        self._member(name, source, size)

    def _add(self, name, content):
        self._member(name, io.BytesIO(content), len(content))

    def _member(self, name, source, size):
        member = tarfile.TarInfo(name)
        member.mode, member.size, member.mtime = 0o600, size, int(time.time())
        self._tar.addfile(member, source)


def _json(value):
    return json.dumps(value, indent=1, sort_keys=True).encode()


# --- Reading ----------------------------------------------------------------------


class Contents:
    """What was read: verified in full, nothing restored yet."""

    def __init__(self):
        self.header = self.manifest = None
        self.globals = b""
        # A temporary file, if the database was to be kept.
        self.dump = None


def read(stream, accept, root=None, keep=True):
    """Reads an archive to its end and verifies it. `accept` judges the header before anything
    else is read. With a root, the media is unpacked into its staging folder."""
    try:
        tar = tarfile.open(fileobj=stream, mode="r|")
    except tarfile.TarError as error:
        if str(error) == "empty file":
            raise BackupError("the backup is empty", DAMAGED) from None
        raise BackupError("the backup is encrypted, or damaged at its beginning", ENCRYPTED) from None
    try:
        with tar:
            return _Reading(tar, accept, root, keep).all()
    except (tarfile.TarError, EOFError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BackupError(f"the backup is damaged: {error}", DAMAGED) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = error.filename or "the media store or the temporary folder"
        raise BackupError(f"no room to unpack the backup: {where} is full", "free some space; nothing was changed") from None
    except Refused as fault:
        raise BackupError(f"the backup must not be restored: {fault}", "look where the file is from") from None


class _Reading:
    def __init__(self, tar, accept, root, keep):
        self.tar, self.accept, self.root, self.keep = tar, accept, root, keep
        self.contents = Contents()
        self.parts = {}
        self.store = None
        self.manifest_sha256 = self.stated_sha256 = None

    def all(self):
        for member in self.tar:
            if self.contents.header is None:
                self._header(member)
            elif member.name == media.PREFIX or member.name.startswith(f"{media.PREFIX}/"):
                self.store = self.store or media.Reader(self.root)
                self.store.take(self.tar, member)
            else:
                self._part(member)
        if self.stated_sha256 is None:
            raise BackupError("the backup is truncated or damaged: it has no end", DAMAGED)
        self._verify()
        return self.contents

    def _header(self, member):
        header = json.loads(self._text(member)) if member.name == "header.json" and member.isreg() else {}
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise BackupError("this is not a backup of `manage.py backup`", "look where the file is from")
        if header.get("version") != VERSION:
            raise BackupError(f"the backup has format version {header.get('version')}, this code reads {VERSION}",
                              "restore it with the version of the application that took it")
        self.accept(header)
        self.contents.header = header

    def _part(self, member):
        if not member.isreg() or member.name in self.parts:
            raise BackupError(f"the backup is damaged: unexpected {member.name!r}", DAMAGED)
        if member.name == "globals.sql":
            self.contents.globals = self._text(member)
            self._digest(member, hashlib.sha256(self.contents.globals).hexdigest())
        elif member.name == "database.dump":
            sink = self.contents.dump = tempfile.NamedTemporaryFile(prefix="restore-") if self.keep else None
            self._digest(member, media.copy(self.tar.extractfile(member), sink)[0])
            if sink:
                sink.flush()
        elif member.name == "manifest.json":
            text = self._text(member)
            self.manifest_sha256 = hashlib.sha256(text).hexdigest()
            self.contents.manifest = json.loads(text)
        elif member.name == "manifest.sha256":
            self.stated_sha256 = self._text(member).decode()
        else:
            raise BackupError(f"the backup is damaged: unexpected {member.name!r}", DAMAGED)

    def _digest(self, member, digest):
        self.parts[member.name] = {"size_bytes": member.size, "sha256": digest}

    def _text(self, member):
        if member.size > MANIFEST_BYTES_MAX:
            raise BackupError(f"the backup is damaged: {member.name!r} is absurdly large", DAMAGED)
        return self.tar.extractfile(member).read()

    def _verify(self):
        manifest = self.contents.manifest
        if self.manifest_sha256 != self.stated_sha256:
            raise BackupError("the backup is damaged: its manifest is not the one that was written", DAMAGED)
        if {name: manifest.get(name) for name in self.contents.header} != self.contents.header:
            raise BackupError("the backup is damaged: header and manifest differ", DAMAGED)
        if self.store:
            self.parts["media"] = self.store.finish()
        for name in sorted({*manifest["parts"], *self.parts}):
            if manifest["parts"].get(name) != self.parts.get(name):
                raise BackupError(f"the backup is damaged: {name} is not what was backed up", DAMAGED)
