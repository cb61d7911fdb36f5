"""What an archive may put into a store: files, folders and links that stay inside.
Judges names and links only, writes nothing. Needs no Django."""

LINKS_MAX = 40
NAME_BYTES_MAX = 255


class Refused(Exception):
    """Why an archive must not be unpacked."""


def inner_path(name):
    """The path below the store's root ("" is the root itself), or None if it leaves it."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return None if name.startswith("/") or ".." in parts else "/".join(parts)


class Judge:
    """Admits the members of one archive, in its order, and at the end their links."""

    def __init__(self):
        # Path to None (a file), "/" (a folder) or the target of a symbolic link.
        self.kinds = {}
        self.files = 0
        self.bytes = 0

    def admit(self, member):
        """The path of a tarfile member, or Refused."""
        path = inner_path(member.name)
        if path is None:
            raise Refused(f"{member.name!r} leads out of the store")
        if path in self.kinds:
            raise Refused(f"{path!r} appears twice")
        if any(len(part.encode(errors="surrogateescape")) > NAME_BYTES_MAX for part in path.split("/")):
            raise Refused(f"{path!r} has a name that no system takes")
        # So no member is ever written through a link.
        folder = path.rpartition("/")[0]
        if folder and self.kinds.get(folder) != "/":
            raise Refused(f"{path!r} lies below {folder!r}, which is no folder of the archive")
        self.kinds[path] = self._kind(member, path)
        return path

    def _kind(self, member, path):
        if member.isdir():
            return "/"
        if not path:
            raise Refused("the store itself is no folder in the archive")
        if member.issym():
            return member.linkname
        if member.islnk():
            target = inner_path(member.linkname)
            if target not in self.kinds or self.kinds[target] == "/":
                raise Refused(f"{path!r} is a hard link to {member.linkname!r}, which is no earlier file")
            self.files += 1
            return self.kinds[target]
        if not member.isreg():
            raise Refused(f"{path!r} is neither a file, nor a folder, nor a link")
        if member.mode & 0o6000:
            raise Refused(f"{path!r} runs as another user or group: mode {member.mode:04o}")
        self.files += 1
        self.bytes += member.size
        return None

    def finish(self):
        """Only the whole tree shows where links lead."""
        for path, kind in self.kinds.items():
            if kind not in (None, "/") and self._leaves(path):
                raise Refused(f"{path!r} is a link to {kind!r}, which leads out of the store")

    def _leaves(self, link):
        here, todo, links = link.split("/")[:-1], self._steps(link), 1
        while todo:
            step = todo.pop()
            if step == "/":
                return True
            if step == "..":
                if not here:
                    return True
                here.pop()
                continue
            path = "/".join([*here, step])
            if self.kinds.get(path) in (None, "/"):
                here.append(step)
                continue
            links += 1
            # A circle leads nowhere, and so not out.
            if links > LINKS_MAX:
                return False
            todo += self._steps(path)
        return False

    def _steps(self, link):
        """The target's components, the first one last; "/" for the root of the system."""
        target = self.kinds[link]
        steps = [part for part in target.split("/") if part not in ("", ".")]
        if target.startswith("/"):
            steps.insert(0, "/")
        return steps[::-1]
