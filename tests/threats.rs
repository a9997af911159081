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
