//! `revoke`: a new list of what adds nothing any more.

use data_encoding::HEXLOWER;
use scrip::crypto::digest::sha256;
use scrip::issuer::{Issuer, REVOCATION_FILE, StoreCut};
use scrip::shop::log::{LOG_BYTES_MAX, Log, LogOwner};
use scrip::tool::{Classed, Exit, Failure, Output, clock};
use serde_json::json;

use crate::cli::{Office, Revoke, Revoked, RevokedStore};
use crate::files;

pub(crate) fn run(args: &Revoke, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open()?;
    let (what, name) = wanted(args, &mut issuer)?;
    let now = clock::now();
    let file = office.dir.join(REVOCATION_FILE).display().to_string();
    let number = if args.dry_run {
        issuer.list_with(&what, now).or_fail()?.number
    } else {
        let opener = office.opener(&issuer)?;
        let key = issuer.issuer_key(opener.passphrase()).or_fail()?;
        issuer.revoke(&what, &key, now).or_fail()?
    };
    let verb = if args.dry_run { "would be revoked" } else { "revoked" };
    output.line(format!("{name} {verb} by list {number}: {file}"));
    if !args.dry_run {
        output.note("next: kits made from now on carry the list");
    }
    let fields = json!({ "dry_run": args.dry_run, "revoked": name, "list": number, "file": file });
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}

fn wanted(args: &Revoke, issuer: &mut Issuer) -> Result<(scrip::issuer::Revoke, String), Failure> {
    use scrip::issuer::Revoke as What;
    Ok(match &args.what {
        Revoked::Medium { medium } => (What::Medium(*medium), format!("medium {medium}")),
        Revoked::Sheet { sheet } => {
            (What::Sheet(*sheet), format!("sheet {}", HEXLOWER.encode(sheet)))
        }
        Revoked::Store(store) => {
            (What::Store(cut(store, issuer)?), format!("store {}", store.store))
        }
    })
}

fn cut(args: &RevokedStore, issuer: &mut Issuer) -> Result<StoreCut, Failure> {
    let Some(path) = &args.journal else { return Ok(StoreCut::nothing_sold(args.store)) };
    let Some(store) = issuer.records().store(args.store).or_fail()? else {
        return Err(Failure::new(Exit::Refusal, format!("store {} is not enrolled", args.store)));
    };
    let max = usize::try_from(LOG_BYTES_MAX).unwrap_or(usize::MAX);
    let bytes = files::read(path, max)?;
    let owner = LogOwner {
        store: store.id,
        key: store.enrolment.holder_key,
        certificates: vec![sha256(&store.certificate)],
    };
    let journal = Log::read(&bytes, &owner).or_fail();
    let journal = journal.map_err(|failure| failure.during(path.display()))?;
    Ok(StoreCut::by_journal(store.id, &journal))
}
