//! `proof`: a fork that stands by itself; and the proofs that a run writes.

use std::convert::Infallible;
use std::path::Path;

use data_encoding::HEXLOWER;
use scrip::device::{Folder, FolderError, Privacy, read_file};
use scrip::format::Kind;
use scrip::format::plan::{Class, Finding};
use scrip::ledger::{Hand, Proven, check_proof};
use scrip::reconcile::{Evidence, Index, Unproven, fork_proof, rival_entries, shown_id};
use scrip::tool::{Classed, Exit, Failure, Output, pinned_roots, printable};
use scrip::trust::{Anchor, TestRoots, Trust};
use serde_json::{Value, json};

use crate::cli::ProofArgs;
use crate::made::Plan;

pub(crate) fn check(args: &ProofArgs, output: &Output) -> Result<Exit, Failure> {
    let test_roots = if args.allow_test_root { TestRoots::Allowed } else { TestRoots::Refused };
    let trust = Trust::new(pinned_roots(&args.trust)?, test_roots);
    let bytes = read(&args.proof)?;
    let named = args.proof.display();
    let proven = check_proof(&bytes, &trust)
        .map_err(|error| Failure::of(Exit::from(&error), &error).during(format!("{named}")))?;
    if let Anchor::Unpinned(root) = proven.root {
        let error = format!("{named}: it stands under root {root}, which nothing here pins");
        return Err(Failure::new(Exit::Refusal, error)
            .hint("compare the fingerprint with the issuer, then name its root with --trust"));
    }
    for line in told(&proven) {
        output.line(line);
    }
    output.result(Exit::Done, &fields(&proven));
    Ok(Exit::Done)
}

/// A longer file is no proof.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_file(path, Kind::ForkProof.bytes_max() as u64).map_err(|error| match error {
        FolderError::TooLong { .. } => Failure::of(Exit::Damage, &error),
        _ => Failure::of(Exit::Failure, &error),
    })
}

/// What a proof shows and what it doesn't, for a person.
fn told(proven: &Proven) -> Vec<String> {
    let Proven { root, store: (id, name), medium, seq, hashes, key, by } = proven;
    let store = format!("store {id} ({})", printable(name));
    let [one, other] = hashes.map(|hash| HEXLOWER.encode(&hash));
    let what = match medium {
        Some(medium) => format!("medium {} of {store} has two histories", medium.grouped()),
        None => format!("{store} signed two journals"),
    };
    let whose = match by {
        Hand::Store => format!("It is {store}'s own key."),
        Hand::StoreMade => format!(
            "{store} made that key, which signs before the owner's first login: it accuses the \
             store, not the owner."
        ),
        Hand::Rekeyed(at) => format!(
            "It is the owner's key by the rekey at record {at}, which the key that the store made \
             signed too: another rekey of this medium would make this proof void."
        ),
        Hand::Settled(number) => {
            format!("It is the owner's key by the settler's word in checkpoint {number}.")
        }
    };
    vec![
        format!("good: {what}, under root {}", root.fingerprint()),
        format!("Both stand at sequence {seq}, and key {} signed both:", key.key_id()),
        format!("  {one}"),
        format!("  {other}"),
        whose,
        "It does not show why: a copy, an old image that was put back, a lost tail and a fraud \
         look alike."
            .to_owned(),
        "Nor does it show which of the two came first, or whether any money is lacking.".to_owned(),
    ]
}

fn fields(proven: &Proven) -> Value {
    let Proven { root, store, medium, seq, hashes, key, by } = proven;
    let (word, at) = match by {
        Hand::Store => ("store", None),
        Hand::StoreMade => ("store-made", None),
        Hand::Rekeyed(seq) => ("rekeyed", Some(seq.number())),
        Hand::Settled(number) => ("settled", Some(*number)),
    };
    json!({
        "root": root.fingerprint().to_string(),
        "store": store.0.number(),
        "store_name": store.1,
        "medium": medium.map(|medium| medium.to_string()),
        "seq": seq.number(),
        "records": hashes.map(|hash| HEXLOWER.encode(&hash)),
        "key": key.key_id().to_string(),
        "by": word,
        "at": at,
        "accuses": matches!(by, Hand::Store | Hand::StoreMade).then_some("store"),
    })
}

/// Write a proof of each fork that was found; what can't be shown by itself is said.
pub(crate) fn write(
    place: &Path,
    index: &Index,
    plan: &Plan,
    output: &Output,
) -> Result<u64, Failure> {
    let folder = Folder::open_or_create(place).or_fail()?;
    let mut written = 0;
    for entry in plan.entries() {
        let findings = entry.or_fail()?.findings;
        for finding in findings.iter().filter(|finding| finding.class == Class::Fork) {
            let id = shown_id(&finding.id);
            match prove(index, finding) {
                Ok(proof) => {
                    folder.write(&format!("{id}.proof"), &proof, Privacy::Shared).or_fail()?;
                    written += 1;
                }
                Err(why) => output.note(format!("no proof of {id}: {why}")),
            }
        }
    }
    Ok(written)
}

fn prove(index: &Index, finding: &Finding) -> Result<Vec<u8>, Unproven> {
    if let Some(medium) = finding.medium {
        return fork_proof(index.trust(), &index.pieces(medium), finding);
    }
    let mut proof = Err(Unproven::Missing);
    let Ok(()) = index.each_journal::<Infallible>(&mut |store, _, export| {
        if finding.store == Some(store) && proof.is_err() {
            proof = rival_entries(index.trust(), export, finding);
        }
        Ok(())
    });
    proof
}
