//! What is stamped on a medium: certificate, sheets, user information, policy, revocation list.

use super::super::layout::{
    CERTIFICATE_SLOT, POLICY_SLOT, REVOKED_SLOT, SHEETS_SLOT, SLOTS, Slot, USER_SLOT,
};
use super::manifest::Edition;
use super::report::{Fault, Part, Report};
use super::words;
use crate::format::certificate::StoreGrant;
use crate::format::medium::{CertificateSlot, MediumCertificate, SheetSlot, UserInformation};
use crate::format::policy::{Policy, Revocation};
use crate::format::sheet::Sheet;
use crate::format::{DecodeError, Object, cbor};
use crate::trust::{Revoked, Signer, Trust, TrustError, Verified};
use crate::units::{MediumId, StoreId};
use crate::words::Phrase;

/// The most sheets that a medium has.
const SHEETS_MAX: usize = 2;

/// The bytes of all slots, in the order of [`SLOTS`]; `None` for a slot that isn't there.
pub(super) type SlotBytes = [Option<Vec<u8>>; SLOTS.len()];

/// Why a slot or a seal is not good.
#[derive(Debug, thiserror::Error)]
pub(super) enum SlotFault {
    #[error("{0}")]
    Decode(#[from] DecodeError),
    #[error("{0}")]
    Trust(#[from] TrustError),
    #[error("it is missing")]
    Missing,
    #[error("it is empty")]
    Empty,
    #[error("{what} is {found}, expected {expected}")]
    Other { what: &'static str, found: String, expected: String },
}

/// Refuse a statement that isn't what it has to be.
pub(super) fn same<T: PartialEq>(
    what: &'static str,
    found: &T,
    expected: &T,
    text: impl Fn(&T) -> String,
) -> Result<(), SlotFault> {
    if found == expected {
        return Ok(());
    }
    Err(SlotFault::Other { what, found: text(found), expected: text(expected) })
}

/// A hash in hex, for a person.
pub(super) fn hex(hash: &[u8; 32]) -> String {
    data_encoding::HEXLOWER.encode(hash)
}

/// A store whose chain ends in the manifest's root.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) signer: Signer,
    pub(super) grant: StoreGrant,
}

impl Store {
    /// Walk a store's chain, which has to end where the manifest's ends.
    pub(super) fn open(
        chain: &crate::format::certificate::Chain,
        edition: &Edition,
        trust: &Trust,
    ) -> Result<Self, SlotFault> {
        let signer = trust.signer(chain)?;
        let roots = [&signer, &edition.signer].map(|signer| signer.anchor().fingerprint());
        same("its root", &roots[0], &roots[1], ToString::to_string)?;
        let Some(grant) = signer.certificate().grant.clone() else {
            let found = signer.certificate().role.to_string();
            let (what, expected) = ("its signer's role", "store".to_owned());
            return Err(SlotFault::Other { what, found, expected });
        };
        Ok(Self { signer, grant })
    }

    pub(super) fn id(&self) -> StoreId {
        self.grant.store
    }
}

/// Who has sealed a medium.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sealers<'a> {
    /// The store of its certificate.
    Same,
    /// Another one.
    Other(&'a Store),
    /// The seal is not to be had.
    Unknown,
}

/// The certificate and the store that signed it.
#[derive(Debug)]
pub(super) struct Certified {
    pub(super) certificate: Verified<MediumCertificate>,
    pub(super) store: Store,
}

/// What the slots hold, as far as it is good.
#[derive(Debug, Default)]
pub(super) struct Stamped {
    pub(super) certified: Option<Certified>,
    pub(super) policy: Option<Verified<Policy>>,
    pub(super) sheets: Vec<Verified<Sheet>>,
    pub(super) user: Option<Verified<UserInformation>>,
    pub(super) revoked: Revoked,
    /// Policies that are kept beside the journal.
    pub(super) later: Vec<Verified<Policy>>,
    /// Which slots are good, in the order of [`SLOTS`].
    pub(super) good: [bool; SLOTS.len()],
}

impl Stamped {
    /// Verify the certificate's slot, on which all others hang.
    pub(super) fn open(
        bytes: &SlotBytes,
        edition: &Edition,
        trust: &Trust,
        report: &mut Report,
    ) -> Self {
        let mut stamped = Self::default();
        stamped.certified = stamped.slot(bytes, CERTIFICATE_SLOT, report, |object| {
            certificate(object.ok_or(SlotFault::Empty)?, edition, trust)
        });
        stamped
    }

    /// Verify the other slots, which the store of the seal has stamped.
    pub(super) fn open_rest(
        &mut self,
        bytes: &SlotBytes,
        sealers: Sealers<'_>,
        report: &mut Report,
    ) {
        let Some(certified) = self.certified.take() else { return };
        let medium = certified.certificate.medium;
        let stores = match sealers {
            Sealers::Other(store) => [store, &certified.store],
            Sealers::Same | Sealers::Unknown => [&certified.store; 2],
        };
        self.policy = self.slot(bytes, POLICY_SLOT, report, |object| {
            by_either(&stores, object, |store, object| store.signer.issuer().open::<Policy>(object))
        });
        let list = self.slot(bytes, REVOKED_SLOT, report, |object| match object {
            None => Ok(None),
            some => by_either(&stores, some, |store, object| {
                store.signer.issuer().open::<Revocation>(object)
            })
            .map(Some),
        });
        if let Some(Some(list)) = list {
            self.revoked = Revoked::none().with(list);
        }
        let sheets = self.slot(bytes, SHEETS_SLOT, report, |object| {
            sheets(object.ok_or(SlotFault::Empty)?, &certified, &stores)
        });
        self.sheets = sheets.unwrap_or_default();
        let user = self.slot(bytes, USER_SLOT, report, |object| {
            match user(object, medium, &stores) {
                // Another store may have refreshed it; only the seal says which.
                Err(SlotFault::Trust(TrustError::Signer { .. }))
                    if matches!(sealers, Sealers::Unknown) =>
                {
                    Ok(None)
                }
                other => other.map(Some),
            }
        });
        if matches!(user, Some(None)) {
            report.notes.push(words::other_stores_user());
        }
        self.user = user.flatten();
        self.certified = Some(certified);
    }

    fn slot<T>(
        &mut self,
        bytes: &SlotBytes,
        slot: Slot,
        report: &mut Report,
        open: impl FnOnce(Option<&[u8]>) -> Result<T, SlotFault>,
    ) -> Option<T> {
        let place = SLOTS.iter().position(|known| *known == slot).expect("all slots are listed");
        let object = match &bytes[place] {
            Some(bytes) => cbor::unpad(bytes).map_err(SlotFault::from),
            None => Err(SlotFault::Missing),
        };
        match object.and_then(open) {
            Ok(value) => {
                self.good[place] = true;
                Some(value)
            }
            Err(fault) => {
                report.fault(Fault::new(Part::File(slot.path.to_owned()), Phrase::of(&fault)));
                None
            }
        }
    }
}

fn certificate(object: &[u8], edition: &Edition, trust: &Trust) -> Result<Certified, SlotFault> {
    let slot = CertificateSlot::decode(object)?;
    let store = Store::open(&slot.chain, edition, trust)?;
    let certificate = store.signer.open::<MediumCertificate>(&slot.certificate.0)?;
    same("its edition", &certificate.edition, &edition.id, hex)?;
    same("its store", &certificate.store, &store.id(), ToString::to_string)?;
    same("its currency", &certificate.currency, &store.grant.currency, ToString::to_string)?;
    Ok(Certified { certificate, store })
}

fn sheets(
    object: &[u8],
    certified: &Certified,
    stores: &[&Store; 2],
) -> Result<Vec<Verified<Sheet>>, SlotFault> {
    let slot = SheetSlot::decode(object)?;
    if slot.sheets.len() > SHEETS_MAX {
        let (found, expected) = (slot.sheets.len().to_string(), format!("at most {SHEETS_MAX}"));
        return Err(SlotFault::Other { what: "its count of sheets", found, expected });
    }
    let open = |bytes: &crate::format::field::Bytes| {
        let sheet = by_either(stores, Some(&bytes.0), |store, object| {
            store.signer.issuer().open::<Sheet>(object)
        })?;
        let certificate = &certified.certificate;
        same("a sheet's medium", &sheet.medium, &certificate.medium, ToString::to_string)?;
        same("a sheet's currency", &sheet.currency, &certificate.currency, ToString::to_string)?;
        Ok(sheet)
    };
    slot.sheets.iter().map(open).collect()
}

fn user(
    object: Option<&[u8]>,
    medium: MediumId,
    stores: &[&Store; 2],
) -> Result<Verified<UserInformation>, SlotFault> {
    let user =
        by_either(stores, object, |store, object| store.signer.open::<UserInformation>(object))?;
    same("its medium", &user.medium, &medium, ToString::to_string)?;
    let known = stores.iter().any(|store| store.id() == user.store);
    let expected = if known { user.store } else { stores[1].id() };
    same("its store", &user.store, &expected, ToString::to_string)?;
    Ok(user)
}

/// Open an object by one of two stores, or their issuers; what the second says is told.
fn by_either<T>(
    stores: &[&Store; 2],
    object: Option<&[u8]>,
    open: impl Fn(&Store, &[u8]) -> Result<T, TrustError>,
) -> Result<T, SlotFault> {
    let object = object.ok_or(SlotFault::Empty)?;
    let [first, second] = stores;
    Ok(open(first, object).or_else(|_| open(second, object))?)
}
