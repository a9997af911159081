//! What a payer shows to be sent content.

use std::sync::OnceLock;

use scrip::format::Object;
use scrip::format::certificate::Confirmation;
use scrip::format::checkpoint::Bounded;
use scrip::format::field::Bytes;
use scrip::format::medium::MediumCertificate;
use scrip::format::transfer::{Funding, Partner};
use scrip::ledger::funding::{Beside, Funded, at_partners, open};
use scrip::ledger::{Rules, State};
use scrip::trust::{Signer, Verified, sign};
use scrip::units::{MediumId, StoreId};

use super::input::Input;
use super::money::{court, medium, records, store_made};
use super::world;
use crate::world::{at, policy, yen};

fn certificate() -> &'static Verified<MediumCertificate> {
    static CERTIFICATE: OnceLock<Verified<MediumCertificate>> = OnceLock::new();
    CERTIFICATE.get_or_init(|| {
        let certificate = MediumCertificate {
            issuer: "test world".to_owned(),
            issued: at(20),
            key: Confirmation(store_made().public()),
            medium: medium(),
            edition: [6; 32],
            store: StoreId::from_number(7).expect("a store's number"),
            serial: 1,
            sheets: vec![[4; 16]],
            currency: yen(),
            hardware: None,
        };
        let store: &Signer = &court().stores[0];
        store.open(&sign(&world().store, &certificate)).expect("it was just signed")
    })
}

/// First byte 0: the object. Else: records as [`super::ledger`] has them, shown by their medium.
pub fn funding(data: &[u8]) {
    let mut input = Input::new(data);
    let shown = match input.byte() {
        0 => Funding::decode(input.rest()).ok(),
        _ => Some(made(&mut input)),
    };
    let Some(shown) = shown else { return };
    let partner = Partner::Medium(MediumId::from_serial(43));
    let Ok(funded) = open(&world().trust(), &shown, partner) else { return };
    holds(&funded, &shown, partner);
}

/// A payer's papers and records, as the input says.
pub(super) fn made(input: &mut Input<'_>) -> Funding {
    let court = court();
    let rules = Rules {
        sheets: &court.sheets,
        stores: &court.stores,
        revoked: &court.revoked,
        ..Rules::of(&court.policy, yen())
    };
    let blank = State::blank(medium(), certificate().hash(), store_made().public());
    let records = records(&rules, blank, input).0;
    let signed = |bytes: &[u8]| Bytes(bytes.to_vec());
    Funding {
        certificate: signed(certificate().bytes()),
        chain: world().store_chain.clone(),
        policies: Bounded(vec![signed(&world().policy)]),
        sheets: Bounded(court.sheets.iter().map(|sheet| signed(sheet.bytes())).collect()),
        revocation: None,
        settled: None,
        records: records.into_iter().map(Bytes).collect(),
    }
}

/// Whatever was taken covers what it reserves, within cap and count.
fn holds(funded: &Funded, shown: &Funding, partner: Partner) {
    let (spent, transfers) = at_partners(&funded.state);
    let policy = policy();
    assert!(funded.within(&policy, Beside::default()).is_ok());
    let beside = Beside::default().with(&world().trust(), shown, shown, partner);
    assert_eq!(beside, Beside::default(), "what it shows now is no other history");
    let (cap, count) = match shown.settled {
        None => (policy.starter_cap.min(funded.state.loaded), policy.starter_count),
        Some(_) => (policy.offline_cap, policy.offline_count),
    };
    assert!(spent <= cap.minor() && transfers <= count.into());
    assert!(funded.state.reserved() <= funded.state.balance);
    assert_eq!(funded.segment().hash, funded.start.hash());
    assert_eq!(shown.records.last().map(|record| &record.0[..]), Some(funded.start.bytes()));
}
