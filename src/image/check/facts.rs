//! What a report says beside its faults: who, which, under which root, on which hardware.

use super::super::layout::SLOTS;
use super::Identity;
use super::manifest::Edition;
use super::report::{Binding, EditionFacts, MediumFacts, Part, Report};
use super::slots::{Certified, Stamped};
use super::words;
use crate::format::policy::Policy;
use crate::trust::{check_policy, check_sheet_costs};
use crate::units::Timestamp;
use crate::words::Phrase;

/// Note the edition and its root.
pub(super) fn note_edition(edition: &Edition, report: &mut Report) {
    let certificate = edition.signer.certificate();
    report.root = Some(edition.signer.anchor());
    report.purpose = Some(certificate.purpose);
    report.edition = Some(EditionFacts {
        name: edition.manifest.name.clone(),
        id: edition.id,
        signer: certificate.subject.clone(),
    });
}

/// What a medium whose stamp alone differs may be.
/// Say so if all that differs is what a store stamps: a re-stamping that was cut off looks so.
///
/// The edition's seal holds with those bytes left out, so each other byte is the issuer's.
pub(super) fn note_stamp_alone(report: &mut Report) {
    let stamped = |part: &Part| match part {
        Part::File(path) => SLOTS.iter().any(|slot| slot.path == path),
        part => matches!(part, Part::HashTree | Part::MediumSeal),
    };
    let told = report.faults.len() == report.fault_count;
    if report.fault_count > 0 && told && report.faults.iter().all(|fault| stamped(&fault.part)) {
        report.notes.push(words::stamp_alone());
    }
}

/// Note the medium, what rules say no to, and the hardware binding.
pub(super) fn note_medium(
    edition: &Edition,
    stamped: &Stamped,
    identity: &Identity,
    report: &mut Report,
) {
    let Some(certified) = &stamped.certified else { return };
    let certificate = &certified.certificate;
    report.medium = Some(MediumFacts {
        number: certificate.medium,
        store: certificate.store,
        store_name: certified.store.signer.certificate().subject.clone(),
        made: certificate.issued,
        sold: stamped.user.as_ref().and_then(|user| user.sold),
    });
    report.hardware = binding(certificate.hardware.as_deref(), identity);
    note_refusals(edition, stamped, certified, report);
    note_expiry(stamped, certified, report);
}

fn binding(bound: Option<&str>, identity: &Identity) -> Binding {
    let Some(bound) = bound.map(str::to_owned) else { return Binding::Unbound };
    match identity {
        Identity::Known(found) if *found == bound => Binding::Same(bound),
        Identity::Known(found) => Binding::CopyOf { bound, found: Phrase::same(found) },
        Identity::Image => Binding::CopyOf { bound, found: words::an_image() },
        Identity::Unreadable(reason) => {
            Binding::NotChecked { bound: Some(bound), reason: reason.clone() }
        }
    }
}

fn note_refusals(edition: &Edition, stamped: &Stamped, certified: &Certified, report: &mut Report) {
    let purpose = edition.signer.certificate().purpose;
    let policy = stamped.policy.as_deref();
    let refusals = &mut report.refusals;
    refusals.extend(
        policy.and_then(|policy| check_policy(policy).err()).map(|error| Phrase::of(&error)),
    );
    let costs = stamped.sheets.iter().map(|sheet| check_sheet_costs(sheet, purpose, policy));
    refusals.extend(costs.filter_map(Result::err).map(|error| Phrase::of(&error)));
    let certificate = &certified.certificate;
    let known = |policy: &&Policy| {
        policy.currencies.iter().any(|form| form.currency() == certificate.currency)
    };
    if let Some(policy) = policy.filter(|policy| !known(policy)) {
        let (number, currency) = (policy.number, certificate.currency);
        refusals.push(words::no_currency(number, currency));
    }
    let revoked = stamped.revoked.check_medium(certificate.medium).err();
    refusals.extend(revoked.map(|error| Phrase::of(&error)));
    if let Err(error) = stamped.revoked.check_store(certificate.store) {
        // What it sold honestly stays good; which media those are, the records know.
        report.notes.push(Phrase::of(&error));
    }
}

/// Say so if the store's certificate has ended by the newest time that its issuer signed here.
fn note_expiry(stamped: &Stamped, certified: &Certified, report: &mut Report) {
    let sheets = stamped.sheets.iter().map(|sheet| sheet.issued);
    let policy = stamped.policy.iter().map(|policy| policy.issued);
    let list = stamped.revoked.list().map(|list| list.issued);
    let newest: Option<Timestamp> = sheets.chain(policy).chain(list).max();
    let own = certified.store.signer.certificate();
    if let Some(newest) = newest.filter(|newest| own.expires <= *newest) {
        let (subject, expires) = (&own.subject, own.expires);
        report.notes.push(words::expired(subject, expires, newest));
    }
}
