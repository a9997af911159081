//! Proofs of forks: made by `reconcile --proofs`, checked by `proof` and by a reader in Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use data_encoding::HEXLOWER;
use scrip::crypto::digest::sha256;
use scrip::crypto::sign::SecretKey;
use scrip::format::certificate::{Certificate, Confirmation};
use scrip::format::checkpoint::Checkpoint;
use scrip::format::field::Bytes;
use scrip::format::plan::{Class, Finding};
use scrip::format::proof::ForkProof;
use scrip::format::store::{StoreEntry, StoreEvent};
use scrip::format::{Kind, Object};
use scrip::ledger::next::{self, Statement};
use scrip::ledger::{Hand, Proven, check_proof};
use scrip::reconcile::{Carried, Certified, Pieces, Unproven, fork_proof};
use scrip::shop::log::frame;
use scrip::trust::{Root, sign};
use scrip::units::Sequence;

use super::made::{Stick, host};
use super::office::{Office, only};
use super::tool::{folder, run};
use crate::owner::bench::{Answer, answer};
use crate::second_reader;
use crate::world::{World, at};

fn check(place: &Path, arguments: &[&str]) -> Answer {
    let mut command = Command::new(cargo_bin("scrip-verify"));
    command.arg("proof").args(arguments).current_dir(place);
    answer(command.env("XDG_CONFIG_HOME", place.join("config")))
}

fn is_rooted(place: &Path, file: &str) -> Answer {
    check(place, &[file, "--trust", "trust.cbr", "--allow-test-root"])
}

/// What the Python reader says of each file.
fn second(root: &Path, files: &[PathBuf]) -> Vec<bool> {
    let output = second_reader::run(
        "proof.py",
        std::iter::once(root).chain(files.iter().map(PathBuf::as_path)),
    );
    assert!(output.status.success(), "{}", second_reader::talk(&output));
    let told = String::from_utf8(output.stdout).unwrap();
    let verdicts: Vec<bool> = told.lines().map(|line| line == "good").collect();
    assert_eq!(verdicts.len(), files.len(), "{told}");
    verdicts
}

/// A medium and its copy that bought different things.
fn forked(office: &mut Office) -> [Stick; 2] {
    let mut stick = office.owned(0, 2);
    let mut copy = stick.clone();
    copy.buy(&office.ground, "film", 400);
    stick.buy(&office.ground, "song", 300);
    [stick, copy]
}

fn proof_of(office: &mut Office, sticks: &[&Stick]) -> Result<Vec<u8>, Unproven> {
    let files: Vec<_> = sticks.iter().map(|stick| stick.export(&office.ground)).collect();
    let plan = office.plan(&files);
    let heap = office.heap(&files);
    let finding: &Finding = only(&plan, Class::Fork);
    fork_proof(heap.trust(), &heap.media()[&sticks[0].id()], finding)
}

fn proven(office: &Office, proof: &[u8]) -> Proven {
    check_proof(proof, &office.ground.world.trust()).unwrap()
}

#[test]
fn a_fork_is_proven_without_the_records_and_by_both_readers() {
    let mut office = Office::new();
    let [stick, copy] = forked(&mut office);
    let files = [("one", stick.export(&office.ground)), ("other", copy.export(&office.ground))];
    let place = folder(&office, &files);
    let told = run(&office, place.path(), &["evidence", "--proofs", "proofs"]);
    told.says(1, "1 proof of a fork in proofs");
    let id = told.text.split(" fork: ").next().unwrap().lines().last().unwrap().to_owned();
    let file = format!("proofs/{id}.proof");
    drop(office);
    let good = is_rooted(place.path(), &file);
    good.says(0, "has two histories, under root ");
    good.says(0, "Both stand at sequence 4, and key ");
    good.says(0, "It is the owner's key by the rekey at record 1");
    good.says(0, "It does not show why: a copy, an old image");
    let mut json = Command::new(cargo_bin("scrip-verify"));
    json.args(["--json", "proof", &file, "--trust", "trust.cbr", "--allow-test-root"]);
    let result = answer(json.current_dir(place.path())).result();
    assert_eq!((&result["by"], &result["at"]), (&"rekeyed".into(), &1.into()), "{result}");
    assert_eq!((&result["seq"], &result["accuses"]), (&4.into(), &serde_json::Value::Null));
    assert_eq!(result["medium"], stick.id().to_string());
    let hashes = [&stick, &copy].map(|stick| HEXLOWER.encode(&stick.state.head));
    assert!(
        hashes
            .iter()
            .all(|hash| result["records"].as_array().unwrap().contains(&hash.clone().into()))
    );
    let root = place.path().join("trust.cbr");
    assert_eq!(second(&root, &[place.path().join(&file)]), [true]);
    check(place.path(), &[&file, "--allow-test-root", "--trust", "trust.cbr"]).says(0, "good: ");
    check(place.path(), &[&file]).says(5, "is a test root");
    is_rooted(place.path(), "trust.cbr").says(3, "trust.cbr: ");
    is_rooted(place.path(), "nothing").says(4, "nothing: there is no such file");
}

#[test]
fn every_changed_byte_is_refused_by_both_readers_alike() {
    let mut office = Office::new();
    let [stick, copy] = forked(&mut office);
    let proof = proof_of(&mut office, &[&stick, &copy]).unwrap();
    let trust = office.ground.world.trust();
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("trust.cbr");
    fs::write(&root, &office.ground.world.root).unwrap();
    let mut files = vec![];
    for at in 0..proof.len() {
        let mut changed = proof.clone();
        changed[at] ^= [0x01, 0x20, 0x80, 0xff][at % 4];
        let path = place.path().join(format!("{at}"));
        fs::write(&path, &changed).unwrap();
        files.push(path);
        assert!(check_proof(&changed, &trust).is_err(), "byte {at}");
    }
    for cut in [0, 1, proof.len() / 2, proof.len() - 1] {
        files.push(place.path().join(format!("cut-{cut}")));
        fs::write(files.last().unwrap(), &proof[..cut]).unwrap();
        assert!(check_proof(&proof[..cut], &trust).is_err(), "cut at {cut}");
    }
    let verdicts = second(&root, &files);
    let good: Vec<_> = verdicts.iter().zip(&files).filter(|(good, _)| **good).collect();
    assert!(good.is_empty(), "{good:?}");
    println!("{} changed proofs of {} bytes: both readers refuse each", files.len(), proof.len());
}

/// Another root, whose key signed nothing here.
fn other_root(world: &World) -> Vec<u8> {
    let root = Root::read(&world.root).unwrap();
    let key = SecretKey::from_seed([0x77; 32]);
    let own = Confirmation(key.public());
    sign(&key, &Certificate { key: own, ..Certificate::clone(root.certificate()) })
}

#[test]
fn what_can_stand_in_one_history_proves_nothing() {
    let mut office = Office::new();
    let [stick, copy] = forked(&mut office);
    let other = office.owned(1, 1);
    let good = ForkProof::decode(&proof_of(&mut office, &[&stick, &copy]).unwrap()).unwrap();
    let record = |stick: &Stick, seq: usize| Bytes(stick.records[seq].bytes().to_vec());
    let world = &office.ground.world;
    let other_certificate = Some(Bytes(other.certificate.bytes().to_vec()));
    let cases = [
        (ForkProof { other: good.one.clone(), ..good.clone() }, "both say the same, "),
        (ForkProof { other: record(&stick, 3), ..good.clone() }, "they stand at 4 and 3"),
        (ForkProof { rekey: None, ..good.clone() }, "signed by key "),
        (ForkProof { rekey: Some(record(&stick, 0)), ..good.clone() }, "is no rekey"),
        (ForkProof { certificate: None, ..good.clone() }, "no medium's certificate"),
        (ForkProof { certificate: other_certificate, ..good.clone() }, "record: signed by key "),
        (ForkProof { chain: world.settler_chain.clone(), ..good.clone() }, "expected a store"),
    ];
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("trust.cbr");
    fs::write(&root, &world.root).unwrap();
    let mut files = vec![];
    for (proof, words) in cases {
        let error = check_proof(&proof.encode(), &world.trust()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        files.push(place.path().join(format!("{}", files.len())));
        fs::write(files.last().unwrap(), proof.encode()).unwrap();
    }
    assert_eq!(second(&root, &files), vec![false; files.len()]);
    fs::write(place.path().join("good"), good.encode()).unwrap();
    fs::write(place.path().join("other.cbr"), other_root(world)).unwrap();
    check(place.path(), &["good", "--trust", "other.cbr", "--allow-test-root"])
        .says(5, "good: it stands under root ");
    assert_eq!(second(&place.path().join("other.cbr"), &[place.path().join("good")]), [false]);
}

#[test]
fn before_the_owners_key_it_accuses_the_store() {
    let mut office = Office::new();
    let mut stick = office.ground.burnt(office.media[0]);
    office.burn(&stick);
    office.sell(stick.id());
    let mut copy = stick.clone();
    stick.code(&office.ground, 0);
    office.sell_code(stick.id(), 0);
    stick.rekey(&office.ground, 1);
    copy.rekey(&office.ground, 1);
    let proof = proof_of(&mut office, &[&stick, &copy]).unwrap();
    let proven = proven(&office, &proof);
    assert_eq!((proven.by, proven.seq), (Hand::StoreMade, Sequence::FIRST.next().unwrap()));
    let place = folder(&office, &[]);
    fs::write(place.path().join("it.proof"), proof).unwrap();
    is_rooted(place.path(), "it.proof").says(0, "it accuses the store, not the owner");
}

#[test]
fn the_longest_real_proof_fits_and_a_longer_pair_gives_way_to_a_shorter() {
    let mut office = Office::new();
    let mut stick = office.owned(0, 3);
    let mut copy = stick.clone();
    copy.buy(&office.ground, "film", 400);
    let settled = settled_fully(&office, &copy);
    // The medium takes the checkpoint over by a merge, the copy goes on.
    stick.buy(&office.ground, "song", 300);
    let certificate = office.ground.world.settler_chain.0[0].clone();
    let statement = Statement { checkpoint: &settled, certificate: &certificate };
    let events: Vec<[u8; 16]> = vec![];
    let mut long = stick.clone();
    long.put(&office.ground, &next::merge(&long.state, &host(), [7; 16], &statement, &events));
    let merged = long.records.last().unwrap().bytes().len();
    let mut rival = stick.clone();
    rival.put(&office.ground, &next::merge(&rival.state, &host(), [8; 16], &statement, &events));
    let proof = proof_of(&mut office, &[&long, &rival]);
    assert!(matches!(proof, Err(Unproven::TooLong(_))), "{proof:?}");
    for stick in [&mut long, &mut rival] {
        stick.play(&office.ground, "song");
    }
    let proof = proof_of(&mut office, &[&long, &rival]).unwrap();
    let found = proven(&office, &proof);
    assert_eq!(found.seq.number(), stick.state.next.number() + 1, "the first two are too long");
    println!("merge records of {merged} bytes; a proof of {} bytes", proof.len());
    assert!(merged > 1_200 && proof.len() <= Kind::ForkProof.bytes_max());
}

/// The rekey lies in an archive that nobody brought: the checkpoint that a journal begins behind
/// names the key, and is as long as a settler makes one.
#[test]
fn the_longest_checkpoint_names_the_key_within_the_limit() {
    let mut office = Office::new();
    let [stick, copy] = forked(&mut office);
    let files = [stick.export(&office.ground), copy.export(&office.ground)];
    let plan = office.plan(&files);
    let checkpoint = settled_fully(&office, &stick);
    let certificate = office.ground.world.settler_chain.0[0].clone();
    let of = |stick: &Stick| stick.records.last().unwrap().bytes().to_vec();
    let mut pieces = Pieces::default();
    let (store, issuer) = (office.ground.store.clone(), office.ground.issuer.clone());
    let certified = Certified { certificate: stick.certificate.clone(), store, issuer };
    pieces.certified.insert(stick.certificate.hash(), certified);
    pieces.records =
        [&stick, &copy].map(of).into_iter().map(|record| (sha256(&record), record)).collect();
    let finding = only(&plan, Class::Fork);
    let trust = office.ground.world.trust();
    assert_eq!(fork_proof(&trust, &pieces, finding), Err(Unproven::Keys));
    pieces
        .carried
        .insert(sha256(&checkpoint), Carried { checkpoint: checkpoint.clone(), certificate });
    let proof = fork_proof(&trust, &pieces, finding).unwrap();
    println!("a checkpoint of {} bytes; a proof of {} bytes", checkpoint.len(), proof.len());
    assert_eq!(proven(&office, &proof).by, Hand::Settled(1));
    assert!(proof.len() > 3 << 10 && proof.len() <= Kind::ForkProof.bytes_max());
    let place = tempfile::tempdir().unwrap();
    let (root, file) = (place.path().join("trust.cbr"), place.path().join("it.proof"));
    fs::write(&root, &office.ground.world.root).unwrap();
    fs::write(&file, &proof).unwrap();
    assert_eq!(second(&root, &[file]), [true]);
}

/// A checkpoint as full as a settler makes one.
fn settled_fully(office: &Office, stick: &Stick) -> Vec<u8> {
    use scrip::format::checkpoint::{Bounded, SettledSince, UsedVoucher};
    let voucher = |number: u8| UsedVoucher { id: [number; 16], seq: Sequence::FIRST, at: at(5) };
    let checkpoint = Checkpoint {
        medium: stick.id(),
        number: 1,
        prev: stick.certificate.hash(),
        seq: Sequence::from_number(stick.state.next.number() - 1),
        head: stick.state.head,
        holder: stick.state.holder,
        settled: stick.state.balance,
        provisional: crate::world::minor(0),
        debt: crate::world::minor(0),
        open: Bounded(vec![]),
        slots: Bounded(vec![]),
        vouchers: Bounded((0..40).map(voucher).collect()),
        counted: Bounded((0..20).map(|event| [event; 16]).collect()),
        cleared: Bounded(vec![]),
        exceptions: Bounded(vec![]),
        policy: 1,
        revocation: 0,
        as_of: at(5),
        settled_since: Some(SettledSince { number: 0, events: next::settled_since(&[]) }),
        attachments: Bounded(vec![]),
    };
    sign(&office.ground.world.settler, &checkpoint)
}

#[test]
fn a_store_that_signed_two_journals_is_proven_to_have() {
    let mut office = Office::new();
    let stick = office.owned(0, 1);
    let chain = office.ground.store.chain();
    let entry = StoreEntry {
        seq: 0,
        prev: office.ground.store.certificate().hash(),
        store: office.ground.store.certificate().grant.as_ref().unwrap().store,
        at: at(100),
        event: StoreEvent::Sold,
        medium: stick.id(),
        burn: None,
        value: None,
        price: None,
        voids: None,
    };
    let signed = sign(&office.ground.world.store, &entry);
    let journal = [frame(&chain.encode()), frame(&signed)].concat();
    let place = folder(&office, &[("journal", journal)]);
    let told = run(&office, place.path(), &["evidence", "--proofs", "proofs"]);
    told.says(1, "fork: store 7, #0");
    told.says(1, "1 proof of a fork in proofs");
    let files: Vec<_> = fs::read_dir(place.path().join("proofs")).unwrap().collect();
    let file = files[0].as_ref().unwrap().path();
    is_rooted(place.path(), file.to_str().unwrap())
        .says(0, "store 7 (test store) signed two journals");
    assert_eq!(second(&place.path().join("trust.cbr"), &[file]), [true]);
}
