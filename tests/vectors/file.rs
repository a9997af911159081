//! Vector files: headers of `name: value`, an empty line, the bytes in hexadecimal.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

/// One vector: what it is, what a reader has to say of it, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Vector {
    /// `<folder>/<subject>` or `<folder>/<subject>_<fault>`, without an extension.
    pub(crate) name: String,
    /// Names and values in order.
    pub(crate) headers: Vec<(String, String)>,
    /// The bytes.
    pub(crate) body: Vec<u8>,
}

impl Vector {
    /// A vector without headers yet.
    pub(crate) fn new(name: String, body: Vec<u8>) -> Self {
        Self { name, headers: vec![], body }
    }

    /// Add a header.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        &found.unwrap_or_else(|| panic!("{}: no header {name}", self.name)).1
    }

    /// The folder that it lies in.
    pub(crate) fn folder(&self) -> &str {
        self.name.split_once('/').expect("a vector lies in a folder").0
    }

    /// Is it one that readers accept?
    pub(crate) fn is_good(&self) -> bool {
        self.header("expect") == "good"
    }

    /// The file's text.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.headers {
            writeln!(out, "{name}: {value}").unwrap();
        }
        out.push('\n');
        for line in self.body.chunks(48) {
            writeln!(out, "{}", HEXLOWER.encode(line)).unwrap();
        }
        out
    }

    fn parse(name: String, text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or_else(|| panic!("{name}: no body"));
        let split = |line: &str| {
            let (name, value) = line.split_once(": ").expect("a header has a colon");
            (name.to_owned(), value.to_owned())
        };
        let headers = head.lines().map(split).collect();
        let body = HEXLOWER.decode(body.replace('\n', "").as_bytes()).expect("hexadecimal");
        Self { name, headers, body }
    }
}

/// Where the vectors lie.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// Every vector that lies there, sorted by name.
pub(crate) fn read_all() -> Vec<Vector> {
    let mut all = vec![];
    for entry in walkdir::WalkDir::new(folder()).sort_by_file_name() {
        let entry = entry.expect("the vectors can be listed");
        if entry.path().extension().is_some_and(|extension| extension == "txt") {
            let text = fs::read_to_string(entry.path()).expect("a vector can be read");
            all.push(Vector::parse(name_of(entry.path()), &text));
        }
    }
    all
}

/// Put these vectors there, and take every other one away.
pub(crate) fn write_all(vectors: &[Vector]) {
    for old in read_all() {
        if vectors.iter().all(|new| new.name != old.name) {
            fs::remove_file(path_of(&old.name)).expect("an old vector can be removed");
        }
    }
    for vector in vectors {
        let path = path_of(&vector.name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(path, vector.text()).expect("a vector can be written");
    }
}

fn name_of(path: &Path) -> String {
    let relative = path.strip_prefix(folder()).expect("inside the folder").with_extension("");
    relative.to_str().expect("names are ASCII").to_owned()
}

fn path_of(name: &str) -> PathBuf {
    folder().join(format!("{name}.txt"))
}
