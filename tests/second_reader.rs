//! A second reader, in Python and from SPEC.md, agrees about every vector and about a burnt medium.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use scrip::crypto::digest::sha256;
use scrip::crypto::{Secret, SeededRandom};
use scrip::device::{Access, Device, FileDevice};
use scrip::trust::EditionSecret;

use crate::goods;
use crate::world::{Sample, World, edition_secret};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Python that `./test` prepared, else one that is prepared here.
pub(crate) fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| match std::env::var_os("SCRIP_PYTHON") {
        Some(given) => PathBuf::from(given),
        None => prepared(),
    })
}

/// The virtual environment under `target` that `./test` makes too.
fn prepared() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a folder in target");
    let folder = target.join("reader-venv");
    let python = folder.join("bin/python");
    let requirements = repository().join("tests/readers/requirements.txt");
    let stamp = folder.join("made-with");
    let wanted = std::fs::read_to_string(&requirements).unwrap();
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return python;
    }
    let hint = "apt-get install python3 python3-venv";
    let run = |program: &Path, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).status();
        assert!(status.is_ok_and(|status| status.success()), "{arguments:?} failed: {hint}");
    };
    run(Path::new("python3"), &["-m", "venv", folder.to_str().unwrap()]);
    let pip = ["-m", "pip", "--quiet", "install", "-r", requirements.to_str().unwrap()];
    run(&python, &pip);
    std::fs::write(stamp, wanted).unwrap();
    python
}

pub(crate) fn read(arguments: &[&str]) -> Output {
    run("scrip_reader.py", arguments)
}

/// Run one of the readers.
pub(crate) fn run<A: AsRef<OsStr>>(reader: &str, arguments: impl IntoIterator<Item = A>) -> Output {
    let script = repository().join("tests/readers").join(reader);
    let mut command = Command::new(python());
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).args(arguments);
    command.output().expect("SCRIP_PYTHON runs; else: apt-get install python3 python3-venv")
}

pub(crate) fn talk(output: &Output) -> String {
    let parts = [&output.stdout, &output.stderr];
    parts.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

#[test]
fn it_reads_every_vector_as_stated() {
    let vectors = repository().join("tests/vectors");
    let cddl = repository().join("src/format/scrip.cddl");
    let arguments = ["vectors", vectors.to_str().unwrap(), "--cddl", cddl.to_str().unwrap()];
    let output = read(&arguments);
    let talk = talk(&output);
    assert!(output.status.success(), "{}", only(&talk, "DISAGREES"));
    let count = crate::vectors::file::read_all().len();
    assert!(talk.ends_with(&format!("{count} vectors, 0 disagree\n")), "{talk}");
}

/// The lines that matter, for a message.
fn only(talk: &str, word: &str) -> String {
    let lines: Vec<_> = talk.lines().filter(|line| line.contains(word)).collect();
    if lines.is_empty() { talk.to_owned() } else { lines.join("\n") }
}

struct Burnt {
    folder: tempfile::TempDir,
    image: PathBuf,
    trust: PathBuf,
}

/// A medium in a file and its root beside it.
fn burnt() -> Burnt {
    let folder = tempfile::tempdir().unwrap();
    let (image, trust) = (folder.path().join("medium.img"), folder.path().join("trust.cbr"));
    std::fs::write(&image, Sample::new(31).burnt().into_bytes()).unwrap();
    std::fs::write(&trust, World::new().root).unwrap();
    Burnt { folder, image, trust }
}

/// What it finds in a file, which has to be good.
pub(crate) fn found(what: &str, file: &Path, trust: &Path) -> serde_json::Value {
    let output = read(&[what, file.to_str().unwrap(), "--trust", trust.to_str().unwrap()]);
    assert!(output.status.success(), "{}", talk(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What it finds on a medium in an image file, which has to be good.
pub(crate) fn found_on(image: &Path, trust: &Path) -> serde_json::Value {
    found_under_test_roots("medium", image, trust)
}

/// What it finds on a medium in the folders ROM and RAM of one, which has to be good.
pub(crate) fn found_in(folder: &Path, trust: &Path) -> serde_json::Value {
    found_under_test_roots("mounted", folder, trust)
}

fn found_under_test_roots(what: &str, place: &Path, trust: &Path) -> serde_json::Value {
    let (place, trust) = (place.to_str().unwrap(), trust.to_str().unwrap());
    let output = read(&[what, place, "--allow-test-root", "--trust", trust]);
    assert!(output.status.success(), "{}", talk(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn read_medium(burnt: &Burnt, trusted: bool) -> Output {
    let mut arguments = vec!["medium", burnt.image.to_str().unwrap(), "--allow-test-root"];
    if trusted {
        arguments.extend(["--trust", burnt.trust.to_str().unwrap()]);
    }
    read(&arguments)
}

#[test]
fn it_opens_sealed_items_with_their_editions_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (image, secret) = (folder.path().join("medium.img"), folder.path().join("own.secret"));
    std::fs::write(&image, goods::sample(33).burnt().into_bytes()).unwrap();
    let file = |secret: &EditionSecret| secret.to_file(&mut SeededRandom::new([0; 32]));
    std::fs::write(&secret, file(&edition_secret())).unwrap();
    let arguments = ["items", image.to_str().unwrap(), "--secret", secret.to_str().unwrap()];
    let output = read(&arguments);
    assert!(output.status.success(), "{}", talk(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let plain = goods::plain(goods::DEAR);
    assert_eq!(found["dear"]["bytes"], plain.len());
    assert_eq!(found["dear"]["content"], data_encoding::HEXLOWER.encode(&sha256(&plain)));
    assert!(found["fair"].is_object() && found["gift"].is_null(), "{found}");
    std::fs::write(&secret, file(&EditionSecret::new(Secret::new([1; 32])))).unwrap();
    let refused = read(&arguments);
    assert!(!refused.status.success() && talk(&refused).contains("another secret"));
}

#[test]
fn it_verifies_a_burnt_medium_whole() {
    let burnt = burnt();
    let output = read_medium(&burnt, true);
    assert!(output.status.success(), "{}", talk(&output));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let sample = Sample::new(31);
    assert_eq!(found["medium"], sample.stamped.medium.to_string());
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    assert_eq!(found["edition"], hex(&sample.sealed.id));
    assert_eq!(found["root"], hex(&sample.stamped.root));
    assert_eq!(found["root_certificate"]["pinned"], true);
    assert_eq!(found["files"], sample.sealed.manifest.files.len());
    assert_eq!((&found["balance"], &found["copies_agree"]), (&500.into(), &true.into()));
    assert_eq!(found["records"].as_array().unwrap().len(), 2);
    let unpinned = read_medium(&burnt, false);
    let found: serde_json::Value = serde_json::from_slice(&unpinned.stdout).unwrap();
    assert_eq!(found["root_certificate"]["pinned"], false);
}

#[test]
fn it_refuses_a_medium_with_one_bit_flipped() {
    let burnt = burnt();
    let sample = Sample::new(31);
    let layout = &sample.sealed.layout;
    let rom = |path: &str| layout.rom().start + sample.sealed.plan.locate(path).unwrap();
    let cases = [
        (512 + 60, "the primary partition table"),
        (layout.medium_bytes() - 500, "the backup partition table"),
        (layout.rom().start + 67, "serial of the read-only volume"),
        (rom("/START.HTM") + 10, "content of /START.HTM"),
        (rom("/SCRIP/MEDIUM/CERT.CBR") + 200, "signature"),
        (rom("/SCRIP/MEDIUM/USER.CBR") + 4_000, "padding"),
        (rom("/SCRIP/MANIFEST.CBR") + 500, "signature"),
        (layout.seal().start + 4_096 + 5, "the stored hash tree"),
        (layout.edition_seal().start - 1, "bytes behind the hash tree"),
        (layout.edition_seal().start + 100, "signature"),
        (layout.medium_seal().end - 1, "padding"),
    ];
    for (at, words) in cases {
        flip(&burnt.image, at);
        let output = read_medium(&burnt, true);
        assert_eq!(output.status.code(), Some(3), "byte {at}: {}", talk(&output));
        assert!(talk(&output).contains(words), "byte {at}: {}", talk(&output));
        flip(&burnt.image, at);
    }
    assert!(read_medium(&burnt, true).status.success());
    burnt.folder.close().unwrap();
}

fn flip(image: &Path, at: u64) {
    let file = FileDevice::open(image, Access::Write).unwrap();
    let mut byte = [0];
    file.read_at(at, &mut byte).unwrap();
    file.write_at(at, &[byte[0] ^ 1]).unwrap();
}
