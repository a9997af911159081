"""Read files out of a FAT32 volume: boot sector, allocation table, directories with long names."""

import struct

READ_ONLY, LABEL, DIRECTORY, LONG_NAME = 0x01, 0x08, 0x10, 0x0F
END = 0x0FFFFFF8


class Volume:
    """A volume in memory."""

    def __init__(self, data):
        self.data = memoryview(data)
        sector, per_cluster, reserved, fats = struct.unpack_from("<HBHB", data, 11)
        if sector != 512 or fats != 2 or bytes(data[510:512]) != b"\x55\xaa":
            raise ValueError("no FAT32 volume")
        fat_sectors, = struct.unpack_from("<I", data, 36)
        self.root, = struct.unpack_from("<I", data, 44)
        self.serial, = struct.unpack_from("<I", data, 67)
        self.cluster_bytes = 512 * per_cluster
        self.data_offset = 512 * (reserved + 2 * fat_sectors)
        self.clusters = (len(data) - self.data_offset) // self.cluster_bytes
        fat = [self.data[512 * (reserved + n * fat_sectors):][:512 * fat_sectors] for n in (0, 1)]
        self.fats_agree = fat[0] == fat[1]
        self.fat = fat[0].cast("I")

    def chain(self, cluster):
        """The clusters of a file, in order; every one is named once."""
        chain = []
        while cluster < END:
            if not 2 <= cluster < self.clusters + 2 or len(chain) > self.clusters:
                raise ValueError(f"chain leads to cluster {cluster}")
            chain.append(cluster)
            cluster = self.fat[cluster] & 0x0FFFFFFF
        return chain

    def offset(self, cluster):
        """Where a cluster lies in the volume."""
        return self.data_offset + (cluster - 2) * self.cluster_bytes

    def content(self, first, size=None):
        """A chain's bytes; consecutive clusters are taken in one piece."""
        parts, run = [], []
        for cluster in self.chain(first) if first else []:
            if run and cluster != run[-1] + 1:
                parts.append(self._piece(run))
                run = []
            run.append(cluster)
        if run:
            parts.append(self._piece(run))
        whole = b"".join(parts)
        return whole if size is None else whole[:size]

    def _piece(self, run):
        start = self.offset(run[0])
        return self.data[start:start + len(run) * self.cluster_bytes]

    def walk(self, first=None, path=""):
        """(path, attributes, first cluster, size) of every file and directory."""
        long_name = {}
        content = self.content(first or self.root)
        for at in range(0, len(content), 32):
            record = content[at:at + 32]
            if record[0] == 0:
                return
            if record[0] == 0xE5:
                long_name = {}
            elif record[11] == LONG_NAME:
                long_name[record[0] & 0x3F] = record[1:11] + record[14:26] + record[28:32]
            else:
                name, long_name = _name(record, long_name), {}
                if record[11] & LABEL or name in (".", ".."):
                    continue
                high, = struct.unpack_from("<H", record, 20)
                low, size = struct.unpack_from("<HI", record, 26)
                own = f"{path}/{name}"
                yield own, record[11], high << 16 | low, size
                if record[11] & DIRECTORY:
                    yield from self.walk(high << 16 | low, own)


def _name(record, long_name):
    if long_name:
        units = b"".join(long_name[number] for number in sorted(long_name))
        return units.decode("utf-16-le").split("\0")[0]
    stem, extension = (str(part, "ascii").rstrip() for part in (record[:8], record[8:11]))
    return f"{stem}.{extension}" if extension else stem
