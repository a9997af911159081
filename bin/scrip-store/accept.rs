//! `accept`: certificates, kits and lists from the issuer.

use std::path::Path;

use scrip::device::read_file;
use scrip::format::Kind;
use scrip::shop::{Accepted, Refusal, Shop, ShopError, chain_root};
use scrip::tool::{Classed, Exit, Explain, Failure, Output, clock, money, somebody, typed_line};
use scrip::trust::Root;
use serde_json::{Value, json};

use crate::cli::{AcceptArgs, Common};
use crate::session::{open, say_purpose, told};

pub(crate) fn accept(common: &Common, args: &AcceptArgs, output: &Output) -> Result<Exit, Failure> {
    let pins = args.trust.as_deref().map(read_root).transpose()?;
    let mut shop = open(common, output)?;
    let mut all = vec![];
    for file in &args.files {
        let accepted = accept_one(&mut shop, file, pins.as_ref(), output)
            .map_err(|failure| failure.during(format_args!("accepting {}", file.display())))?;
        if matches!(accepted, Accepted::Certificate { .. }) {
            say_purpose(&shop, output);
        }
        output.line(line(&shop, &accepted));
        let fields = fields(&shop, &accepted);
        output.event("accepted", &fields);
        all.push(fields);
    }
    output.result(Exit::Done, &json!({ "accepted": all }));
    Ok(Exit::Done)
}

fn accept_one(
    shop: &mut Shop,
    file: &Path,
    pin: Option<&Root>,
    output: &Output,
) -> Result<Accepted, Failure> {
    let bytes = read_file(file, Kind::SealedKit.bytes_max() as u64).or_fail()?;
    let pins: Vec<Root> = pin.cloned().into_iter().collect();
    match shop.accept(&bytes, &pins, clock::now()) {
        Err(ShopError::Refused(Refusal::Unpinned { pinned: None, .. })) if pin.is_none() => {
            let mut confirmed = vec![];
            if let Some(root) = chain_root(&bytes)
                && is_confirmed(&root, output)?
            {
                confirmed.push(root);
            }
            shop.accept(&bytes, &confirmed, clock::now()).map_err(told)
        }
        outcome => outcome.map_err(told),
    }
}

/// Ask the person at the terminal whether this is the issuer's fingerprint.
fn is_confirmed(root: &Root, output: &Output) -> Result<bool, Failure> {
    if !somebody() {
        return Ok(false);
    }
    output.note(format!("the certificate stands under the root of {}", root.certificate().subject));
    output.note(format!("its fingerprint is {}", root.fingerprint()));
    output.note("compare it with what the issuer told you, then type yes to trust it from now on:");
    Ok(typed_line()?.is_some_and(|answer| answer == "yes"))
}

fn read_root(file: &Path) -> Result<Root, Failure> {
    let bytes = read_file(file, Kind::Certificate.bytes_max() as u64).or_fail()?;
    Root::read(&bytes).or_exit_while(Exit::Damage, format_args!("root {}", file.display()))
}

fn line(shop: &Shop, accepted: &Accepted) -> String {
    match accepted {
        Accepted::Certificate { store, name, expires, quota, root } => format!(
            "certificate: {name} is store {store} until {expires}, quota {}, under root {root}",
            shop.show_sum(quota.minor().into())
        ),
        Accepted::Kit { id, blanks, codes, sum } => format!(
            "kit {id}: {} blanks, {codes} codes worth {}",
            blanks.len(),
            shop.show_sum(*sum)
        ),
        Accepted::Secret(id) => format!("edition secret {id}"),
        Accepted::Policy(number) => format!("policy {number}"),
        Accepted::Revocation(number) => format!("revocation list {number}"),
    }
}

fn fields(shop: &Shop, accepted: &Accepted) -> Value {
    match accepted {
        Accepted::Certificate { store, name, expires, quota, root } => json!({
            "kind": "certificate",
            "store": store.number(),
            "name": name,
            "expires": expires.to_string(),
            "quota": shop.grant().ok().map(|grant| money(*quota, grant.currency)),
            "root": root.to_string(),
        }),
        Accepted::Kit { id, blanks, codes, sum } => json!({
            "kind": "kit",
            "id": id,
            "media": blanks.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "codes": codes,
            "sum": { "minor": sum.to_string(),
                     "currency": shop.grant().ok().map(|grant| grant.currency.to_string()) },
        }),
        Accepted::Secret(id) => json!({ "kind": "edition secret", "id": id }),
        Accepted::Policy(number) => json!({ "kind": "policy", "number": number }),
        Accepted::Revocation(number) => json!({ "kind": "revocation list", "number": number }),
    }
}
