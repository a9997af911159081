//! The page of threats names tests that exist, and every threat has one.

use std::fs;
use std::path::Path;

fn read(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

/// Is there a test of this full name, written out or made by a macro in its module?
fn exists(name: &str) -> bool {
    let (path, test) = name.rsplit_once("::").expect("a full name has a module");
    let file = path.trim_end_matches("::tests").replace("::", "/");
    let places = ["src", "tests"].map(|top| {
        [format!("{top}/{file}.rs"), format!("{top}/{file}/mod.rs")].into_iter().find_map(read)
    });
    places.into_iter().flatten().any(|text| {
        let written = format!("#[test]\nfn {test}(");
        let flat: String = text.lines().map(str::trim).flat_map(|line| [line, "\n"]).collect();
        flat.contains(&written) || flat.contains(&format!("\n{test}: "))
    })
}

/// What the page has to answer, by words of its rows.
const ATTACKS: [&str; 25] = [
    "a clone and its original both brought to settle",
    "a clone or a rewound medium, spent at other owners",
    "the newest records cut off",
    "a code or voucher entered twice",
    "a code or voucher of another medium",
    "a guessed or forged code",
    "a forged voucher",
    "one kind of signed object passed off as another",
    "two spellings of one object",
    "one signature fits every message",
    "a stolen shop",
    "a thief signs old serials again",
    "a shop frames an owner with the first key",
    "an edited balance",
    "numbers that overflow",
    "another currency",
    "a byte of the read-only area changed",
    "a shop's key that seals a changed player",
    "a forged medium under a root of its own",
    "guessing the password of a found medium",
    "power lost anywhere",
    "a process that is killed",
    "two wallets at once",
    "partners who lie about bytes, or work together",
    "oversized, deep or hostile files",
];

#[test]
fn every_threat_names_tests_that_exist() {
    let page = read("docs/THREATS.md").unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| ")).map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        (cells[1].to_owned(), cells[3].to_owned())
    });
    let rows: Vec<_> =
        rows.filter(|(threat, _)| !["attack", "what happens"].contains(&&**threat)).collect();
    assert!(rows.len() > 35, "{} threats", rows.len());
    for named in ATTACKS {
        assert!(rows.iter().any(|(threat, _)| threat.contains(named)), "no row tells of {named}");
    }
    let mut named = 0;
    for (threat, shown) in rows {
        let tests: Vec<_> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "{threat}: no test");
        for test in tests {
            assert!(exists(test), "{threat}: there is no test {test}");
            named += 1;
        }
    }
    assert!(named > 50, "{named} tests are named");
    assert!(!exists("ledger::model::no_such_test") && !exists("no_such_room::tests::whatever"));
    let readme = read("README.md").unwrap();
    assert!(readme.contains("(docs/THREATS.md)"), "the README leads nobody there");
}
