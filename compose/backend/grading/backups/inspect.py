"""`python3 -m grading.backups.inspect` reads a tar archive on standard input and says what it
would put into a store; exit code 1 and the reason if it must not, or if this user could not.
Writes nothing. With --pass it hands the archive on to standard output, and speaks on standard
error. For scripts/backup_media.sh and restore_media.sh: needs no Django and no settings."""

import os
import sys
import tarfile

from grading.backups.tree import Judge, Refused

READ_SIZE_BYTES = 1024 * 1024
# As many zero bytes end an archive.
END_BYTES = 1024


class Measured:
    """A stream that knows how long it was, and where the last byte was that is not zero. What
    was read goes to a sink with the next read: members that begin in it are judged by then."""

    def __init__(self, stream, sink=None):
        self.stream, self.sink, self.held = stream, sink, b""
        self.bytes = self.bytes_until_zeros = 0

    def read(self, size):
        if self.sink:
            self.sink.write(self.held)
        self.held = block = self.stream.read(size)
        if content := block.rstrip(b"\0"):
            self.bytes_until_zeros = self.bytes + len(content)
        self.bytes += len(block)
        return block


def inspect(stream, sink=None):
    """What the archive would put into a store, and how many bytes it has itself; or Refused. A
    sink gets it block by block, never a member that was not admitted."""
    judge, stream = Judge(), Measured(stream, sink)
    with tarfile.open(fileobj=stream, mode="r|", bufsize=READ_SIZE_BYTES) as archive:
        for member in archive:
            path = judge.admit(member)
            if os.geteuid() and (member.uid != os.geteuid() or member.gid not in {os.getegid(), *os.getgroups()}):
                raise Refused(f"{path or 'the store'!r} belongs to {member.uid}:{member.gid}, and the application could not give it back")
        end = archive.offset
    judge.finish()
    drain(stream)
    # tarfile takes a damaged header in the middle for the end, and does not miss the end.
    if stream.bytes_until_zeros > end:
        raise Refused("there is more behind the end of the archive")
    if stream.bytes - end < END_BYTES:
        raise Refused("the archive is truncated: it has no end")
    return judge, stream.bytes


def drain(stream):
    while stream.read(READ_SIZE_BYTES):
        pass


def main(*options):
    passing = options == ("--pass",)
    try:
        judge, size = inspect(sys.stdin.buffer, sys.stdout.buffer if passing else None)
    except (Refused, tarfile.TarError, EOFError) as fault:
        print(f"refused: {fault}", file=sys.stderr)
        # Whoever sends it can then tell a damaged file from one that is refused.
        drain(sys.stdin.buffer)
        return 1
    found = f"{len(judge.kinds)} entries, {judge.files} files, {judge.bytes} bytes of content in {size}"
    print(found, file=sys.stderr if passing else sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
