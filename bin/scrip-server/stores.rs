//! `stores`: who sells, and what is left of each quota.

use data_encoding::HEXLOWER;
use scrip::issuer::{Issuer, left_for_kits};
use scrip::records::{Store, StoreStatus};
use scrip::tool::{Classed, Exit, Failure, Output, money};
use serde_json::{Value, json};

use crate::cli::Office;

pub(crate) fn run(office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let mut all = Vec::new();
    for store in issuer.records().stores().or_fail()? {
        all.push(told(&store, &mut issuer, output)?);
    }
    if all.is_empty() {
        output.line("no store is enrolled");
    }
    output.result(Exit::Done, &json!({ "stores": all }));
    Ok(Exit::Done)
}

fn told(store: &Store, issuer: &mut Issuer, output: &Output) -> Result<Value, Failure> {
    let kits = issuer.records().kits_of(store.id).or_fail()?;
    let kits: Vec<String> = kits.iter().map(|kit| HEXLOWER.encode(kit)).collect();
    let (form, quota) = (issuer.form(), &store.enrolment.quota);
    let left = left_for_kits(store);
    let revoked = match store.status {
        StoreStatus::Active => None,
        StoreStatus::Revoked(since) => Some(since.to_string()),
    };
    let name = &store.enrolment.name;
    let state = revoked.as_ref().map_or("active".to_owned(), |at| format!("REVOKED at {at}"));
    output.line(format!("store {} ({name}): {state}", store.id));
    let (total, in_kits) = (form.show(quota.total), form.show(store.in_kits));
    output.line(format!("  quota {total}: {in_kits} in kits, {} left for kits", form.show(left)));
    let (first, last) = (quota.serial_first, quota.serial_last);
    let single = form.show(quota.single_max);
    output.line(format!("  vouchers {first} to {last} of at most {single}"));
    for kit in &kits {
        output.line(format!("  kit {kit}"));
    }
    Ok(json!({
        "store": store.id.number(),
        "name": name,
        "revoked_at": revoked,
        "quota": money(quota.total, quota.currency),
        "in_kits": money(store.in_kits, quota.currency),
        "left_for_kits": money(left, quota.currency),
        "single_max": money(quota.single_max, quota.currency),
        "serial_first": first,
        "serial_last": last,
        "enrolled_at": store.enrolled_at.to_string(),
        "kits": kits,
    }))
}
