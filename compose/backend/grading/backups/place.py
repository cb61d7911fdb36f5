"""Puts a media backup into the place of the store: all of it, or nothing. For
scripts/restore_media.sh; needs no Django and no settings.

  python3 -m grading.backups.place restore ROOT BYTES   a tar archive of that size on standard input
  python3 -m grading.backups.place recover ROOT         after a restore that was killed

Says on standard output in a word what came of it: restored; or back (the state before),
complete (the restored one) or nothing (was interrupted). What an archive may hold is judged
before (grading.backups.inspect)."""

import os
import subprocess
import sys

from grading.backups import BackupError, media
from grading.backups.ending import on_sigterm

# Owners, rights and attributes, as backup_media.sh writes them. 64 KiB at a time: a pipe holds
# as much, tar's default is 10 KiB.
UNPACK = ["tar", "--extract", "--same-owner", "--same-permissions", "--numeric-owner", "--acls", "--xattrs", "--xattrs-include=*", "--blocking-factor=128"]


def restore(root, size):
    if media.leftovers(root):
        raise BackupError("a restore was interrupted", "go back to the state before it: restore_media.sh --recover")
    try:
        staging = media.begin(root, "script")
        unpack(staging, int(size))
        os.sync()
        media.swap(root)
        media.decide(root)
    except BaseException:
        recover(root)
        raise
    media.settle(root)
    return "restored"


def unpack(staging, size):
    """Unpacks standard input, and makes sure that it came to its end: whoever sends it may
    have been killed, and tar does not miss what lies behind a whole member."""
    tar = subprocess.Popen([*UNPACK, f"--directory={staging}", "--file=-"], stdin=subprocess.PIPE)
    received = 0
    with tar:
        while block := sys.stdin.buffer.read(media.READ_BYTES):
            received += len(block)
            try:
                tar.stdin.write(block)
            except BrokenPipeError:
                # It has seen the end, or has failed: its exit code says which.
                continue
        try:
            tar.stdin.close()
        except BrokenPipeError:
            pass
    if received != size:
        raise BackupError(f"the backup broke off: {received} of {size} bytes came", "restore it again")
    if tar.returncode:
        raise BackupError(f"tar ended with {tar.returncode}", "look at the message above")


def recover(root):
    if not media.leftovers(root):
        return "nothing"
    if not media.is_by_script(root):
        raise BackupError("a restore by manage.py was interrupted", "finish it first: manage.py restore --recover")
    if media.is_decided(root):
        media.settle(root)
        return "complete"
    media.undo(root)
    return "back"


def main(command, root, *arguments):
    on_sigterm()
    try:
        with media.alone(root):
            print({"restore": restore, "recover": recover}[command](root, *arguments))
    except (BackupError, OSError) as error:
        print(f"place: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
