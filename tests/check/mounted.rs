//! Checking through directories, as an owner without rights on the device does.

use std::fs;
use std::path::{Path, PathBuf};

use scrip::device::{Device, MemoryDevice, MountedTree};
use scrip::fat::{Plan, Role};
use scrip::image::check::{
    Access, Grade, History, Identity, Mounts, Outcome, Part, Report, Verdict, check_mounted,
};
use scrip::image::layout::{RESERVE_PATH, USER_SLOT};
use scrip::image::leaves::Unwatched;
use scrip::words::Phrase;
use tempfile::TempDir;

use crate::world::{Sample, THREADS, World};

/// A medium whose two volumes lie in directories beside each other.
pub(crate) struct Mounted {
    pub(crate) folder: TempDir,
}

impl Mounted {
    pub(crate) fn new() -> Self {
        Self::of(&Sample::new(42))
    }

    pub(crate) fn of(sample: &Sample) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let device = sample.burnt();
        let layout = &sample.sealed.layout;
        copy_out(&device, layout.rom().start, &sample.sealed.plan, &folder.path().join("ROM"));
        let ram = &sample.stamped.ram.plan;
        copy_out(&device, layout.ram().start, ram, &folder.path().join("RAM"));
        Self { folder }
    }

    pub(crate) fn rom(&self, path: &str) -> PathBuf {
        self.folder.path().join("ROM").join(path.trim_start_matches('/'))
    }

    fn ram(&self, path: &str) -> PathBuf {
        self.folder.path().join("RAM").join(path.trim_start_matches('/'))
    }

    pub(crate) fn report(&self) -> Report {
        let rom = MountedTree::at(&self.rom(""));
        let ram = [MountedTree::at(&self.rom("")), MountedTree::at(&self.ram(""))];
        let mounts = Mounts { rom: &rom, ram: &ram };
        let identity = Identity::Unreadable("a test".to_owned());
        check_mounted(&mounts, &World::new().trust(), &identity, THREADS, &Unwatched).unwrap()
    }

    /// The one part that is at fault.
    pub(crate) fn culprit(&self) -> (Part, String) {
        let report = self.report();
        let seen = (report.verdict, report.grade(), report.faults.len());
        assert_eq!(seen, (Verdict::Altered, Grade::Damaged, 1), "{report:#?}");
        (report.faults[0].part.clone(), report.faults[0].reason.en().to_owned())
    }
}

/// Write every planned file of a volume into a directory.
fn copy_out(device: &MemoryDevice, start: u64, plan: &Plan, to: &Path) {
    for directory in plan.directories() {
        fs::create_dir_all(to.join(directory.path.trim_start_matches('/'))).unwrap();
    }
    for file in plan.files() {
        let mut bytes = vec![0; usize::try_from(file.size_bytes).unwrap()];
        if let (Some(offset), Role::Content) = (file.offset_bytes, file.role) {
            device.read_at(start + offset, &mut bytes).unwrap();
        }
        fs::write(to.join(file.path.trim_start_matches('/')), bytes).unwrap();
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn intact_files_are_the_best_that_directories_show() {
    let report = Mounted::new().report();
    assert_eq!((report.verdict, report.grade()), (Verdict::FilesIntact, Grade::Good), "{report:?}");
    assert!(matches!(report.history, History::Sound(_)) && report.access == Access::Sound);
    let open = report.steps.iter().filter(|step| {
        matches!(&step.outcome, Outcome::NotChecked(why) if why == "needs the device or image")
    });
    let open: Vec<_> = open.map(|step| step.what).collect();
    assert_eq!(open, ["seals", "hash tree", "partition tables"]);
    let headline = "TEST: files intact; seal not checked (needs the device or image)";
    assert_eq!(report.headline(), headline);
}

#[test]
fn each_change_of_a_file_is_named() {
    let file = |path: &str| Part::File(path.to_owned());
    let changed = "its data has changed";
    let mounted = Mounted::new();
    flip(&mounted.rom("/START.HTM"), 2_999);
    assert_eq!(mounted.culprit(), (file("/START.HTM"), changed.to_owned()));
    flip(&mounted.rom("/START.HTM"), 2_999);
    flip(&mounted.rom(RESERVE_PATH), 1_000_000);
    assert_eq!(mounted.culprit(), (file(RESERVE_PATH), changed.to_owned()));
    flip(&mounted.rom(RESERVE_PATH), 1_000_000);
    flip(&mounted.rom(USER_SLOT.path), 4_095);
    let (part, reason) = mounted.culprit();
    assert!(part == file(USER_SLOT.path) && reason.contains("padding is not zero"), "{reason}");
    flip(&mounted.rom(USER_SLOT.path), 4_095);
    let long = mounted.rom("/CONTENT/A long name with spaces.txt");
    fs::write(&long, fs::read(&long).unwrap().split_last().unwrap().1).unwrap();
    let (part, reason) = mounted.culprit();
    assert_eq!(part, file("/CONTENT/A long name with spaces.txt"));
    assert_eq!(reason, "it has 12344 bytes, the manifest says 12345");
    fs::remove_file(&long).unwrap();
    assert_eq!(mounted.culprit(), (part, "it is missing".to_owned()));
}

#[test]
fn what_systems_add_is_noted_and_all_else_is_altered() {
    let mounted = Mounted::new();
    for folder in ["System Volume Information", ".Spotlight-V100/Store"] {
        fs::create_dir_all(mounted.rom(folder)).unwrap();
        fs::write(mounted.rom(folder).join("IndexerVolumeGuid"), b"x").unwrap();
    }
    fs::write(mounted.rom("CONTENT/.DS_Store"), b"x").unwrap();
    let report = mounted.report();
    assert_eq!(report.verdict, Verdict::FilesIntact, "{report:#?}");
    assert_eq!(report.touches.len(), 3);
    fs::create_dir_all(mounted.rom("players/.Trashes")).unwrap();
    let (part, reason) = mounted.culprit();
    assert!(part == Part::FileSystem && reason == "/players/.Trashes was added", "{reason}");
}

#[test]
fn a_name_that_the_mount_cannot_show_is_found_by_its_content() {
    let mounted = Mounted::new();
    fs::rename(mounted.rom("/CONTENT/日本語.txt"), mounted.rom("/CONTENT/___.txt")).unwrap();
    fs::rename(mounted.rom("/START.HTM"), mounted.rom("/start.htm")).unwrap();
    let report = mounted.report();
    assert_eq!(report.verdict, Verdict::FilesIntact, "{report:#?}");
    assert_eq!(
        report.notes.iter().map(Phrase::en).collect::<Vec<_>>(),
        ["/CONTENT/日本語.txt is shown as \"/CONTENT/___.txt\" by this mount"]
    );
    flip(&mounted.rom("/CONTENT/___.txt"), 5);
    assert_eq!(mounted.report().verdict, Verdict::Altered);
}

#[test]
fn the_journal_is_looked_for_and_read_from_either_copy() {
    let mounted = Mounted::new();
    fs::remove_file(mounted.ram("/SCRIP/JOURNAL.A")).unwrap();
    fs::remove_file(mounted.ram("/SCRIP/ACCESS.B")).unwrap();
    let report = mounted.report();
    assert!(
        matches!(&report.history, History::Repaired { lacking, .. } if lacking == &["A"]),
        "{report:#?}"
    );
    assert!(matches!(&report.access, Access::OneCopy(why) if why.en().starts_with("copy B")));
    assert_eq!(report.grade(), Grade::Good);
    flip(&mounted.ram("/SCRIP/JOURNAL.B"), 100);
    let report = mounted.report();
    assert_eq!((report.verdict, report.grade()), (Verdict::FilesIntact, Grade::Damaged));
    let lost = "journal: frame 0 of generation 0 is damaged in both copies, frame 1 is there";
    assert!(matches!(&report.history, History::Damaged(why) if why.en() == lost));
    fs::remove_dir_all(mounted.ram("")).unwrap();
    fs::create_dir(mounted.ram("")).unwrap();
    let report = mounted.report();
    let words = "no writable area of this medium is mounted beside it";
    assert_eq!(report.grade(), Grade::Good);
    assert!(matches!(&report.history, History::NotChecked(why) if why.en() == words));
}

#[test]
fn a_directory_without_a_manifest_is_no_medium() {
    let mounted = Mounted::new();
    fs::remove_file(mounted.rom("/SCRIP/MANIFEST.CBR")).unwrap();
    let report = mounted.report();
    assert_eq!((report.verdict, report.grade()), (Verdict::NoMedium, Grade::Damaged));
    fs::write(mounted.rom("/SCRIP/MANIFEST.CBR"), b"no manifest").unwrap();
    let report = mounted.report();
    assert_eq!((report.verdict, report.faults.len()), (Verdict::Altered, 1), "{report:#?}");
}
