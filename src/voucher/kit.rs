//! Kits on their way: signed by the issuer, sealed to the store's key, opened by the store.
//!
//! HPKE `info` is [`Kind::domain`] of a sealed kit; the associated data is the store's number as
//! eight bytes, big-endian. What is sealed is the signed kit.

use std::collections::BTreeSet;

use crate::crypto::Random;
use crate::crypto::seal::{SealPublicKey, SealSecretKey, open, seal};
use crate::format::certificate::Chain;
use crate::format::field::Bytes;
use crate::format::policy::{Policy, Revocation};
use crate::format::sheet::{Blank, Kit, SealedKit, Sheet};
use crate::format::{DecodeError, Kind, Object};
use crate::trust::{
    Fingerprint, GrantError, Revoked, Signer, Trust, TrustError, Verified, check_policy,
    check_sheet_costs,
};
use crate::units::{Currency, MediumId, StoreId};

/// Why a kit is not taken.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// Not a sealed kit.
    #[error("{0}")]
    Decode(#[from] DecodeError),
    /// It is for another store.
    #[error("this kit is for store {found}, this is store {expected}")]
    OtherStore {
        /// The kit's store.
        found: StoreId,
        /// This store.
        expected: StoreId,
    },
    /// Sealed to another key, or altered.
    #[error("the kit for store {store} was sealed to another key, or altered")]
    Sealed {
        /// This store.
        store: StoreId,
    },
    /// The issuer's chain or a signature isn't believed.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Its issuer's root is not one that is trusted here.
    #[error("the kit for store {store} is signed under root {root}, which nothing here pins")]
    Unpinned {
        /// This store.
        store: StoreId,
        /// The root.
        root: Fingerprint,
    },
    /// A policy or sheet whose limits don't hold.
    #[error(transparent)]
    Limits(#[from] GrantError),
    /// A blank's sheet is for something else than the kit says.
    #[error("medium {medium}: its sheet is for {what} {found}, expected {expected}")]
    Sheet {
        /// The blank's medium.
        medium: MediumId,
        /// `medium` or `currency`.
        what: &'static str,
        /// What the sheet says.
        found: String,
        /// What the kit says.
        expected: String,
    },
    /// A medium that stands in the kit twice.
    #[error("medium {medium} stands twice in one kit")]
    Twice {
        /// The medium.
        medium: MediumId,
    },
    /// A code for a slot that the sheet doesn't have.
    #[error("medium {medium}: a code for slot {slot}, its sheet has {slots} slots")]
    Slot {
        /// The blank's medium.
        medium: MediumId,
        /// The slot.
        slot: u8,
        /// Slots of its sheet.
        slots: u8,
    },
}

/// A kit that was opened, with all that it is signed by.
#[derive(Debug)]
pub struct OpenedKit {
    /// The kit.
    pub kit: Verified<Kit>,
    /// The issuer that signed it.
    pub issuer: Signer,
    /// The policy that came with it.
    pub policy: Verified<Policy>,
    /// The revocation list that came with it.
    pub revoked: Revoked,
    /// The sheet of each blank, in the kit's order.
    pub sheets: Vec<Verified<Sheet>>,
}

/// Seal a signed kit to its store; `chain` is the issuer's, itself first.
pub fn seal_kit(
    store: StoreId,
    to: &SealPublicKey,
    chain: Chain,
    signed: &[u8],
    rng: &mut dyn Random,
) -> Vec<u8> {
    let sealed = seal(to, &Kind::SealedKit.domain(), &bound(store), signed, rng);
    SealedKit { store, chain, sealed: Bytes(sealed) }.encode()
}

/// The store that a sealed kit is for; what the outside says, nothing is checked.
pub fn addressee(bytes: &[u8]) -> Result<StoreId, DecodeError> {
    SealedKit::decode(bytes).map(|kit| kit.store)
}

/// Open a kit sealed to this store and check all that is in it, its codes' secrets excepted.
///
/// A secret is checked when its code is redeemed: it costs the sheet's rounds.
pub fn open_kit(
    bytes: &[u8],
    store: StoreId,
    key: &SealSecretKey,
    trust: &Trust,
) -> Result<OpenedKit, KitError> {
    let outer = SealedKit::decode(bytes)?;
    if outer.store != store {
        return Err(KitError::OtherStore { found: outer.store, expected: store });
    }
    let issuer = trust.signer(&outer.chain)?;
    if !issuer.anchor().is_pinned() {
        return Err(KitError::Unpinned { store, root: issuer.anchor().fingerprint() });
    }
    let signed = open(key, &Kind::SealedKit.domain(), &bound(store), &outer.sealed.0)
        .map_err(|_| KitError::Sealed { store })?;
    let kit = issuer.open::<Kit>(signed.expose())?;
    if kit.store != store {
        return Err(KitError::OtherStore { found: kit.store, expected: store });
    }
    let policy = issuer.open::<Policy>(&kit.policy.0)?;
    check_policy(&policy)?;
    let revoked = match &kit.revocation {
        Some(list) => Revoked::none().with(issuer.open::<Revocation>(&list.0)?),
        None => Revoked::none(),
    };
    let sheets = open_sheets(&kit, &issuer, &policy)?;
    Ok(OpenedKit { kit, issuer, policy, revoked, sheets })
}

fn open_sheets(
    kit: &Kit,
    issuer: &Signer,
    policy: &Policy,
) -> Result<Vec<Verified<Sheet>>, KitError> {
    let mut media = BTreeSet::new();
    let twice = kit.blanks.iter().find(|blank| !media.insert(blank.medium));
    if let Some(Blank { medium, .. }) = twice {
        return Err(KitError::Twice { medium: *medium });
    }
    kit.blanks.iter().map(|blank| open_sheet(blank, kit.currency, issuer, policy)).collect()
}

fn open_sheet(
    blank: &Blank,
    currency: Currency,
    issuer: &Signer,
    policy: &Policy,
) -> Result<Verified<Sheet>, KitError> {
    let sheet = issuer.open::<Sheet>(&blank.sheet.0)?;
    let medium = blank.medium;
    let differs = |what, found: &dyn ToString, expected: &dyn ToString| {
        let (found, expected) = (found.to_string(), expected.to_string());
        Err(KitError::Sheet { medium, what, found, expected })
    };
    if sheet.medium != medium {
        return differs("medium", &sheet.medium, &medium);
    }
    if sheet.currency != currency {
        return differs("currency", &sheet.currency, &currency);
    }
    let slots = check_sheet_costs(&sheet, issuer.certificate().purpose, Some(policy))?;
    match blank.codes.iter().find(|code| code.slot >= slots) {
        Some(code) => Err(KitError::Slot { medium, slot: code.slot, slots }),
        None => Ok(sheet),
    }
}

fn bound(store: StoreId) -> [u8; 8] {
    u64::from(store.number()).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{
        amount, at, issuer_chain, key, medium, seal_key, sheet_bytes, store, store_seal_key, trust,
        yen,
    };
    use super::*;
    use crate::crypto::SeededRandom;
    use crate::format::sheet::StockedCode;
    use crate::trust::{TestRoots, sign};
    use crate::units::ByteCount;
    use crate::voucher::{CodeTerms, code::TypedCode, open_code, slot_secret};

    fn policy() -> Policy {
        Policy {
            number: 1,
            issued: at(1_000),
            currencies: vec![crate::units::CurrencyForm::new(yen(), 0).unwrap()],
            balance_max: amount(100_000),
            topup_max: amount(50_000),
            offline_cap: amount(10_000),
            offline_count: 30,
            starter_cap: amount(1_000),
            starter_count: 3,
            debt_cap: amount(10_000),
            rounds_min: 2,
            chunk: ByteCount::from_bytes(1 << 20),
            share_ppm: 200_000,
            decide_alone: None,
        }
    }

    fn blank() -> Blank {
        let code =
            |slot| StockedCode { slot, secret: slot_secret(&seal_key(), medium(), &[5; 16], slot) };
        let sheet = Bytes(sheet_bytes([5; 16], medium()));
        Blank { medium: medium(), sheet, codes: vec![code(0), code(3)] }
    }

    fn kit() -> Kit {
        Kit {
            id: [8; 16],
            store: store(7),
            currency: yen(),
            issued: at(2_000),
            blanks: vec![blank()],
            policy: Bytes(sign(&key(2), &policy())),
            revocation: None,
        }
    }

    fn sealed(kit: &Kit, by: u8) -> Vec<u8> {
        let signed = sign(&key(by), kit);
        let to = store_seal_key().public();
        seal_kit(store(7), &to, issuer_chain(), &signed, &mut SeededRandom::new([4; 32]))
    }

    fn refusal(bytes: &[u8]) -> String {
        open_kit(bytes, store(7), &store_seal_key(), &trust()).unwrap_err().to_string()
    }

    #[test]
    fn a_kit_opens_for_its_store_and_its_codes_open_their_slots() {
        let bytes = sealed(&kit(), 2);
        assert_eq!(addressee(&bytes), Ok(store(7)));
        let opened = open_kit(&bytes, store(7), &store_seal_key(), &trust()).unwrap();
        assert_eq!((&*opened.kit, opened.policy.number), (&kit(), 1));
        let code = &opened.kit.blanks[0].codes[1];
        let typed = TypedCode::new(code.slot, code.secret.clone()).unwrap();
        let (sheets, revoked) = (&opened.sheets, &opened.revoked);
        let terms = CodeTerms { medium: medium(), currency: yen(), sheets, revoked };
        assert_eq!(open_code(&terms, &typed).unwrap().amount, amount(5_000));
        let secret = code.secret.expose();
        assert!(!bytes.windows(16).any(|window| window == secret), "secrets are sealed");
    }

    #[test]
    fn a_kit_opens_for_no_other_store_and_under_no_other_root() {
        let bytes = sealed(&kit(), 2);
        let other = open_kit(&bytes, store(8), &store_seal_key(), &trust()).unwrap_err();
        assert_eq!(other.to_string(), "this kit is for store 7, this is store 8");
        let key = SealSecretKey::from_bytes([10; 32]);
        let other = open_kit(&bytes, store(7), &key, &trust()).unwrap_err();
        let message = "the kit for store 7 was sealed to another key, or altered";
        assert_eq!(other.to_string(), message);
        let nobody = Trust::new(vec![], TestRoots::Allowed);
        let unpinned = open_kit(&bytes, store(7), &store_seal_key(), &nobody).unwrap_err();
        assert!(unpinned.to_string().ends_with(", which nothing here pins"), "{unpinned}");
        let forged = refusal(&sealed(&kit(), 3));
        assert!(forged.starts_with("kit: signed by key "), "{forged}");
    }

    #[test]
    fn a_kit_whose_parts_disagree_is_refused() {
        let with = |change: fn(&mut Kit)| {
            let mut kit = kit();
            change(&mut kit);
            refusal(&sealed(&kit, 2))
        };
        assert_eq!(with(|kit| kit.store = store(9)), "this kit is for store 9, this is store 7");
        assert_eq!(
            with(|kit| kit.blanks[0].medium = MediumId::from_serial(1)),
            "medium 000000000195: its sheet is for medium 482109376527, expected 000000000195"
        );
        assert_eq!(
            with(|kit| kit.currency = "EUR".parse().unwrap()),
            "medium 482109376527: its sheet is for currency JPY, expected EUR"
        );
        assert_eq!(
            with(|kit| kit.blanks.push(blank())),
            "medium 482109376527 stands twice in one kit"
        );
        assert_eq!(
            with(|kit| kit.blanks[0].codes[1].slot = 5),
            "medium 482109376527: a code for slot 5, its sheet has 5 slots"
        );
        let dearer = |kit: &mut Kit| {
            kit.policy = Bytes(sign(&key(2), &Policy { rounds_min: 3, ..policy() }));
        };
        assert_eq!(with(dearer), "sheet for medium 482109376527: 2 rounds, expected 3 to 10000000");
    }

    #[test]
    fn every_truncation_and_many_flipped_bits_are_refused() {
        let bytes = sealed(&kit(), 2);
        let opens = |bytes: &[u8]| open_kit(bytes, store(7), &store_seal_key(), &trust());
        for end in (0..bytes.len()).step_by(7) {
            assert!(opens(&bytes[..end]).is_err(), "cut at {end}");
        }
        for bit in (0..bytes.len() * 8).step_by(13) {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(opens(&altered).is_err(), "bit {bit}");
        }
    }
}
