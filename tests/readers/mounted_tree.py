"""Read files out of a folder that a volume is mounted at, as `fat_volume` does out of a volume."""

from fat_volume import DIRECTORY


class Tree:
    """A folder with all that is in it."""

    def __init__(self, folder):
        self.folder = folder

    def walk(self):
        """(path, attributes, path, size) of every file and directory."""
        for place in sorted(self.folder.rglob("*")):
            path = "/" + place.relative_to(self.folder).as_posix()
            if place.is_dir():
                yield path, DIRECTORY, path, 0
            else:
                yield path, 0, path, place.stat().st_size

    def content(self, path, size):
        """A file's bytes."""
        return (self.folder / path[1:]).read_bytes()[:size]
