"""The archive of `manage.py backup`: it brings a store back exactly, and refuses what is
damaged, foreign or hostile. Needs no database."""

import hashlib
import io
import json
import os
import stat
import subprocess
import tarfile
import tempfile
from pathlib import Path
from unittest import mock

from django.test import SimpleTestCase, override_settings

from grading.backups import BackupError, archive, media, origin, place
from grading.backups.inspect import inspect
from grading.backups.tree import Refused

HEADER = {
    "format": archive.FORMAT,
    "version": archive.VERSION,
    "stack": "here",
    "taken_at": "2026-01-01T00:00:00+00:00",
    "postgresql_major": 15,
    "migrations": {"grading": ["0001_schema"]},
}


def accept(_header):
    pass


def make_store(root):
    """A store with what is easily lost."""
    root = Path(root)
    (root / "copies/2026").mkdir(parents=True)
    (root / "copies/2026/a.pdf").write_bytes(b"%PDF-" + bytes(range(256)) * 400)
    (root / "copies/2026/empty").touch()
    (root / "copies/2026/ünï \n name").write_text("odd")
    os.mkdir(os.fsencode(root) + b"/not-\xff-utf8")
    os.link(root / "copies/2026/a.pdf", root / "copies/zz-hard")
    os.symlink("../copies/2026/a.pdf", root / "copies/soft")
    os.symlink("nowhere", root / "copies/dangling")
    os.chmod(root / "copies/2026/a.pdf", 0o440)
    os.utime(root / "copies/2026/a.pdf", ns=(1, 1_700_000_000_123_456_789))
    os.utime(root / "copies/soft", ns=(1, 1_600_000_000_000_000_001), follow_symlinks=False)
    os.utime(root / "copies", ns=(1, 1_500_000_000_999_999_999))
    os.chmod(root, 0o750)
    os.utime(root, ns=(1, 1_400_000_000_000_000_007))


def picture(root):
    """All that is compared, by path."""
    found = {}
    root = os.fsencode(root)
    for folder, folders, files in os.walk(root):
        for name in [*([b"."] if folder == root else []), *folders, *files]:
            path = os.path.join(folder, name)
            seen = os.lstat(path)
            facts = [stat.S_IFMT(seen.st_mode), stat.S_IMODE(seen.st_mode), seen.st_uid, seen.st_gid, seen.st_mtime_ns]
            if stat.S_ISREG(seen.st_mode):
                facts += [seen.st_nlink, Path(os.fsdecode(path)).read_bytes()]
            if stat.S_ISLNK(seen.st_mode):
                facts.append(os.readlink(path))
            found[os.path.relpath(path, root)] = facts
    return found


def write(root, **header):
    sink = io.BytesIO()
    writer = archive.Writer(sink, {**HEADER, **header})
    writer.globals(b"CREATE ROLE a;\n")
    writer.dump(io.BytesIO(b"PGDMP" + b"x" * 3000))
    writer.media(root)
    writer.close(rows={"public.t": 3}, large_objects=1)
    return sink.getvalue()


def tar_of(*members):
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.uid, member.gid = kind, link, os.geteuid(), os.getegid()
            tar.addfile(member)
    return sink.getvalue()


class BackupTest(SimpleTestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.source, self.target = Path(folder.name, "source"), Path(folder.name, "target")
        self.source.mkdir()
        self.target.mkdir()
        make_store(self.source)
        (self.target / "old").write_text("what was there")

    def assert_refused(self, content, *words, accept=accept, root=None):
        with self.assertRaises(BackupError) as caught:
            archive.read(io.BytesIO(content), accept, root=root)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def stage(self):
        return archive.read(io.BytesIO(write(self.source)), accept, root=self.target)

    def test_a_store_comes_back_exactly(self):
        contents = self.stage()
        self.assertEqual(contents.manifest["rows"], {"public.t": 3})
        self.assertEqual(Path(contents.dump.name).read_bytes()[:5], b"PGDMP")
        media.swap(self.target)
        media.decide(self.target)
        media.settle(self.target)
        self.assertEqual(media.leftovers(self.target), [])
        self.assertEqual(picture(self.target), picture(self.source))

    def test_a_dry_run_verifies_and_writes_nothing(self):
        before = picture(self.target)
        archive.read(io.BytesIO(write(self.source)), accept, keep=False)
        self.assertEqual(picture(self.target), before)

    def test_a_restore_that_stops_anywhere_can_be_undone(self):
        before = picture(self.target)
        renames = 0
        while True:
            self.stage()
            budget = renames

            def rename(path, target, real=Path.rename):
                nonlocal budget
                if budget == 0:
                    raise KeyboardInterrupt
                budget -= 1
                return real(path, target)

            stopped = False
            with mock.patch.object(Path, "rename", rename):
                try:
                    media.swap(self.target)
                except KeyboardInterrupt:
                    stopped = True
            media.undo(self.target)
            self.assertEqual(media.leftovers(self.target), [])
            self.assertEqual(picture(self.target), before, f"stopped after {renames} renames")
            if not stopped:
                break
            renames += 1
        self.assertGreaterEqual(renames, 4)

    def test_what_a_killed_restore_left_is_not_backed_up(self):
        self.stage()
        content = write(self.target)
        self.assertNotIn(b"restore-staging", content)

    def test_every_truncation_is_refused(self):
        content = write(self.source)
        end = len(content.rstrip(b"\0"))
        for size in (0, 100, 512, 5000, len(content) // 2, end - 70, end - 600):
            self.assert_refused(content[:size])

    def test_a_flipped_byte_is_refused_wherever_it_counts(self):
        content = write(self.source)
        for name in ("header.json", "globals.sql", "database.dump", "media/copies/2026/a.pdf", "manifest.json", "manifest.sha256"):
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                member = tar.getmember(name)
            for offset in (member.offset_data, member.offset_data + member.size - 2):
                flipped = bytearray(content)
                flipped[offset] ^= 1
                with self.subTest(name=name, offset=offset):
                    self.assert_refused(bytes(flipped))

    def test_a_changed_date_or_owner_is_refused(self):
        content = write(self.source)
        self.assertIn(b"mtime=1700000000.123456789", content)
        self.assert_refused(content.replace(b"mtime=1700000000.123456789", b"mtime=1700000000.123456000"), "media")

    def test_what_is_no_backup_is_refused_at_once(self):
        self.assert_refused(b"-- PostgreSQL database dump" * 100, "damaged at its beginning")
        self.assert_refused(b"Salted__" + os.urandom(9999), "encrypted")
        self.assert_refused(b"", "empty")
        self.assert_refused(tar_of(("a", tarfile.REGTYPE, "")), "not a backup")
        self.assert_refused(write(self.source, version=2), "format version 2")

    def test_cleaning_up_that_stops_anywhere_can_be_completed(self):
        for stop in range(20):
            self.setUp()
            self.stage()
            media.swap(self.target)
            media.decide(self.target)
            calls = 0

            def counted(function):
                def call(*arguments, **options):
                    nonlocal calls
                    calls += 1
                    if calls > stop:
                        raise KeyboardInterrupt
                    return function(*arguments, **options)

                return call

            stopped = False
            with (
                mock.patch.object(media, "_remove", counted(media._remove)),
                mock.patch.object(Path, "rmdir", counted(Path.rmdir)),
                mock.patch.object(Path, "unlink", counted(Path.unlink)),
                mock.patch.object(os, "chmod", counted(os.chmod)),
            ):
                try:
                    media.settle(self.target)
                except KeyboardInterrupt:
                    stopped = True
            if stopped:
                self.assertTrue(media.is_decided(self.target))
                media.settle(self.target)
            self.assertEqual(media.leftovers(self.target), [])
            self.assertEqual(picture(self.target), picture(self.source), f"stopped after {stop} calls")
            if not stopped:
                break
        self.assertGreaterEqual(stop, 3)

    def place(self, content):
        with mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO(content))):
            with media.alone(self.target):
                return place.restore(self.target)

    def test_a_store_from_a_plain_archive_comes_back_exactly_or_not_at_all(self):
        content = subprocess.run(
            ["tar", "--create", "--format=posix", "--xattrs", f"--directory={self.source}", "--file=-", "."],
            stdout=subprocess.PIPE, check=True,
        ).stdout
        before = picture(self.target)
        whole = content + place.SENT
        # Cut anywhere, even where tar would not miss the rest.
        broken = [(it, BackupError, "the backup broke off") for it in (whole[:-20480], content[:-10240], content, whole[:-1], b"")]
        broken += [
            (b"x" * len(content) + place.SENT, tarfile.TarError, ""),
            (tar_of((".", tarfile.DIRTYPE, ""))[: tarfile.BLOCKSIZE] + place.SENT, Refused, "no end"),
            (content + content + place.SENT, Refused, "more behind the end"),
            (tar_of(("./../up", tarfile.REGTYPE, "")) + place.SENT, Refused, "leads out of the store"),
            (tar_of((".", tarfile.DIRTYPE, ""), ("./a", tarfile.SYMTYPE, "/etc")) + place.SENT, Refused, "which leads out"),
        ]
        for received, kind, named in broken:
            with self.subTest(named=named), self.assertRaisesMessage(kind, named):
                self.place(received)
            self.assertEqual((media.leftovers(self.target), picture(self.target)), ([], before))
        with mock.patch.object(place, "UNPACK", ["false"]), self.assertRaisesMessage(BackupError, "tar ended with 1"):
            self.place(whole)
        for room_bytes in (len(content), 4096):
            named = f"room for {room_bytes} bytes, the backup needs"
            with mock.patch.object(place, "free_bytes", lambda _: room_bytes), self.assertRaisesMessage(BackupError, named):
                self.place(whole)
        with media.alone(self.target), self.assertRaisesMessage(BackupError, "another restore is at work"):
            self.place(whole)
        self.assertEqual((media.leftovers(self.target), picture(self.target)), ([], before))
        entries = len(tarfile.open(fileobj=io.BytesIO(content)).getmembers()) - 1
        self.assertEqual(self.place(whole), f"restored {entries}")
        self.assertEqual((media.leftovers(self.target), picture(self.target)), ([], picture(self.source)))

    def test_no_member_is_handed_on_before_it_is_admitted(self):
        good = tar_of((".", tarfile.DIRTYPE, ""), *((f"./{index}", tarfile.REGTYPE, "") for index in range(5000)))
        passed = io.BytesIO()
        self.assertEqual(inspect(io.BytesIO(good), passed)[1], len(passed.getvalue()))
        self.assertEqual(passed.getvalue(), good)
        # Behind more than is read at a time.
        bad, passed = good[: good.rindex(b"./4999")] + tar_of(("./../up", tarfile.REGTYPE, "")), io.BytesIO()
        with self.assertRaisesMessage(Refused, "leads out"):
            inspect(io.BytesIO(bad), passed)
        self.assertGreater(len(passed.getvalue()), 0)
        self.assertNotIn(b"../up", passed.getvalue())

    @override_settings(BACKUP_STACK="here")
    def test_foreign_backups_are_refused_with_the_next_step(self):
        judge = origin.judge(15)
        archive.read(io.BytesIO(write(self.source)), judge, keep=False)
        self.assert_refused(write(self.source, stack="there"), '"there"', "--from-stack", accept=judge)
        self.assert_refused(write(self.source, postgresql_major=16), "PostgreSQL 16", "runs 15", accept=judge)
        newer = {"grading": ["0001_schema", "0999_later"]}
        self.assert_refused(write(self.source, migrations=newer), "grading.0999_later", "deploy", accept=judge)
        archive.read(io.BytesIO(write(self.source, stack="there")), origin.judge(15, "there"), keep=False)

    def test_a_file_that_could_not_be_given_back_is_not_backed_up(self):
        os.mkfifo(self.source / "fifo")
        with self.assertRaisesMessage(BackupError, "'fifo' is neither a file"):
            write(self.source)

    def test_members_that_leave_the_store_are_refused(self):
        plain, folder, soft, hard = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
        inspect(io.BytesIO(tar_of((".", folder, ""), ("./a", plain, ""), ("./b", soft, "a"), ("./c", hard, "./a"))))
        for named, members in {
            "leads out": [("/etc/passwd", plain, "")],
            "leads out of": [("a", folder, ""), ("a/../../b", plain, "")],
            "which leads out": [("a", soft, "/etc")],
            "'a/up' is a link to '../..'": [("a", folder, ""), ("a/up", soft, "../..")],
            "'x' is a link": [("a", folder, ""), ("a/b", folder, ""), ("a/b/up", soft, "../.."), ("x", soft, "a/b/up/../y")],
            "no folder of the archive": [("a", soft, "."), ("a/b", plain, "")],
            "no earlier file": [("a", hard, "../b")],
            "appears twice": [("a", plain, ""), ("./a", plain, "")],
            "neither a file": [("a", tarfile.CHRTYPE, "")],
        }.items():
            with self.subTest(named=named), self.assertRaisesMessage(Refused, named):
                inspect(io.BytesIO(tar_of(*members)))

    def test_an_archive_is_read_to_its_end(self):
        content = tar_of(("a", tarfile.REGTYPE, ""), ("b", tarfile.REGTYPE, ""))
        judge, size = inspect(io.BytesIO(content))
        self.assertEqual((sorted(judge.kinds), size), (["a", "b"], len(content)))
        end = 2 * tarfile.BLOCKSIZE
        damaged = content[: tarfile.BLOCKSIZE] + b"x" * tarfile.BLOCKSIZE + content[end:]
        for named, wrong in {
            "it has no end": content[:end],
            "it has no end ": content[: end + tarfile.BLOCKSIZE],
            "more behind the end": content + content,
            "more behind the end ": damaged,
        }.items():
            with self.subTest(named=named), self.assertRaisesMessage(Refused, named.strip()):
                inspect(io.BytesIO(wrong))

    def test_hostile_members_of_a_backup_are_refused_before_they_are_written(self):
        sink = io.BytesIO()
        writer = archive.Writer(sink, HEADER)
        member = tarfile.TarInfo("media/../escaped")
        writer._tar.addfile(member)
        writer.close(rows={}, large_objects=0)
        self.assert_refused(sink.getvalue(), "must not be restored", root=self.target)
        self.assertFalse((self.target / "escaped").exists())

    def test_the_manifest_has_the_digest_of_each_part(self):
        contents = archive.read(io.BytesIO(write(self.source)), accept)
        dump = Path(contents.dump.name).read_bytes()
        self.assertEqual(contents.manifest["parts"]["database.dump"]["sha256"], hashlib.sha256(dump).hexdigest())
        self.assertEqual(json.loads(json.dumps(contents.manifest))["parts"]["media"]["files"], 3)
