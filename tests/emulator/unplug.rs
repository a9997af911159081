//! Sticks that are pulled out while their owner tops up, under a real kernel.
//!
//! Each round plugs the medium in, mounts both areas as desktops do, runs the player, and pulls the
//! stick out around the moment of the commit. The stick is slow to write, as real ones are, so that
//! a commit takes long enough to be hit.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use data_encoding::BASE64;
use scrip::crypto::{Random, SeededRandom};

use super::guest::Guest;
use super::owner::STATIC_PLAYER;
use super::{DESKTOP, written};
use crate::owner::bench::Bench;
use crate::owner::{OWN, SERIAL};
use crate::world::{Sample, World};

/// Unplugs at least, and at most: more than enough until some came within a commit, some after.
const ROUNDS: std::ops::Range<u32> = 20..60;
/// All but the one that was spent on the burn.
const SLOTS: [u8; 9] = [0, 1, 2, 4, 5, 6, 7, 8, 9];
/// Writes and flushes that the stick takes in a second.
const WRITES: u32 = 10;
/// What the player says when all is checked and the commit begins.
const CHECKED: &str = "/mnt/unplug/ram: checked";
/// Where a FAT volume says that it was not unmounted.
const DIRTY: usize = 65;

/// The player and what it needs, brought into the guest on a stick of zeros.
pub(crate) fn bring_in(guest: &Guest) {
    let player = fs::read(&*STATIC_PLAYER).unwrap();
    let (bytes, mut padded) = (player.len(), player);
    padded.resize(bytes.next_multiple_of(4096), 0);
    let stick = guest.plug(&written(&padded));
    let script = format!(
        "set -e; mkdir -p /tmp/unplug /mnt/unplug/rom /mnt/unplug/ram; cd /tmp/unplug
         head -c {bytes} {} >wallet; chmod +x wallet; echo -n '{OWN}' >own
         echo {} | base64 -d >trust.cbr; ./wallet --version",
        stick.disk(),
        BASE64.encode(&World::new().root),
    );
    let output = guest.run(&script);
    assert!(output.exit == 0 && output.console.contains("scrip-wallet"), "{}", output.console);
}

/// What a player said and how it ended whose stick was pulled out.
struct Pulled {
    said: String,
    exit: i32,
}

/// Top up in the guest; pull the stick out so long after the check.
fn pulled(guest: &Guest, image: &Path, code: &str, after: Duration) -> Pulled {
    let stick = guest.plug_slow(image, WRITES);
    // A player whose words go through a pipe draws no bars.
    let script = format!(
        "cd /tmp/unplug; rm -rf state; DISK=$(readlink -f {disk})
         mount -t vfat -o {DESKTOP} {rom} /mnt/unplug/rom || exit 99
         mount -t vfat -o {DESKTOP} {ram} /mnt/unplug/ram || exit 99
         {{ XDG_STATE_HOME=/tmp/unplug/state XDG_CONFIG_HOME=/tmp/unplug/config ./wallet \
            --trust trust.cbr --allow-test-root --medium /mnt/unplug/ram \
            topup {code} --password-file own; echo $? >ended; }} 2>&1 | cat
         while [ -e $DISK ]; do usleep 1000; done
         umount /mnt/unplug/rom /mnt/unplug/ram; exit $(cat ended)\n",
        disk = stick.disk(),
        rom = stick.part(1),
        ram = stick.part(3),
    );
    let pull = || {
        sleep(after);
        stick.unplug();
    };
    let output = guest.run_until(&script, CHECKED, pull);
    Pulled { said: output.console, exit: output.exit }
}

/// The writable volume is whole but for the dirty bit.
fn check_volume(bench: &Bench, sample: &Sample) {
    let area = sample.sealed.layout.ram();
    let range = usize::try_from(area.start).unwrap()..usize::try_from(area.end).unwrap();
    let mut volume = fs::read(bench.path()).unwrap()[range].to_vec();
    volume[DIRTY] &= !1;
    bench.put("ram", &volume);
    let output = Command::new("fsck.vfat").arg("-n").arg(bench.folder.path().join("ram")).output();
    let output = output.expect("on Debian: apt-get install dosfstools");
    let said = String::from_utf8_lossy(&output.stdout);
    let whole = output.status.success() && output.stderr.is_empty();
    assert!(whole && said.lines().count() == 2, "{said}");
}

/// Its balance, as a computer reads it that has never seen the medium.
fn balance(bench: &Bench) -> u64 {
    let _ = fs::remove_dir_all(bench.folder.path().join("state"));
    bench.balance().parse().unwrap()
}

#[test]
fn pulled_out_in_a_top_up_it_has_been_or_has_not() {
    let (guest, sample) = (Guest::shared(), Sample::new(SERIAL));
    let bench = Bench::of(&sample);
    bench.login().says(0, "is yours now");
    let fresh = fs::read(bench.path()).unwrap();
    bring_in(guest);
    let (mut random, mut longest) = (SeededRandom::new([5; 32]), Duration::from_millis(500));
    let (mut before, mut rounds) = (500, 0);
    let (mut cut, mut added, mut told) = (0, 0, 0);
    while rounds < ROUNDS.start || (rounds < ROUNDS.end && (cut == 0 || told == 0)) {
        if before == 500 * (1 + SLOTS.len() as u64) {
            fs::write(bench.path(), &fresh).unwrap();
            before = 500;
        }
        let slot = SLOTS[usize::try_from(before / 500).unwrap() - 1];
        let mut byte = [0];
        random.fill(&mut byte);
        let after = longest * u32::from(byte[0]) / 255;
        let Pulled { said, exit } = pulled(guest, &bench.path(), &bench.code(slot), after);
        let (acknowledged, found) = (said.contains("Added: "), balance(&bench));
        let has_been = found == before + 500;
        assert!(has_been || (found == before && !acknowledged), "{before}, then {found}: {said}");
        assert_eq!(exit, if acknowledged { 0 } else { 4 }, "{said}");
        check_volume(&bench, &sample);
        longest = if has_been { longest * 4 / 5 } else { longest * 5 / 4 };
        (before, rounds) = (found, rounds + 1);
        cut += u32::from(said.contains("error: writing the journal: "));
        added += u32::from(has_been);
        told += u32::from(acknowledged);
    }
    println!("{rounds} unplugs, {cut} within a commit: {added} had been, {told} of them were told");
    assert!(cut > 0 && told > 0, "{cut} within a commit, {told} after it");
    bench.run(&["login", "--password-file", "own"]).says(0, "the password is right");
    bench.run(&["doctor"]).says(0, "");
    assert_eq!(balance(&bench), before);
}
