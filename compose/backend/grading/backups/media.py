"""The media store: written as members of a tar archive, read back into a staging folder of
the same volume, which then takes the place of the live entries by renaming.

Names in the store's root that start with .restore- are this module's own:
  .restore-apart     where the next is made
  .restore-staging   what is being restored
  .restore-leaving   live entries, while they are being moved away
  .restore-before    all that was live; the root now holds what was restored
  .restore-done      the same, once the restore is decided: to be deleted
  .restore-root      words: the dates of the root, before all this and as it is to be; "script"
                     if restore_media.sh restores; "decided" once it is only cleaned up"""

import fcntl
import hashlib
import json
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

from . import BackupError
from .tree import Judge

PREFIX = "media"
OWN = ".restore-"
LEFT_ALONE = {"lost+found"}
SPOOL_BYTES = 64 * 1024 * 1024
READ_BYTES = 1024 * 1024
ATTEMPTS = 3
FLUSH_EVERY_S = 0.5
# The others say where a file lies, not what it is.
XATTRS = ("user.", "system.posix_acl_", "security.capability")


class Listing:
    """Counts and digests of all entries, the same when they are written and when they are read."""

    def __init__(self):
        self.entries = self.files = self.bytes = 0
        self._digest = hashlib.sha256()

    def add(self, path, member, content):
        self.entries += 1
        if content is not None:
            self.files += 1
            self.bytes += member.size
        facts = [path, member.type.decode(), member.mode, member.uid, member.gid, _mtime_ns(member)]
        facts += [member.linkname, content, sorted(_xattrs_of(member).items())]
        self._digest.update(json.dumps(facts).encode() + b"\n")

    def facts(self):
        return {
            "entries": self.entries,
            "files": self.files,
            "size_bytes": self.bytes,
            "sha256": self._digest.hexdigest(),
        }


def _mtime_ns(member):
    """To the nanosecond, which the float of tarfile cannot hold."""
    seconds, _, fraction = member.pax_headers.get("mtime", str(int(member.mtime))).partition(".")
    return int(seconds) * 10**9 + int((fraction + "0" * 9)[:9])


def _xattrs_of(member):
    prefix = "SCHILY.xattr."
    return {name[len(prefix) :]: value for name, value in member.pax_headers.items() if name.startswith(prefix)}


# --- Writing ----------------------------------------------------------------------


def write(archive, root):
    """Adds the store to an open archive, and gives back its facts."""
    writer = _Writer(archive, os.fspath(root))
    writer.folder("", os.lstat(root))
    return writer.listing.facts()


class _Writer:
    def __init__(self, archive, root):
        self.archive, self.root = archive, root
        self.listing = Listing()
        self.linked = {}

    def folder(self, path, seen):
        self._add(path, seen, tarfile.DIRTYPE)
        try:
            names = sorted(os.listdir(self._real(path)))
        except FileNotFoundError:
            return
        for name in names:
            if not path and (name.startswith(OWN) or name in LEFT_ALONE):
                continue
            inner = f"{path}/{name}" if path else name
            try:
                self._entry(inner, os.lstat(self._real(inner)))
            except FileNotFoundError:
                # Deleted since the folder was read.
                continue

    def _real(self, path):
        return f"{self.root}/{path}" if path else self.root

    def _entry(self, path, seen):
        mode = seen.st_mode
        if stat.S_ISDIR(mode):
            self.folder(path, seen)
        elif stat.S_ISLNK(mode):
            self._add(path, seen, tarfile.SYMTYPE, link=os.readlink(self._real(path)))
        elif stat.S_ISREG(mode):
            first = self.linked.get((seen.st_dev, seen.st_ino))
            if first:
                self._add(path, seen, tarfile.LNKTYPE, link=f"{PREFIX}/{first}")
            else:
                self._file(path)
        elif not stat.S_ISSOCK(mode):
            raise BackupError(f"{path!r} is neither a file, nor a folder, nor a link", "remove it from the store")

    def _file(self, path):
        for _ in range(ATTEMPTS):
            with open(self._real(path), "rb") as source, tempfile.SpooledTemporaryFile(SPOOL_BYTES) as held:
                before = os.fstat(source.fileno())
                digest, size = copy(source, held)
                after = os.fstat(source.fileno())
                facts = [(s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in (before, after)]
                if facts[0] == facts[1] and size == after.st_size:
                    held.seek(0)
                    self._add(path, after, tarfile.REGTYPE, content=(held, digest))
                    if after.st_nlink > 1:
                        self.linked[after.st_dev, after.st_ino] = path
                    return
        raise BackupError(f"{path!r} changes while it is read", "take the backup again, or stop the application meanwhile")

    def _add(self, path, seen, kind, link="", content=None):
        self._require_restorable(path, seen)
        member = tarfile.TarInfo(f"{PREFIX}/{path}" if path else PREFIX)
        member.type, member.linkname = kind, link
        member.mode, member.uid, member.gid = stat.S_IMODE(seen.st_mode), seen.st_uid, seen.st_gid
        member.mtime = seen.st_mtime_ns // 10**9
        member.pax_headers = {"mtime": f"{member.mtime}.{seen.st_mtime_ns % 10**9:09}"}
        if kind in (tarfile.REGTYPE, tarfile.DIRTYPE):
            real = self._real(path)
            for name in os.listxattr(real):
                if name.startswith(XATTRS):
                    value = os.getxattr(real, name).decode(errors="surrogateescape")
                    member.pax_headers[f"SCHILY.xattr.{name}"] = value
        source, digest = content or (None, None)
        member.size = seen.st_size if content else 0
        self.archive.addfile(member, source)
        self.listing.add(path, member, digest)

    @staticmethod
    def _require_restorable(path, seen):
        me = os.geteuid()
        if me and (seen.st_uid != me or seen.st_gid not in {os.getegid(), *os.getgroups()}):
            raise BackupError(
                f"{path or 'the store'!r} belongs to {seen.st_uid}:{seen.st_gid}: this user, {me}, could not restore it",
                f"give it to the application (chown {me}:{os.getegid()}), or use scripts/backup_media.sh",
            )


def copy(source, sink):
    digest, size = hashlib.sha256(), 0
    while block := source.read(READ_BYTES):
        digest.update(block)
        size += len(block)
        if sink:
            sink.write(block)
    return digest.hexdigest(), size


# --- Reading ----------------------------------------------------------------------


class Reader:
    """Takes the store's members in turn. With a root, unpacks them into its staging folder."""

    def __init__(self, root=None):
        self.staging = root and Path(root, f"{OWN}staging")
        self.judge, self.listing = Judge(), Listing()
        self.folders = []
        if self.staging:
            begin(root)

    def take(self, archive, member):
        member.name = member.name[len(PREFIX) :].lstrip("/")
        if member.islnk():
            member.linkname = member.linkname.removeprefix(f"{PREFIX}/")
        path = self.judge.admit(member)
        content = self._content(archive, member, path) if member.isreg() else None
        if self.staging and not member.isreg():
            self._create(member, path)
        if member.islnk():
            member.linkname = f"{PREFIX}/{member.linkname}"
        self.listing.add(path, member, content)

    def _content(self, archive, member, path):
        source = archive.extractfile(member)
        if not self.staging:
            digest, size = copy(source, None)
        else:
            with open(self.staging / path, "xb") as sink:
                digest, size = copy(source, sink)
            self._dress(self.staging / path, member)
        if size != member.size:
            raise BackupError(f"{path!r} is cut short", "use another backup")
        return digest

    def _create(self, member, path):
        real = self.staging / path
        if member.isdir():
            if path:
                real.mkdir(mode=0o700)
            self.folders.append((real, member))
        elif member.issym():
            real.symlink_to(member.linkname)
            self._dress(real, member)
        elif member.islnk():
            os.link(self.staging / member.linkname, real, follow_symlinks=False)

    @staticmethod
    def _dress(real, member):
        seen = real.lstat()
        if (seen.st_uid, seen.st_gid) != (member.uid, member.gid):
            os.chown(real, member.uid, member.gid, follow_symlinks=False)
        if not member.issym():
            for name, value in _xattrs_of(member).items():
                os.setxattr(real, name, value.encode(errors="surrogateescape"))
            os.chmod(real, member.mode)
        os.utime(real, ns=(_mtime_ns(member),) * 2, follow_symlinks=False)

    def finish(self):
        """All members were taken: judges the whole, and gives back its facts."""
        self.judge.finish()
        # The inner ones first: each changes the date of the one it is in.
        for real, member in reversed(self.folders):
            self._dress(real, member)
        if self.staging:
            os.sync()
        return self.listing.facts()


# --- Taking the place of the live store ---------------------------------------------


def _paths(root):
    return {name: Path(root, f"{OWN}{name}") for name in ("apart", "staging", "leaving", "before", "done", "root")}


def _live(root):
    return [entry for entry in Path(root).iterdir() if not entry.name.startswith(OWN) and entry.name not in LEFT_ALONE]


@contextmanager
def alone(root):
    """Keeps other restores away from the store."""
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError("another restore is at work on the media store", "wait for it") from None
        yield
    finally:
        os.close(handle)


def begin(root, *words):
    """Makes the staging folder, and gives it back."""
    at = _paths(root)
    at["root"].write_text(" ".join([str(os.stat(root).st_mtime_ns), *words]))
    _make_apart(at)
    return at["staging"]


def _make_apart(at):
    """Makes the staging folder. ext4 without a journal, for every file that it makes, looks
    through the inodes that were deleted nearby in the last minutes: after a disaster that took
    three quarters of the time. Its hint +T puts the folders in one apart, by their names."""
    at["apart"].mkdir(mode=0o700)
    with suppress(FileNotFoundError):
        subprocess.run(["chattr", "+T", at["apart"]], stderr=subprocess.DEVNULL, check=False)
    os.rename(tempfile.mkdtemp(dir=at["apart"]), at["staging"])
    at["apart"].rmdir()


@contextmanager
def flushed_meanwhile():
    """What is written goes to disk while more comes, and not all of it at the end."""
    done = threading.Event()

    def flush():
        while not done.wait(FLUSH_EVERY_S):
            os.sync()

    flushing = threading.Thread(target=flush)
    flushing.start()
    try:
        yield
    finally:
        done.set()
        flushing.join()


def _note(at, word):
    # Appended: whoever is killed here has not lost what was there.
    with open(at["root"], "a") as words:
        words.write(f" {word}")


def _words(root):
    path = _paths(root)["root"]
    return path.read_text().split() if path.exists() else []


def is_by_script(root):
    """Whether it is restore_media.sh that restores, or was interrupted."""
    return "script" in _words(root)


def is_decided(root):
    """Whether the restored store counts, and only cleaning up is left."""
    return _paths(root)["done"].exists() or "decided" in _words(root)


def swap(root):
    """Puts what is staged into the place of the live entries. undo() or settle() must follow."""
    at = _paths(root)
    _note(at, at["staging"].stat().st_mtime_ns)
    at["leaving"].mkdir(mode=0o700)
    for entry in _live(root):
        entry.rename(at["leaving"] / entry.name)
    at["leaving"].rename(at["before"])
    for entry in list(at["staging"].iterdir()):
        entry.rename(Path(root, entry.name))


def decide(root):
    """From here on the restored store counts, whatever happens."""
    at = _paths(root)
    at["before"].rename(at["done"])


def settle(root):
    """Removes what was live, and gives the root the attributes that were restored."""
    at = _paths(root)
    if at["root"].exists():
        _note(at, "decided")
    _remove(at["done"])
    if at["staging"].exists():
        for name in os.listxattr(at["staging"]):
            if name.startswith(XATTRS):
                os.setxattr(root, name, os.getxattr(at["staging"], name))
        os.chmod(root, stat.S_IMODE(at["staging"].stat().st_mode))
        at["staging"].rmdir()
    _date_root(root, at, 1)


def _date_root(root, at, which):
    """Comes last: whatever happens in the root changes its date."""
    if at["root"].exists():
        dates = [word for word in at["root"].read_text().split() if word.lstrip("-").isdigit()]
        at["root"].unlink()
        if len(dates) > which:
            os.utime(root, ns=(int(dates[which]),) * 2)


def undo(root):
    """Brings the live entries back, however far a swap came."""
    at = _paths(root)
    if at["before"].exists():
        for entry in _live(root):
            _remove(entry)
        at["before"].rename(at["leaving"])
    if at["leaving"].exists():
        for entry in list(at["leaving"].iterdir()):
            entry.rename(Path(root, entry.name))
        at["leaving"].rmdir()
    _remove(at["apart"])
    _remove(at["staging"])
    _date_root(root, at, 0)


def leftovers(root):
    """What an interrupted restore left."""
    return sorted(name for name, path in _paths(root).items() if path.exists() or path.is_symlink())


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
