//! Taking over what an issuer sends: certificates, kits, policies, revocation lists.
//!
//! Each is verified whole, then becomes one file by one rename: a crash leaves it accepted or not.

use std::collections::BTreeSet;

use super::enrolled::{Enrolled, show_sum};
use super::open::{
    CERTIFICATES, KITS, Keys, LISTS, SECRETS, Shop, TRUST, Writing, files, kit_name,
};
use super::{Refusal, ShopError, kit_error, trust_error};
use crate::device::Privacy;
use crate::format::certificate::{Chain, Role};
use crate::format::policy::{Policy, Revocation};
use crate::format::sheet::Sheet;
use crate::format::sheet::{SealedKit, SealedSecret};
use crate::format::{Kind, Object, cose};
use crate::trust::{
    Anchor, EditionSecret, Fingerprint, Root, Signer, Trust, Verified, check_grant, check_policy,
};
use crate::units::{Amount, MediumId, StoreId, Timestamp};
use crate::voucher::kit::{OpenedKit, open_kit};

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// The store's certificate.
    Certificate {
        /// The store's number.
        store: StoreId,
        /// The certified name.
        name: String,
        /// Not valid from then on.
        expires: Timestamp,
        /// All that codes and vouchers may add up to.
        quota: Amount,
        /// The root that is pinned from now on.
        root: Fingerprint,
    },
    /// A kit.
    Kit {
        /// Its id, in hex.
        id: String,
        /// The media that it brought.
        blanks: Vec<MediumId>,
        /// How many codes.
        codes: usize,
        /// What they add up to, minor units.
        sum: u128,
    },
    /// An edition's secret, by its id in hex.
    Secret(String),
    /// A policy, by its number.
    Policy(u64),
    /// A revocation list, by its number.
    Revocation(u64),
}

/// The root in a certificate file, for asking whether it is the right one; nothing is trusted yet.
pub fn chain_root(bytes: &[u8]) -> Option<Root> {
    let chain = Chain::decode(bytes).ok()?;
    Root::read(chain.0.last()?).ok()
}

impl Shop {
    /// Take over a file from the issuer, of whatever kind it is.
    ///
    /// The first certificate needs a root in `pins`, which is pinned from then on.
    pub fn accept(
        &mut self,
        bytes: &[u8],
        pins: &[Root],
        now: Timestamp,
    ) -> Result<Accepted, ShopError> {
        match cose::stated_kind(bytes) {
            Some(Kind::Policy) => self.accept_policy(bytes),
            Some(Kind::Revocation) => self.accept_revocation(bytes),
            Some(kind) => Err(Refusal::NotAcceptable(format!("a {}", kind.name())).into()),
            None => self.accept_unsigned(bytes, pins, now),
        }
    }

    /// Was a kit of this id taken over?
    pub fn has_kit(&self, id: &[u8; 16]) -> Result<bool, Refusal> {
        Ok(self.enrolled()?.kits.contains_key(id))
    }

    /// Chains and sealed kits are told apart by their outermost item: an array or a map.
    fn accept_unsigned(
        &mut self,
        bytes: &[u8],
        pins: &[Root],
        now: Timestamp,
    ) -> Result<Accepted, ShopError> {
        match bytes.first().map(|first| first >> 5) {
            Some(4) => {
                let chain = Chain::decode(bytes)
                    .map_err(|error| ShopError::damaged("certificate", &error))?;
                self.accept_certificate(&chain, pins)
            }
            Some(5) => {
                if let Ok(secret) = SealedSecret::decode(bytes) {
                    return self.accept_secret(&secret, bytes);
                }
                let kit =
                    SealedKit::decode(bytes).map_err(|error| ShopError::damaged("kit", &error))?;
                self.accept_kit(&kit, bytes, now)
            }
            _ => Err(Refusal::NotAcceptable("this file".to_owned()).into()),
        }
    }

    fn accept_certificate(&mut self, chain: &Chain, pins: &[Root]) -> Result<Accepted, ShopError> {
        let roots: Vec<_> = self.root.as_ref().map_or(pins, std::slice::from_ref).to_vec();
        let mut trust = Trust::new(roots.clone(), self.test_roots);
        if let Some(floor) = self.enrolled.as_ref().and_then(|enrolled| enrolled.trust.floor()) {
            trust.raise_floor(floor);
        }
        let signer = trust.signer(chain).map_err(|error| trust_error("certificate", error))?;
        let Anchor::Pinned(root) = signer.anchor() else {
            let pinned = self.root.as_ref().map(Root::fingerprint);
            let found = signer.anchor().fingerprint();
            return Err(Refusal::Unpinned { found, pinned }.into());
        };
        check_member(&signer, &self.keys)?;
        self.check_renewal(&signer)?;
        self.keep_root(&roots, root)?;
        let certificate = signer.certificate();
        let id = data_encoding::HEXLOWER.encode(&certificate.id);
        let name = format!("{:012}-{id}.cbr", certificate.issued.seconds());
        self.keep(CERTIFICATES, &name, &chain.encode())?;
        self.chains.push(chain.clone());
        self.enrolled = self.load_enrolled()?;
        let grant = certificate.grant.as_ref().expect("a member has a grant");
        Ok(Accepted::Certificate {
            store: grant.store,
            name: certificate.subject.clone(),
            expires: certificate.expires,
            quota: grant.quota,
            root,
        })
    }

    /// A further certificate is for the same store, and is new.
    fn check_renewal(&self, signer: &Signer) -> Result<(), Refusal> {
        let Some(enrolled) = &self.enrolled else { return Ok(()) };
        let grant = signer.certificate().grant.as_ref().expect("a member has a grant");
        if grant.store != enrolled.grant.store {
            let (found, expected) = (grant.store, enrolled.grant.store);
            return Err(Refusal::OtherStore { what: "certificate", found, expected });
        }
        let hash = signer.certificate().hash();
        if enrolled.certificates.iter().any(|known| known.certificate().hash() == hash) {
            let what = format!("certificate of {}", signer.certificate().subject);
            return Err(Refusal::AlreadyAccepted { what, when: String::new() });
        }
        Ok(())
    }

    fn keep_root(&mut self, roots: &[Root], fingerprint: Fingerprint) -> Result<(), ShopError> {
        if self.root.is_some() {
            return Ok(());
        }
        let root = roots.iter().find(|root| root.fingerprint() == fingerprint);
        let root = root.expect("the chain is anchored in one of them").clone();
        if self.writing == Writing::Real {
            self.folder.create_new(TRUST, root.certificate().bytes(), Privacy::Secret)?;
        }
        self.root = Some(root);
        Ok(())
    }

    fn accept_kit(
        &mut self,
        kit: &SealedKit,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<Accepted, ShopError> {
        let enrolled = self.enrolled()?;
        let expected = enrolled.grant.store;
        if kit.store != expected {
            return Err(Refusal::OtherStore { what: "kit", found: kit.store, expected }.into());
        }
        self.standing()?;
        let opened = open_kit(bytes, expected, &self.keys.seal, &enrolled.trust)
            .map_err(|error| kit_error("kit", error))?;
        let accepted = enrolled.judge_kit(&opened)?;
        let id = opened.kit.id;
        self.keep(KITS, &kit_name(now, &id), bytes)?;
        let enrolled = self.enrolled.as_mut().expect("looked at above");
        enrolled.take_kit(opened, now)?;
        Ok(accepted)
    }

    fn accept_secret(
        &mut self,
        sealed: &SealedSecret,
        bytes: &[u8],
    ) -> Result<Accepted, ShopError> {
        let expected = self.enrolled()?.grant.store;
        if sealed.store != expected {
            let found = sealed.store;
            return Err(Refusal::OtherStore { what: "edition secret", found, expected }.into());
        }
        let secret = self.open_secret("edition secret", sealed)?;
        let id = data_encoding::HEXLOWER.encode(&secret.id());
        if self.edition_secrets()?.iter().any(|known| known.id() == secret.id()) {
            let (what, when) = (format!("edition secret {id}"), String::new());
            return Err(Refusal::AlreadyAccepted { what, when }.into());
        }
        self.keep(SECRETS, &format!("{id}.cbr"), bytes)?;
        Ok(Accepted::Secret(id))
    }

    /// The secrets of editions that were accepted; they lie in the folder as they came, sealed.
    pub fn edition_secrets(&self) -> Result<Vec<EditionSecret>, ShopError> {
        let files = files(&self.folder, SECRETS, Kind::SealedSecret)?.into_iter();
        let open = |(name, bytes): (String, Vec<u8>)| {
            let name = format!("{SECRETS}/{name}");
            let sealed = SealedSecret::decode(&bytes);
            let sealed = sealed.map_err(|error| ShopError::damaged(name.clone(), &error))?;
            self.open_secret(&name, &sealed)
        };
        files.map(open).collect()
    }

    fn open_secret(&self, what: &str, sealed: &SealedSecret) -> Result<EditionSecret, ShopError> {
        EditionSecret::open(sealed, &self.keys.seal).ok_or_else(|| {
            ShopError::damaged(what.to_owned(), &"it was sealed to another key, or altered")
        })
    }

    fn accept_policy(&mut self, bytes: &[u8]) -> Result<Accepted, ShopError> {
        let enrolled = self.enrolled()?;
        let policy: Verified<Policy> = enrolled.open_list("policy", bytes)?;
        check_policy(&policy).map_err(|error| ShopError::damaged("policy", &error))?;
        let number = policy.number;
        let known = enrolled.policy.as_ref().map(|known| known.number);
        check_newer("policy", number, known)?;
        self.keep(LISTS, &format!("policy-{number:020}.cbr"), bytes)?;
        self.enrolled.as_mut().expect("looked at above").take_policy(policy);
        Ok(Accepted::Policy(number))
    }

    fn accept_revocation(&mut self, bytes: &[u8]) -> Result<Accepted, ShopError> {
        let enrolled = self.enrolled()?;
        let list: Verified<Revocation> = enrolled.open_list("revocation list", bytes)?;
        let number = list.number;
        let known = enrolled.revoked.list().map(|known| known.number);
        check_newer("revocation list", number, known)?;
        self.keep(LISTS, &format!("revocation-{number:020}.cbr"), bytes)?;
        self.enrolled.as_mut().expect("looked at above").take_revocation(list);
        Ok(Accepted::Revocation(number))
    }
}

impl Enrolled {
    /// May this kit be taken over, and what would it bring?
    fn judge_kit(&self, opened: &OpenedKit) -> Result<Accepted, ShopError> {
        let kit = &opened.kit;
        let id = data_encoding::HEXLOWER.encode(&kit.id);
        if let Some(at) = self.kits.get(&kit.id) {
            let (what, when) = (format!("kit {id}"), format!(" at {at}"));
            return Err(Refusal::AlreadyAccepted { what, when }.into());
        }
        if kit.currency != self.grant.currency {
            let (found, expected) = (kit.currency, self.grant.currency);
            return Err(Refusal::Currency { kit: id, found, expected }.into());
        }
        let known = |sheet: &&Verified<Sheet>| {
            let stocked = self.books.medium(sheet.medium);
            stocked.is_ok_and(|stocked| stocked.sheets().any(|known| known.id == sheet.id))
        };
        if let Some(sheet) = opened.sheets.iter().find(known) {
            return Err(Refusal::StockedTwice { kit: id, medium: sheet.medium }.into());
        }
        let blanks = kit.blanks.iter().map(|blank| blank.medium);
        let blanks: Vec<_> = blanks.filter(|medium| self.books.medium(*medium).is_err()).collect();
        let (codes, sum) = count_codes(opened)?;
        let what = || format!("kit {id} of {}", show_sum(self.form(), sum));
        self.check_quota(sum, what)?;
        Ok(Accepted::Kit { id, blanks, codes, sum })
    }
}

/// How many codes a kit brings, and what they add up to in minor units.
fn count_codes(opened: &OpenedKit) -> Result<(usize, u128), ShopError> {
    let (mut codes, mut sum) = (0, 0);
    for (blank, sheet) in opened.kit.blanks.iter().zip(&opened.sheets) {
        let mut slots = BTreeSet::new();
        if let Some(code) = blank.codes.iter().find(|code| !slots.insert(code.slot)) {
            let reason = format!("medium {}: slot {} stands twice", blank.medium, code.slot);
            return Err(ShopError::damaged("kit", &reason));
        }
        codes += slots.len();
        let amounts = slots.iter().filter_map(|slot| sheet.amount(*slot));
        sum += amounts.map(|amount| u128::from(amount.minor())).sum::<u128>();
    }
    Ok((codes, sum))
}

/// Is this a certificate for these keys?
pub(super) fn check_member(signer: &Signer, keys: &Keys) -> Result<(), ShopError> {
    let certificate = signer.certificate();
    let Some(grant) = certificate.grant.as_ref().filter(|_| certificate.role == Role::Store) else {
        let subject = certificate.subject.clone();
        return Err(Refusal::OtherRole { subject, found: certificate.role }.into());
    };
    let hex = |key: &[u8; 32]| data_encoding::HEXLOWER.encode(key);
    let mine = [
        ("signing", certificate.key.0.as_bytes(), keys.sign.public().as_bytes()),
        ("sealing", &grant.seal_key, keys.seal.public().as_bytes()),
    ]
    .into_iter()
    .find(|(_, found, own)| found != own)
    .map(|(which, found, own)| (which, hex(found), hex(own)));
    if let Some((which, found, expected)) = mine {
        return Err(Refusal::OtherKey { which, found, expected }.into());
    }
    check_grant(grant).map_err(|error| ShopError::damaged("certificate", &error))
}

fn check_newer(what: &'static str, found: u64, known: Option<u64>) -> Result<(), Refusal> {
    match known {
        Some(known) if found <= known => Err(Refusal::Older { what, found, known }),
        _ => Ok(()),
    }
}
