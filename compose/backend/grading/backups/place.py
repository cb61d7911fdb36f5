"""Puts a media backup into the place of the store: all of it, or nothing. For
scripts/restore_media.sh; needs no Django and no settings.

  python3 -m grading.backups.place restore ROOT   a tar archive on standard input, and SENT
  python3 -m grading.backups.place recover ROOT   after a restore that was killed

Says on standard output in a word what came of it: restored, and how many entries, broken (off)
or refused; or back (the state before), complete (the restored one) or nothing (was interrupted).
Members are judged as they come (grading.backups.inspect), and none is unpacked before."""

import os
import subprocess
import sys
import tarfile

from grading.backups import BackupError, media
from grading.backups.ending import on_sigterm
from grading.backups.inspect import drain, inspect
from grading.backups.tree import Refused

# Owners, rights and attributes, as backup_media.sh writes them. 64 KiB at a time: a pipe holds
# as much, tar's default is 10 KiB.
UNPACK = ["tar", "--extract", "--same-owner", "--same-permissions", "--numeric-owner", "--acls", "--xattrs", "--xattrs-include=*", "--blocking-factor=128"]

# What follows the archive: whoever sends it has read it to its end, and was not killed.
SENT = b"sent to its end\n"

# A file takes whole blocks.
BLOCK_BYTES = 4096


class BrokenOff(BackupError):
    """Not all of it came."""


class Sent:
    """The archive in a stream, without the SENT behind it."""

    def __init__(self, stream):
        self.stream, self.bytes, self.held = stream, 0, stream.read(len(SENT))

    def read(self, size):
        block = self.held + self.stream.read(size)
        block, self.held = block[: -len(SENT)], block[-len(SENT) :]
        self.bytes += len(block)
        return block

    def require_whole(self):
        drain(self)
        if self.held != SENT:
            raise BrokenOff(f"the backup broke off: {self.bytes} bytes came", "restore it again")


class Feed:
    """Standard input of tar, as long as there is room for what comes."""

    def __init__(self, pipe, room_bytes):
        self.pipe, self.room_bytes = pipe, room_bytes

    def write(self, block):
        self.room_bytes -= len(block)
        try:
            if self.room_bytes > 0:
                self.pipe.write(block)
        except BrokenPipeError:
            # It has seen the end, or has failed: its exit code says which.
            pass


def restore(root):
    if media.leftovers(root):
        raise BackupError("a restore was interrupted", "go back to the state before it: restore_media.sh --recover")
    try:
        staging = media.begin(root, "script")
        with media.flushed_meanwhile():
            judge = unpack(staging, Sent(sys.stdin.buffer))
        os.sync()
        media.swap(root)
        media.decide(root)
    except BaseException:
        recover(root)
        raise
    media.settle(root)
    # The root is none.
    return f"restored {len(judge.kinds) - 1}"


def unpack(staging, stream):
    """Judges what comes, and has tar unpack it. Gives back what was judged, all of it there."""
    room_bytes = free_bytes(staging)
    tar = subprocess.Popen([*UNPACK, f"--directory={staging}", "--file=-"], stdin=subprocess.PIPE)
    with tar:
        try:
            judge, _ = inspect(stream, Feed(tar.stdin, room_bytes))
        except BaseException as fault:
            tar.kill()
            if isinstance(fault, (Refused, tarfile.TarError, EOFError)):
                # Of what broke off, that is what is to be said.
                stream.require_whole()
            raise
        finally:
            try:
                tar.stdin.close()
            except BrokenPipeError:
                pass
    stream.require_whole()
    needs_bytes = max(stream.bytes, judge.bytes + len(judge.kinds) * BLOCK_BYTES)
    if needs_bytes >= room_bytes:
        raise BackupError(f"the media store has room for {room_bytes} bytes, the backup needs {needs_bytes}", "free some space")
    if tar.returncode:
        raise BackupError(f"tar ended with {tar.returncode}", "look at the message above")
    return judge


def free_bytes(folder):
    seen = os.statvfs(folder)
    return seen.f_bavail * seen.f_frsize


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


def main(command, root):
    on_sigterm()
    try:
        with media.alone(root):
            print({"restore": restore, "recover": recover}[command](root))
    except (Refused, tarfile.TarError, EOFError) as fault:
        print("refused")
        print(f"refused: {fault}", file=sys.stderr)
    except (BackupError, OSError) as error:
        if isinstance(error, BrokenOff):
            print("broken")
        print(f"place: {error}", file=sys.stderr)
    else:
        return 0
    # Whoever sends it can then tell a damaged file from one that is refused.
    drain(sys.stdin.buffer)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
