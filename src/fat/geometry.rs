//! The shape of a volume: where the FATs and the data area lie, and the sectors in front of them.

/// Bytes of a sector, on every volume we write.
pub const SECTOR_BYTES: u64 = 512;
/// Boundary on which the data area, every file and every directory begins.
pub const ALIGN_BYTES: u64 = 4_096;
/// FAT32's floor: with fewer clusters a volume is read as FAT16.
pub const CLUSTERS_MIN: u64 = 65_525;
/// FAT32's ceiling: cluster numbers have 28 bits and the last few are reserved.
pub const CLUSTERS_MAX: u64 = 0x0FFF_FFF4;
/// Volumes from this size up have clusters of 4 KiB, smaller ones of 512 bytes.
pub const WIDE_CLUSTERS_FROM_BYTES: u64 = 260 << 20;
/// Sectors in front of the first FAT.
pub(super) const RESERVED_SECTORS: u64 = 32;
/// Sector of the `FSInfo` structure, and of its copy after the backup boot sector.
pub(super) const INFO_SECTORS: [u64; 2] = [1, 7];
/// Boot sector and its backup.
pub(super) const BOOT_SECTORS: [u64; 2] = [0, 6];
/// Number of the root directory's first cluster, and of the first cluster of all.
pub(super) const ROOT_CLUSTER: u32 = 2;
/// Offset of the volume serial in a boot sector.
const SERIAL_IN_SECTOR: u64 = 67;
/// FAT sectors are counted in multiples of this, so that both FATs begin on [`ALIGN_BYTES`].
const FAT_SECTORS_STEP: u64 = ALIGN_BYTES / SECTOR_BYTES;

/// Why a volume can't have a shape.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// The size is not a whole number of 4,096-byte blocks.
    #[error("a volume of {volume_bytes} bytes is not a multiple of 4096")]
    Unaligned {
        /// Size asked for.
        volume_bytes: u64,
    },
    /// Fewer clusters than FAT32's floor.
    #[error(
        "a volume of {volume_bytes} bytes has {clusters} clusters of {cluster_bytes} bytes, \
         FAT32 needs at least {CLUSTERS_MIN}"
    )]
    TooSmall {
        /// Size asked for.
        volume_bytes: u64,
        /// Clusters that would fit.
        clusters: u64,
        /// Bytes of each.
        cluster_bytes: u64,
    },
    /// More clusters or sectors than FAT32 can number.
    #[error(
        "a volume of {volume_bytes} bytes has {clusters} clusters, FAT32 holds at most \
         {CLUSTERS_MAX} clusters and 2 TiB"
    )]
    TooLarge {
        /// Size asked for.
        volume_bytes: u64,
        /// Clusters that would fit.
        clusters: u64,
    },
    /// A label that FAT can't hold.
    #[error("volume label \"{label}\" {reason}")]
    Label {
        /// The label, escaped.
        label: String,
        /// What is wrong.
        reason: &'static str,
    },
}

/// The shape of one FAT32 volume, as arithmetic of its size gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    volume_bytes: u64,
    cluster_bytes: u64,
    fat_sectors: u64,
    clusters: u32,
    hidden_sectors: u32,
    label: Label,
    serial: u32,
}

/// A volume label: at most 11 of `A-Z 0-9`, space and ``!#$%&'()-@^_`{}~``; empty means none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(Option<[u8; 11]>);

impl Label {
    /// Check `text` and pad it with spaces.
    pub fn new(text: &str) -> Result<Self, GeometryError> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let wrong =
            |reason| GeometryError::Label { label: text.escape_default().to_string(), reason };
        if text.len() > 11 {
            return Err(wrong("is longer than 11 characters"));
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(wrong("begins or ends with a space"));
        }
        if !text.bytes().all(|b| b == b' ' || super::name::is_short_byte(b)) {
            return Err(wrong("holds a character other than A-Z, 0-9, space, !#$%&'()-@^_`{}~"));
        }
        let mut padded = [b' '; 11];
        padded[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(Some(padded)))
    }

    /// The 11 bytes as the root directory holds them, if there is a label.
    pub(super) fn bytes(self) -> Option<[u8; 11]> {
        self.0
    }
}

impl Geometry {
    /// The shape of a volume of `volume_bytes` that begins at sector `hidden_sectors` of its
    /// medium.
    ///
    /// The size has to be a multiple of 4,096 bytes and give at least [`CLUSTERS_MIN`] clusters.
    pub fn new(
        volume_bytes: u64,
        hidden_sectors: u32,
        label: Label,
        serial: u32,
    ) -> Result<Self, GeometryError> {
        if !volume_bytes.is_multiple_of(ALIGN_BYTES) {
            return Err(GeometryError::Unaligned { volume_bytes });
        }
        let wide = volume_bytes >= WIDE_CLUSTERS_FROM_BYTES;
        let cluster_bytes = if wide { ALIGN_BYTES } else { SECTOR_BYTES };
        let fat_sectors = fat_sectors_for(volume_bytes, cluster_bytes);
        let clusters = clusters_beside(volume_bytes, cluster_bytes, fat_sectors);
        if clusters < CLUSTERS_MIN {
            return Err(GeometryError::TooSmall { volume_bytes, clusters, cluster_bytes });
        }
        let sectors = volume_bytes / SECTOR_BYTES;
        match u32::try_from(clusters) {
            Ok(count) if clusters <= CLUSTERS_MAX && u32::try_from(sectors).is_ok() => Ok(Self {
                volume_bytes,
                cluster_bytes,
                fat_sectors,
                clusters: count,
                hidden_sectors,
                label,
                serial,
            }),
            _ => Err(GeometryError::TooLarge { volume_bytes, clusters }),
        }
    }

    /// Length of the volume in bytes.
    pub fn volume_bytes(&self) -> u64 {
        self.volume_bytes
    }

    /// Bytes of a cluster: 512 or 4,096.
    pub fn cluster_bytes(&self) -> u64 {
        self.cluster_bytes
    }

    /// Number of clusters in the data area; they are numbered from 2.
    pub fn clusters(&self) -> u32 {
        self.clusters
    }

    /// The volume serial that both boot sectors hold.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The volume label.
    pub fn label(&self) -> Label {
        self.label
    }

    /// Offsets of the two copies of the FAT.
    pub fn fat_offsets(&self) -> [u64; 2] {
        let first = RESERVED_SECTORS * SECTOR_BYTES;
        [first, first + self.fat_bytes()]
    }

    /// Length of one copy of the FAT in bytes, unused entries at its end included.
    pub fn fat_bytes(&self) -> u64 {
        self.fat_sectors * SECTOR_BYTES
    }

    /// Offset of the data area, a multiple of 4,096.
    pub fn data_offset(&self) -> u64 {
        self.fat_offsets()[1] + self.fat_bytes()
    }

    /// Bytes of the data area.
    pub fn data_bytes(&self) -> u64 {
        u64::from(self.clusters) * self.cluster_bytes
    }

    /// Offsets of the four bytes of the volume serial, in boot sector and backup.
    pub fn serial_offsets(&self) -> [u64; 2] {
        BOOT_SECTORS.map(|sector| sector * SECTOR_BYTES + SERIAL_IN_SECTOR)
    }

    /// Offset of the first byte of `cluster` in the volume.
    pub(super) fn cluster_offset(&self, cluster: u32) -> u64 {
        self.data_offset() + u64::from(cluster - ROOT_CLUSTER) * self.cluster_bytes
    }

    /// One past the greatest cluster number.
    pub(super) fn cluster_end(&self) -> u32 {
        self.clusters + ROOT_CLUSTER
    }

    /// Clusters between two alignment boundaries.
    pub(super) fn clusters_per_align(&self) -> u32 {
        if self.cluster_bytes == ALIGN_BYTES { 1 } else { 8 }
    }

    /// Number of clusters that `bytes` take.
    pub(super) fn clusters_for(&self, bytes: u64) -> u64 {
        bytes.div_ceil(self.cluster_bytes)
    }

    /// All that lies in front of the first FAT: boot sector, `FSInfo`, their backups, zeros.
    pub(super) fn reserved_area(&self, free_clusters: u32, next_free: Option<u32>) -> Vec<u8> {
        let mut area = vec![0; usize::try_from(RESERVED_SECTORS * SECTOR_BYTES).expect("16 KiB")];
        let boot = self.boot_sector();
        let info = info_sector(free_clusters, next_free);
        for (sectors, bytes) in [(BOOT_SECTORS, boot), (INFO_SECTORS, info)] {
            for sector in sectors {
                put(&mut area, usize::try_from(sector * SECTOR_BYTES).expect("16 KiB"), &bytes);
            }
        }
        area
    }

    /// The boot sector (Microsoft's FAT specification 1.03, section 3); not bootable.
    fn boot_sector(&self) -> [u8; 512] {
        let small = |value: u64| u32::try_from(value).expect("checked when the shape was made");
        let mut s = [0; 512];
        put(&mut s, 0, &[0xEB, 0x58, 0x90]);
        put(&mut s, 3, b"MSWIN4.1");
        put(&mut s, 11, &512_u16.to_le_bytes());
        s[13] = if self.cluster_bytes == ALIGN_BYTES { 8 } else { 1 };
        put(&mut s, 14, &32_u16.to_le_bytes());
        s[16] = 2;
        s[21] = 0xF8;
        put(&mut s, 24, &63_u16.to_le_bytes());
        put(&mut s, 26, &255_u16.to_le_bytes());
        put(&mut s, 28, &self.hidden_sectors.to_le_bytes());
        put(&mut s, 32, &small(self.volume_bytes / SECTOR_BYTES).to_le_bytes());
        put(&mut s, 36, &small(self.fat_sectors).to_le_bytes());
        put(&mut s, 44, &ROOT_CLUSTER.to_le_bytes());
        put(&mut s, 48, &1_u16.to_le_bytes());
        put(&mut s, 50, &6_u16.to_le_bytes());
        s[64] = 0x80;
        s[66] = 0x29;
        put(&mut s, 67, &self.serial.to_le_bytes());
        put(&mut s, 71, &self.label.bytes().unwrap_or(*b"NO NAME    "));
        put(&mut s, 82, b"FAT32   ");
        // INT 18h hands over to the firmware's next boot device; then stand still.
        put(&mut s, 90, &[0xCD, 0x18, 0xEB, 0xFE]);
        put(&mut s, 510, &[0x55, 0xAA]);
        s
    }
}

/// The `FSInfo` sector; without a free cluster the search is told to begin at the first of all, since
/// systems write their own guess over "unknown".
fn info_sector(free_clusters: u32, next_free: Option<u32>) -> [u8; 512] {
    let mut s = [0; 512];
    put(&mut s, 0, b"RRaA");
    put(&mut s, 484, b"rrAa");
    put(&mut s, 488, &free_clusters.to_le_bytes());
    put(&mut s, 492, &next_free.unwrap_or(ROOT_CLUSTER).to_le_bytes());
    put(&mut s, 508, &[0, 0, 0x55, 0xAA]);
    s
}

fn put(sector: &mut [u8], at: usize, bytes: &[u8]) {
    sector[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Clusters that fit beside two FATs of `fat_sectors`.
fn clusters_beside(volume_bytes: u64, cluster_bytes: u64, fat_sectors: u64) -> u64 {
    let before = (RESERVED_SECTORS + 2 * fat_sectors) * SECTOR_BYTES;
    volume_bytes.saturating_sub(before) / cluster_bytes
}

/// The smallest FAT, in steps of 4,096 bytes, that has an entry for each cluster beside it.
fn fat_sectors_for(volume_bytes: u64, cluster_bytes: u64) -> u64 {
    let needed = |fat_sectors| {
        let entries = clusters_beside(volume_bytes, cluster_bytes, fat_sectors) + 2;
        (entries * 4).div_ceil(SECTOR_BYTES).next_multiple_of(FAT_SECTORS_STEP)
    };
    let mut fat_sectors = needed(needed(0));
    while needed(fat_sectors) > fat_sectors {
        fat_sectors += FAT_SECTORS_STEP;
    }
    fat_sectors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(bytes: u64) -> Result<Geometry, GeometryError> {
        Geometry::new(bytes, 2_048, Label::new("SCRIP").expect("a label"), 7)
    }

    #[test]
    fn areas_are_aligned_and_the_fat_is_just_large_enough() {
        for mib in [34_u64, 35, 64, 100, 259, 260, 261, 300, 350, 1_024, 15_000, 120_000] {
            for extra in [0, 4_096, 8_192, 512 << 10] {
                let g = shape((mib << 20) + extra).expect("a volume");
                assert_eq!(g.cluster_bytes(), if mib < 260 { 512 } else { 4_096 });
                assert_eq!(g.data_offset() % ALIGN_BYTES, 0);
                assert!(g.fat_offsets().iter().all(|at| at % ALIGN_BYTES == 0));
                let entries = u64::from(g.clusters()) + 2;
                assert!(entries * 4 <= g.fat_bytes());
                assert!(entries * 4 + 2 * ALIGN_BYTES > g.fat_bytes(), "{mib} MiB: FAT too long");
                assert!(g.data_offset() + g.data_bytes() <= g.volume_bytes());
                assert!(g.volume_bytes() - g.data_offset() - g.data_bytes() < g.cluster_bytes());
            }
        }
    }

    #[test]
    fn sizes_out_of_bounds_are_refused_with_both_values() {
        let text = |bytes| shape(bytes).expect_err("refused").to_string();
        assert_eq!(
            text(32 << 20),
            "a volume of 33554432 bytes has 64496 clusters of 512 bytes, FAT32 needs at least 65525"
        );
        assert_eq!(text((64 << 20) + 1), "a volume of 67108865 bytes is not a multiple of 4096");
        assert!(text(0).contains("has 0 clusters"));
        assert!(text(2 << 40).contains("FAT32 holds at most 268435444"), "{}", text(2 << 40));
    }

    #[test]
    fn labels_are_checked() {
        assert!(Label::new("").is_ok());
        assert!(Label::new("SCRIP ROM_1").is_ok());
        for bad in ["SCRIP-ROM-12", "scrip", "A.B", " A", "A ", "\u{dc}BER", "A/B", "A\u{7f}"] {
            assert!(Label::new(bad).is_err(), "{bad:?}");
        }
    }
}
