//! A medium whose volumes are ours.

use scrip::device::MemoryDevice;
use scrip::fat::{Comparison, Contents, Entry, Geometry, Label, Options, Plan, compare, plan};
use std::io;

/// A sealed volume of the ROM area's size, and how it stands to what a kernel made of it.
pub(crate) struct Planned(Plan);

/// Files that all hold the letter x.
struct Letters;

impl Contents for Letters {
    fn read_at(&self, _file: usize, _offset: u64, buf: &mut [u8]) -> io::Result<()> {
        buf.fill(b'x');
        Ok(())
    }
}

impl Planned {
    /// Lays the volume out and fills `rom`, a ROM area that begins at sector 2,048, with it.
    pub(crate) fn written(rom: &mut [u8]) -> Self {
        let file = |(path, size_bytes): (&str, u64)| Entry { path: path.to_owned(), size_bytes };
        let files = [
            ("/START.HTM", 5_000),
            ("/SCRIP/MANIFEST.CBR", 16_384),
            ("/CONTENT/a long name.txt", 70_000),
            ("/CONTENT/deep/er/x.bin", 9),
            ("/empty", 0),
        ];
        let label = Label::new("OURS").expect("a label");
        let geometry = Geometry::new(rom.len() as u64, 2048, label, 1).expect("a volume");
        let options = Options::sealed("/SCRIP/RESERVE.BIN");
        let plan = plan(&geometry, files.map(file).to_vec(), &options).expect("a plan");
        plan.read_at(0, rom, &Letters).expect("the volume");
        Self(plan)
    }

    pub(crate) fn compared(&self, rom: &[u8]) -> Comparison {
        let volume = MemoryDevice::from_bytes(rom.to_vec());
        compare(&self.0, &volume).expect("a comparison")
    }
}
