//! What a run of reconciling remembers: files of it, and values.

use scrip::device::Keyed;
use scrip::format::Object;
use scrip::format::plan::PlanEntry;
use scrip::reconcile::is_believed;
use scrip::units::MediumId;

use super::seeds::Seeds;

/// The medium that the values are of.
const MEDIUM: u64 = 482_109_376_527;

fn medium() -> MediumId {
    MediumId::from_number(MEDIUM).expect("a medium's number")
}

/// Files: empty, whole, cut off, another's; and values that are changed as they are kept.
pub(super) fn files() -> Seeds {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("found");
    let keyed = Keyed::open(&path, &[8; 32]).expect("a file");
    keyed.keep([1; 32], b"one").expect("room");
    keyed.keep([3; 32], &[7; 40]).expect("room");
    let whole = std::fs::read(&path).expect("a file");
    let cut = &whole[..whole.len() - 5];
    let files = [("empty", &b""[..]), ("whole", &whole), ("cut", cut), ("diary", b"dear diary")];
    let files = files.map(|(name, bytes)| (name.to_owned(), [&[0], bytes].concat()));
    let kept = [&[1, 1, 0, 3][..], b"one", &[0, 3, 0, 2], b"ab", &[1, 0, 99, 4]].concat();
    files.into_iter().chain([("kept".to_owned(), kept)]).collect()
}

/// Numbers and bytes behind their lengths.
#[derive(Default)]
struct Value(Vec<u8>);

impl Value {
    fn numbers(mut self, numbers: &[u64]) -> Self {
        self.0.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        self
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        let mut value = self.numbers(&[bytes.len() as u64]);
        value.0.extend(bytes);
        value
    }

    fn seed(self, name: &str) -> (String, Vec<u8>) {
        assert!(is_believed(medium(), &self.0), "{name}");
        (name.to_owned(), [&MEDIUM.to_be_bytes()[..], &self.0].concat())
    }
}

/// What is found of a medium alone and with what it was charged, verdicts, an entry.
pub(super) fn values(receipt: &[u8]) -> Seeds {
    let entry = PlanEntry { medium: Some(medium()), before: None, findings: vec![], posting: None };
    let entry = entry.encode();
    let begun = || Value::default().bytes(&[0; 16]).bytes(&entry);
    let alone = begun().numbers(&[0, 0, 0, 0]).bytes(&[]).numbers(&[0]);
    let shown = Value::default().numbers(&[MEDIUM, 60, 7]).0;
    let sums = Value::default().numbers(&[300, 100]).0;
    let shown = [&shown[..], &[6; 32], &[5; 16], &[4; 16], &[3; 32], &sums, &[0, 0, 1, 0], receipt];
    let (mark, shown) = ([9; 16], shown.concat());
    let charged = begun().numbers(&[1, 1_001, 901, 1, MEDIUM]).bytes(&mark).numbers(&[1]);
    let charged = charged.bytes(&shown).bytes(&[2; 32]).numbers(&[1]);
    let credited = charged.bytes(&[1; 16]).bytes(&[2; 32]).numbers(&[4, 500]).bytes(b"a record");
    let verdicts = (0..5).fold(Value::default(), |all, form| {
        let by = all.numbers(&[MEDIUM, MEDIUM]).bytes(&[1; 16]).numbers(&[3]);
        by.bytes(&[7; 32]).numbers(&[form]).bytes(&[8; 32]).numbers(&[60])
    });
    vec![
        alone.seed("alone"),
        credited.seed("charged"),
        verdicts.seed("verdicts"),
        Value(entry).seed("entry"),
    ]
}
