//! `revoke`: a new list of what adds nothing any more.

use data_encoding::HEXLOWER;
use scrip::issuer::{Issuer, REVOCATION_FILE, Revoke as What, StoreCut};
use scrip::tool::{Classed, Exit, Failure, Output, clock};
use serde_json::json;

use crate::cli::{Office, Revoke, Revoked, RevokedStore};
use crate::files;

pub(crate) fn run(args: &Revoke, office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let (what, name) = wanted(args, &issuer)?;
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

fn wanted(args: &Revoke, issuer: &Issuer) -> Result<(What, String), Failure> {
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

fn cut(args: &RevokedStore, issuer: &Issuer) -> Result<StoreCut, Failure> {
    let Some(path) = &args.journal else { return Ok(StoreCut::nothing_sold(args.store)) };
    let bytes = files::read(path, files::JOURNAL_BYTES_MAX)?;
    let cut = issuer.cut_by_journal(args.store, &bytes).or_fail();
    cut.map_err(|failure| failure.during(path.display()))
}
