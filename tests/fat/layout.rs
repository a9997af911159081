//! The layout's vectors: volumes of this version are the same for ever.

use std::path::Path;
use std::process::Command;

use data_encoding::HEXLOWER;
use scrip::crypto::digest::sha256;
use scrip::fat::{Geometry, Label, Options, plan};

use super::{Bytes, MIB, Tree, entries, run};

const SPEC: &str = include_str!("../../src/fat/SPEC.md");

#[test]
fn volumes_have_the_digests_that_the_specification_states() {
    let file = |(path, len): (&str, usize)| (path.to_owned(), vec![b'x'; len]);
    let tree: Tree = [
        ("/START.HTM", 5_000),
        ("/start script.sh", 600),
        ("/CONTENT/a long name.htm", 70_000),
        ("/CONTENT/empty", 0),
    ]
    .map(file)
    .into();
    for mib in [34, 260] {
        let label = Label::new("SCRIP").expect("a label");
        let geometry = Geometry::new(mib * MIB, 2_048, label, 7).expect("a volume");
        let reserve = Options::sealed("/SCRIP/RESERVE.BIN");
        for (kind, options) in [("reserve", reserve), ("writable", Options::writable())] {
            let plan = plan(&geometry, entries(&tree), &options).expect("a plan");
            let mut bytes = vec![0xA5; usize::try_from(mib * MIB).expect("a small volume")];
            plan.read_at(0, &mut bytes, &Bytes::of(&tree)).expect("the volume");
            let row = format!("| {mib} | {kind} | `{}` |", HEXLOWER.encode(&sha256(&bytes)));
            assert!(SPEC.lines().any(|line| line == row), "not in the specification: {row}");
        }
    }
}

#[test]
fn a_second_writer_makes_the_same_volumes_from_the_specification() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/fat_layout.py");
    let rows = run("python3", Command::new("python3").arg(script));
    assert_eq!(rows.lines().count(), 4);
    for row in rows.lines() {
        assert!(SPEC.lines().any(|line| line == row), "not in the specification: {row}");
    }
}
