"""`python3 -m grading.backups.inspect` reads a tar archive on standard input and says what it
would put into a store; exit code 1 and the reason if it must not, or if this user could not.
Writes nothing. For scripts/backup_media.sh and restore_media.sh: needs no Django and no
settings."""

import os
import sys
import tarfile

from grading.backups.tree import Judge, Refused

READ_SIZE_BYTES = 1024 * 1024


def inspect(stream):
    judge = Judge()
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            path = judge.admit(member)
            if os.geteuid() and (member.uid != os.geteuid() or member.gid not in {os.getegid(), *os.getgroups()}):
                raise Refused(f"{path or 'the store'!r} belongs to {member.uid}:{member.gid}, and the application could not give it back")
    judge.finish()
    # tarfile takes a damaged header in the middle for the end.
    while block := stream.read(READ_SIZE_BYTES):
        if block.strip(b"\0"):
            raise Refused("there is more behind the end of the archive")
    return judge


def main():
    try:
        judge = inspect(sys.stdin.buffer)
    except (Refused, tarfile.TarError, EOFError) as fault:
        print(f"refused: {fault}", file=sys.stderr)
        return 1
    print(f"{len(judge.kinds)} entries, {judge.files} files, {judge.bytes} bytes of content")
    return 0


if __name__ == "__main__":
    sys.exit(main())
