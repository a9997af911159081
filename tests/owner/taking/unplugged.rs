//! A partner that is pulled out of a machine while an item comes from it, under a real kernel.
//!
//! Its stick is slow to write, as real ones are: it keeps a receipt for each chunk, so that there is
//! time to be hit.

use std::time::Duration;

use scrip::crypto::{Random, SeededRandom};

use super::fair::{CHUNK, Fair, Form, LENGTH, song};
use crate::emulator::DESKTOP;
use crate::emulator::guest::{Guest, Output, Stick};
use crate::emulator::unplug::bring_in;

/// Rounds at most: more than enough until some were hit.
const ROUNDS: u32 = 12;
/// So many have to be.
const HITS: u32 = 3;
/// Writes and flushes that the partner's stick takes in a second.
const WRITES: u32 = 30;
/// What the player says when the other medium is checked.
const CHECKED: &str = "/mnt/take/two/ram: checked";

fn mounted(name: &str, stick: &Stick<'_>) -> String {
    let [rom, ram] = [1, 3].map(|part| stick.part(part));
    format!(
        "mkdir -p /mnt/take/{name}/rom /mnt/take/{name}/ram
         mount -t vfat -o {DESKTOP} {rom} /mnt/take/{name}/rom || exit 99
         mount -t vfat -o {DESKTOP} {ram} /mnt/take/{name}/ram || exit 99\n"
    )
}

/// Take the song from `two` in the guest, and pull that out so long after its check.
fn pulled(guest: &Guest, fair: &Fair, after: Duration) -> Output {
    let one = guest.plug(&fair.path("one"));
    let two = guest.plug_slow(&fair.path("two"), WRITES);
    let script = format!(
        "cd /tmp/unplug; rm -rf state; DISK=$(readlink -f {disk})
         {}{}
         {{ XDG_STATE_HOME=/tmp/unplug/state XDG_CONFIG_HOME=/tmp/unplug/config ./wallet \
            --trust trust.cbr --allow-test-root --medium /mnt/take/one/ram \
            take song --from /mnt/take/two/ram \
            --password-file own --from-password-file own; echo $? >ended; }} 2>&1 | cat
         while [ -e $DISK ]; do usleep 1000; done
         umount /mnt/take/*/rom /mnt/take/*/ram; exit $(cat ended)\n",
        mounted("one", &one),
        mounted("two", &two),
        disk = two.disk(),
    );
    guest.run_until(&script, CHECKED, || {
        std::thread::sleep(after);
        two.unplug();
    })
}

#[test]
fn pulled_out_half_way_it_is_named_and_goes_on_elsewhere() {
    let (guest, fair) = (Guest::shared(), Fair::new(Form::Images));
    bring_in(guest);
    let (mut random, mut longest) = (SeededRandom::new([6; 32]), Duration::from_secs(4));
    let (mut rounds, mut hits) = (0, 0);
    while rounds < ROUNDS && hits < HITS {
        fair.restore(&["one", "two", "three-of-two"]);
        let mut byte = [0];
        random.fill(&mut byte);
        let Output { console, exit } = pulled(guest, &fair, longest * u32::from(byte[0]) / 255);
        assert!([0, 4].contains(&exit), "{exit}: {console}");
        let covered = fair.covered("one");
        longest = if exit == 0 { longest * 4 / 5 } else { longest * 5 / 4 };
        if exit == 4 && covered > 0 {
            assert!(console.contains("taking song on ") && covered < LENGTH, "{console}");
            assert!(console.contains("hint: what came until then is kept and paid"), "{console}");
            hits += 1;
        }
        let unpaid = fair.unpaid("one", "two");
        assert!(unpaid <= CHUNK, "{unpaid} bytes are unpaid: {console}");
        let rest = fair.take("one", "three-of-two", &[]);
        assert_eq!(rest.exit, 0, "{console}, then {}", rest.text);
        fair.take("one", "two", &[]).says(0, "Already yours");
        assert!(fair.file("one") == song(), "other bytes: {console}");
        fair.adds_up("one", &["two", "three-of-two"]);
        for name in ["one", "two"] {
            fair.run(name, &["doctor"]).says(0, "");
        }
        rounds += 1;
    }
    println!("{rounds} times pulled out, {hits} within the transfer");
    assert!(hits > 0, "it was always too early or too late");
}
