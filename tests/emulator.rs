//! Media in the hands of a real kernel: Debian's, in a machine in software.
//!
//! What Linux 6.1 was seen to change on a full FAT32 volume whose files are all read-only, when it
//! is mounted for writing and its files are only read, listed and counted (`df`):
//!
//! | when | bytes of the volume |
//! |---|---|
//! | while mounted, and after a pull | boot sector, byte 65: bit 0 set; a clean unmount clears it |
//! | at a sync or a clean unmount | each file read: bytes 18 and 19 of its entry, the access date |
//!
//! Nothing else: not the backup boot sector, neither FAT, no folder's entry, no `FSInfo`. A volume
//! that was pulled keeps bit 0 through later clean unmounts, until `fsck.vfat -a` clears that bit.
//!
//! That holds because our volumes give the kernel nothing to mend. It rewrites all dates of an
//! entry with its access date, so that a date of 0 becomes 0x0021, and `FSInfo` at the first `df`,
//! so that "unknown" (`FF FF FF FF`) becomes a count and some cluster.
#![expect(clippy::disallowed_methods, reason = "a test reads and writes its own files")]

pub(crate) mod guest;
mod initramfs;
mod medium;
mod monitor;
#[cfg(feature = "wallet")]
mod owner;
mod packages;
mod planned;
#[cfg(feature = "wallet")]
pub(crate) mod unplug;
mod volume;

use guest::{Guest, Output};
use medium::{RAM, ROM, plain_medium};
use planned::Planned;
use scrip::fat::Kind;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use tempfile::{NamedTempFile, TempPath};
use volume::{Change, Volume, changes};

use crate::world::{Sample, World};

/// The options with which desktops mount a stick's FAT volumes (udisks).
pub(crate) const DESKTOP: &str = "rw,nosuid,nodev,uid=1000,gid=1000,fmask=0022,dmask=0022,codepage=437,\
    iocharset=ascii,shortname=mixed,showexec,utf8,flush,errors=remount-ro";
/// Reads of every file, lists every folder and counts what is free, as file managers do.
const READ: &str =
    "find $ROM $RAM -type f -exec head -c 9999 {} + >/dev/null; ls -lR $ROM; df $ROM $RAM";
/// The day of the guest's clock, 2031-05-06, as FAT writes it.
const TODAY: [u8; 2] = [0xA6, 0x66];
/// The first day of FAT's calendar.
const FIRST_DAY: [u8; 2] = [0x21, 0x00];

/// How a medium's time in the guest ends.
#[derive(Clone, Copy)]
enum End {
    Unmounted,
    Pulled,
}

/// Plugs a medium in, mounts both its areas, runs a script with `$ROM` and `$RAM`, takes it out.
fn use_medium(image: &Path, options: &str, script: &str, end: End) -> Output {
    let guest = Guest::shared();
    let stick = guest.plug(image);
    let script = format!(
        "set -e; DISK=$(readlink -f {disk}); ROM=/mnt/$$/rom RAM=/mnt/$$/ram; mkdir -p $ROM $RAM
         mount -t vfat -o {options} {rom} $ROM; mount -t vfat -o {options} {ram} $RAM
         {script}\n",
        disk = stick.disk(),
        rom = stick.part(1),
        ram = stick.part(3),
    );
    let output = match end {
        End::Unmounted => guest.run(&(script + "umount $ROM; umount $RAM")),
        End::Pulled => {
            let gone = "echo pull; while [ -e $DISK ]; do usleep 1000; done; umount $ROM $RAM";
            guest.run_until(&(script + gone), "pull", || stick.unplug())
        }
    };
    assert_eq!(output.exit, 0, "{}", output.console);
    output
}

/// What happened to a plain medium's ROM; that its RAM fared alike and the rest kept still is seen.
fn fate(before: &[u8], options: &str, script: &str, end: End) -> BTreeSet<Change> {
    let image = written(before);
    use_medium(&image, options, script, end);
    let after = fs::read(&image).unwrap();
    for part in [0..ROM.start, ROM.end..RAM.start, RAM.end..before.len()] {
        assert!(before[part.clone()] == after[part], "a byte outside the two areas changed");
    }
    let rom = changes(&before[ROM], &after[ROM]);
    let fields: BTreeSet<&str> = rom.iter().map(|change| change.field.as_str()).collect();
    for change in changes(&before[RAM], &after[RAM]) {
        assert!(fields.contains(change.field.as_str()), "only in RAM: {change:?}");
    }
    rom
}

fn written(bytes: &[u8]) -> TempPath {
    let file = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).expect("space for a medium");
    fs::write(file.path(), bytes).expect("space for a medium");
    file.into_temp_path()
}

static PLAIN: LazyLock<Vec<u8>> = LazyLock::new(plain_medium);

/// The changes that a person who only looks at a medium leaves in its ROM.
fn access_dates() -> BTreeSet<Change> {
    let rom = &PLAIN[ROM];
    let files = Volume::new(rom).entries().into_iter().filter(volume::Entry::is_file);
    let dates = files.map(|file| Change {
        field: format!("{}: access date", file.path),
        offset: file.offset + 18,
        before: rom[file.offset + 18..file.offset + 20].to_vec(),
        after: TODAY.to_vec(),
    });
    let dates: BTreeSet<Change> = dates.collect();
    assert_eq!(dates.len(), 5);
    dates
}

fn dirty_bit() -> Change {
    let field = "boot sector: state".to_owned();
    Change { field, offset: 65, before: vec![0], after: vec![1] }
}

#[test]
fn a_read_only_mount_changes_nothing() {
    assert_eq!(fate(&PLAIN, "ro", READ, End::Unmounted), BTreeSet::new());
    assert_eq!(fate(&PLAIN, "ro", READ, End::Pulled), BTreeSet::new());
}

#[test]
fn a_clean_unmount_leaves_access_dates() {
    for options in ["rw", DESKTOP] {
        assert_eq!(fate(&PLAIN, options, READ, End::Unmounted), access_dates(), "{options}");
    }
}

#[test]
fn a_pull_leaves_the_dirty_bit_and_what_was_synced() {
    let mut both = access_dates();
    both.insert(dirty_bit());
    let synced = format!("{READ}; sync");
    for options in ["rw", DESKTOP] {
        assert_eq!(fate(&PLAIN, options, &synced, End::Pulled), both, "{options}");
    }
    assert_eq!(fate(&PLAIN, "rw", "ls -lR $ROM", End::Pulled), BTreeSet::from([dirty_bit()]));
}

#[test]
fn a_pulled_volume_stays_dirty_after_a_clean_unmount() {
    let mut dirty = PLAIN.clone();
    dirty[ROM.start + 65] = 1;
    assert_eq!(fate(&dirty, DESKTOP, READ, End::Unmounted), access_dates());
}

#[test]
fn unset_dates_and_unknown_counts_are_mended() {
    let mut poor = PLAIN.clone();
    let files = Volume::new(&PLAIN[ROM]).entries();
    let start = files.iter().find(|file| file.path == "/START.HTM").expect("was put there");
    poor[ROM.start + start.offset..][13..20].fill(0);
    poor[ROM.start + start.offset..][22..26].fill(0);
    poor[ROM.start + 1000..][..8].fill(0xFF);
    let seen: Vec<(String, Vec<u8>)> = fate(&poor, "rw", READ, End::Unmounted)
        .into_iter()
        .filter(|change| {
            !change.field.ends_with("access date") && change.field != "FSInfo: next free"
        })
        .map(|change| (change.field, change.after))
        .collect();
    let mended = [
        ("/START.HTM: creation date".to_owned(), FIRST_DAY.to_vec()),
        ("/START.HTM: write date".to_owned(), FIRST_DAY.to_vec()),
        ("FSInfo: free count".to_owned(), vec![0; 4]),
    ];
    assert_eq!(seen, mended);
}

/// The time zone of the host moves dates to and fro; the calendar's first midnight survives that.
#[test]
fn the_first_day_of_the_calendar_survives_any_time_zone() {
    let mut early = PLAIN.clone();
    for file in Volume::new(&PLAIN[ROM]).entries() {
        let entry = &mut early[ROM.start + file.offset..][13..26];
        entry[..5].copy_from_slice(&[0, 0, 0, FIRST_DAY[0], FIRST_DAY[1]]);
        entry[9..].copy_from_slice(&[0, 0, FIRST_DAY[0], FIRST_DAY[1]]);
    }
    for minutes in [-720, 540] {
        let options = format!("rw,time_offset={minutes}");
        let fields = fate(&early, &options, READ, End::Unmounted);
        assert!(fields.iter().all(|change| change.field.ends_with("access date")), "{fields:?}");
        assert_eq!(fields.len(), access_dates().len());
    }
}

/// Looking leaves housekeeping; what file managers try to add leaves no more than a trace.
#[test]
fn what_a_kernel_does_to_our_volume_is_touched_and_an_owners_file_is_altered() {
    let mut medium = PLAIN.clone();
    let ours = Planned::written(&mut medium[ROM]);
    let tries = "mkdir $ROM/.Trashes || true; touch $ROM/.DS_Store; ls $ROM/.DS_Store
        echo view > $ROM/CONTENT/.DS_Store || true; rm $ROM/CONTENT/.DS_Store";
    for (script, end, kind) in [
        (READ, End::Unmounted, Kind::Housekeeping),
        (&format!("{READ}; sync"), End::Pulled, Kind::Housekeeping),
        (tries, End::Unmounted, Kind::Addition),
        ("touch $ROM/mine.txt", End::Unmounted, Kind::Altered),
    ] {
        let image = written(&medium);
        use_medium(&image, DESKTOP, script, end);
        let found = ours.compared(&fs::read(&image).unwrap()[ROM]);
        assert_eq!(found.gravest(), Some(kind), "{script}: {found:?}");
    }
}

#[test]
fn a_burnt_medium_is_touched_by_use_and_altered_by_a_file_of_its_owner() {
    let burnt = Sample::new(80).burnt().into_bytes();
    let trust = written(&World::new().root);
    for (script, end, exit, words) in [
        (READ, End::Unmounted, 0, "TEST: touched"),
        (&format!("{READ}; sync"), End::Pulled, 0, "TEST: touched"),
        ("touch $ROM/mine.txt", End::Unmounted, 3, "/mine.txt was added"),
    ] {
        let image = written(&burnt);
        use_medium(&image, DESKTOP, script, end);
        let output = Command::new(env!("CARGO_BIN_EXE_scrip-verify"))
            .args(["check", "--allow-test-root", "--trust"])
            .args([trust.as_os_str(), image.as_os_str()])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(exit), "{script}: {said}");
        assert!(said.contains(words), "{script}: {said}");
        assert!(said.contains("journal           sound: 2 records"), "{script}: {said}");
    }
}
