//! Exports of a population, read back as anybody would: by their signatures, from the root on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use scrip::format::medium::{CertificateSlot, MediumCertificate, SheetSlot, UserInformation};
use scrip::format::policy::Policy;
use scrip::format::sheet::Sheet;
use scrip::format::{Object, cbor};
use scrip::image::layout::SLOTS;
use scrip::journal::frame::Frame;
use scrip::ledger::{Fold, Rules, State, fold};
use scrip::trust::{Root, Signer, TestRoots, Trust, Verified};
use scrip::units::MediumId;

/// A population's folder, and who is believed there.
pub(super) struct Town<'a> {
    pub(super) folder: &'a Path,
    pub(super) trust: Trust,
}

/// An export: what it rests on, and its journal's records.
pub(super) struct Export {
    pub(super) certificate: Verified<MediumCertificate>,
    pub(super) store: Signer,
    pub(super) policy: Verified<Policy>,
    pub(super) sheets: Vec<Verified<Sheet>>,
    pub(super) records: Vec<Vec<u8>>,
    pub(super) bytes: Vec<u8>,
    /// Bytes behind the last whole frame.
    pub(super) behind: usize,
}

impl<'a> Town<'a> {
    pub(super) fn at(folder: &'a Path) -> Self {
        let root = Root::read(&fs::read(folder.join("issuer/trust.cbr")).unwrap()).unwrap();
        Self { folder, trust: Trust::new(vec![root], TestRoots::Allowed) }
    }

    /// Every file below `evidence` with this ending, by its path from there.
    pub(super) fn files(&self, ending: &str) -> BTreeMap<String, Vec<u8>> {
        let evidence = self.folder.join("evidence");
        let walk = walkdir::WalkDir::new(&evidence).into_iter().map(Result::unwrap);
        let files = walk.filter(|entry| entry.file_type().is_file());
        let named = files.map(|entry| {
            let name = entry.path().strip_prefix(&evidence).unwrap().display().to_string();
            (name, fs::read(entry.path()).unwrap())
        });
        named.filter(|(name, _)| name.ends_with(ending)).collect()
    }

    pub(super) fn open(&self, bytes: &[u8]) -> Export {
        let mut slots = vec![];
        let mut rest = bytes;
        for slot in SLOTS {
            let (own, behind) = rest.split_at(usize::try_from(slot.bytes).unwrap());
            slots.push(cbor::unpad(own).unwrap());
            rest = behind;
        }
        let [certificate, policy, revoked, sheets, user] = slots.try_into().unwrap();
        let slot = CertificateSlot::decode(certificate.unwrap()).unwrap();
        let store = self.trust.signer(&slot.chain).unwrap();
        assert!(store.anchor().is_pinned() && revoked.is_none());
        let certificate = store.open::<MediumCertificate>(&slot.certificate.0).unwrap();
        let user = store.open::<UserInformation>(user.unwrap()).unwrap();
        assert_eq!(user.medium, certificate.medium);
        let issuer = store.issuer();
        let sheets = SheetSlot::decode(sheets.unwrap()).unwrap().sheets;
        let sheets = sheets.iter().map(|sheet| issuer.open::<Sheet>(&sheet.0).unwrap()).collect();
        let policy = issuer.open::<Policy>(policy.unwrap()).unwrap();
        let mut records = vec![];
        while let Some(frame) = Frame::decode(rest) {
            rest = &rest[frame.stored_bytes()..];
            assert_eq!((frame.generation, frame.index as usize), (0, records.len()));
            records.push(frame.record);
        }
        let behind = rest.len();
        Export { certificate, store, policy, sheets, records, bytes: bytes.to_vec(), behind }
    }
}

impl Export {
    pub(super) fn medium(&self) -> MediumId {
        self.certificate.medium
    }

    /// Every signature and every rule, as far as it goes.
    pub(super) fn fold(&self) -> Fold {
        let issuer = self.store.issuer();
        let rules = Rules {
            sheets: &self.sheets,
            stores: std::slice::from_ref(&self.store),
            issuer: Some(&issuer),
            ..Rules::of(&self.policy, self.certificate.currency)
        };
        let Export { certificate, records, .. } = self;
        let blank = State::blank(certificate.medium, certificate.hash(), certificate.key.0);
        fold(&rules, blank, records)
    }
}
