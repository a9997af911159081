//! A write that waits for another program's says so once, and goes on when that has ended.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use scrip::crypto::SeededRandom;
use scrip::records::{Place, Records};
use scrip::units::StoreId;

use super::desk::Desk;

/// Another program in the middle of a write.
fn writing(desk: &Desk) -> Connection {
    let other = Connection::open(desk.path("issuer/records.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[test]
fn the_tool_says_once_that_it_waits_for_another_write() {
    let desk = Desk::stocked();
    for json in [&[][..], &["--json"]] {
        let other = writing(&desk);
        let reference = format!("payment {}", json.len());
        let arguments = [&["paid", "1", "250", "--reference", &reference], json].concat();
        let mut command = desk.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut told: Box<dyn BufRead> = match json {
            [] => Box::new(BufReader::new(child.stderr.take().unwrap())),
            _ => Box::new(BufReader::new(child.stdout.take().unwrap())),
        };
        let (mut all, word) =
            (String::new(), if json.is_empty() { "waiting for it" } else { "\"waiting\"" });
        while !all.contains(word) {
            assert!(told.read_line(&mut all).unwrap() > 0, "it ended without waiting: {all}");
        }
        drop(other);
        told.read_to_string(&mut all).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{all}");
        assert_eq!(all.matches(word).count(), 1, "{all}");
    }
}

#[test]
fn whoever_waits_is_told_where_and_not_again() {
    let desk = Desk::stocked();
    let mut records = Records::open(&Place::in_folder(&desk.path("issuer"))).unwrap();
    let told = Arc::new(Mutex::new(vec![]));
    let (places, other) = (Arc::clone(&told), writing(&desk));
    records.tell_waits(move |place| {
        places.lock().unwrap().push(place.to_owned());
        other.execute_batch("ROLLBACK").unwrap();
    });
    let (store, rng) = (StoreId::from_number(1).unwrap(), &mut SeededRandom::new([1; 32]));
    for _ in 0..2 {
        records.reserve_media(store, 1, rng).unwrap();
    }
    let told = told.lock().unwrap();
    assert!(told.len() == 1 && told[0].ends_with("records.db"), "{told:?}");
}
