//! Media as their owners have them, made by the library: signed journals, exports, funding.

use scrip::crypto::sign::{PublicKey, SecretKey};
use scrip::device::MemoryDevice;
use scrip::format::Object;
use scrip::format::certificate::Confirmation;
use scrip::format::field::Bytes;
use scrip::format::medium::{CertificateSlot, MediumCertificate, SheetSlot};
use scrip::format::policy::{Policy, Revocation};
use scrip::format::record::Record;
use scrip::format::sheet::Sheet;
use scrip::image::layout::SLOTS;
use scrip::image::leaves::Unwatched;
use scrip::journal::first_frames;
use scrip::ledger::funding::{Papers, gather};
use scrip::ledger::next::{self, Host};
use scrip::ledger::{Rules, State, follow};
use scrip::reconcile::{Heap, Skipped, Taken};
use scrip::trust::{Revoked, Signer, Verified, sign};
use scrip::units::{MediumId, StoreId};

use crate::world::{THREADS, World, at, minor, yen};

/// What every medium here rests on.
pub(super) struct Ground {
    pub(super) world: World,
    pub(super) store: Signer,
    pub(super) issuer: Signer,
    pub(super) policy: Verified<Policy>,
}

impl Ground {
    pub(super) fn new() -> Self {
        Self::of(World::new())
    }

    pub(super) fn of(world: World) -> Self {
        let store = world.trust().signer(&world.store_chain).unwrap();
        let issuer = store.issuer();
        let policy = issuer.open::<Policy>(&world.policy).unwrap();
        Self { world, store, issuer, policy }
    }

    pub(super) fn heap(&self) -> Heap {
        Heap::new(self.world.trust())
    }

    /// A medium with genesis alone, its certificate by this store.
    pub(super) fn burnt(&self, serial: u64) -> Stick {
        let medium = MediumId::from_serial(serial);
        let number = u8::try_from(serial % 200).unwrap();
        let key = SecretKey::from_seed([number; 32]);
        let certificate = MediumCertificate {
            issuer: "Test store".to_owned(),
            issued: at(100),
            key: Confirmation(key.public()),
            medium,
            edition: [1; 32],
            store: StoreId::from_number(7).unwrap(),
            serial,
            sheets: vec![[4; 16]],
            currency: yen(),
            hardware: None,
        };
        let certificate = self.store.open(&sign(&self.world.store, &certificate)).unwrap();
        let sheet = self.issuer.open::<Sheet>(&self.world.sheet(medium).1).unwrap();
        let certificate: Verified<MediumCertificate> = certificate;
        let state = State::blank(medium, certificate.hash(), certificate.key.0);
        let mut stick = Stick { certificate, sheet, state, records: vec![], seed: number };
        stick.put(self, &next::genesis(&stick.state, &host(), [1; 16]));
        stick
    }

    /// A medium that is its owner's, with so many codes of 500 on it.
    pub(super) fn owned(&self, serial: u64, codes: u8) -> Stick {
        let mut stick = self.burnt(serial);
        stick.rekey(self, 1);
        for slot in 0..codes {
            stick.code(self, slot);
        }
        stick
    }
}

pub(super) fn host() -> Host {
    Host { at: at(1_000), floor: at(10), instance: [0; 8] }
}

/// A medium's journal in its owner's hands; a clone is a copy of the stick.
#[derive(Clone)]
pub(super) struct Stick {
    pub(super) certificate: Verified<MediumCertificate>,
    pub(super) sheet: Verified<Sheet>,
    pub(super) state: State,
    pub(super) records: Vec<Verified<Record>>,
    seed: u8,
}

impl Stick {
    pub(super) fn id(&self) -> MediumId {
        self.state.medium
    }

    /// The key of this life: 0 is the store's, the owner's are others.
    pub(super) fn key(&self) -> SecretKey {
        let keys =
            (0..8_u8).map(|life| SecretKey::from_seed([self.seed.wrapping_add(life * 31); 32]));
        let holder: PublicKey = self.state.holder;
        keys.into_iter().find(|key| key.public() == holder).unwrap()
    }

    pub(super) fn with_rules<R>(&self, ground: &Ground, ask: impl FnOnce(&Rules<'_>) -> R) -> R {
        let revoked = Revoked::none();
        let rules = Rules {
            sheets: std::slice::from_ref(&self.sheet),
            stores: std::slice::from_ref(&ground.store),
            issuer: Some(&ground.issuer),
            revoked: &revoked,
            ..Rules::of(&ground.policy, yen())
        };
        ask(&rules)
    }

    /// Sign a record and put it on the chain, which it has to follow.
    pub(super) fn put(&mut self, ground: &Ground, record: &Record) -> Vec<u8> {
        let signed = sign(&self.key(), record);
        let mut state = self.state.clone();
        let record = self.with_rules(ground, |rules| follow(rules, &mut state, &signed)).unwrap();
        self.state = state;
        self.records.push(record);
        signed
    }

    pub(super) fn rekey(&mut self, ground: &Ground, life: u8) {
        let own = SecretKey::from_seed([self.seed.wrapping_add(life * 31); 32]);
        let record = next::rekey(&self.state, &host(), [2; 16], &own);
        self.put(ground, &record);
    }

    pub(super) fn code(&mut self, ground: &Ground, slot: u8) -> Vec<u8> {
        let code = ground.world.code(self.id(), slot);
        let record = next::topup(&self.state, &host(), &code, [3; 16], "owner").unwrap();
        self.put(ground, &record)
    }

    pub(super) fn buy(&mut self, ground: &Ground, item: &str, price: u64) -> Vec<u8> {
        let goods = (item, "a singer");
        let record = next::purchase(&self.state, &host(), [4; 16], goods, minor(price)).unwrap();
        self.put(ground, &record)
    }

    pub(super) fn play(&mut self, ground: &Ground, item: &str) {
        let record = next::play(&self.state, &host(), [5; 16], item, "test");
        self.put(ground, &record);
    }

    pub(super) fn bytes(&self) -> Vec<Vec<u8>> {
        self.records.iter().map(|record| record.bytes().to_vec()).collect()
    }

    /// What `scrip-wallet export` writes.
    pub(super) fn export(&self, ground: &Ground) -> Vec<u8> {
        [self.slots(ground, None), first_frames(&self.bytes()).unwrap()].concat()
    }

    /// The stamped slots.
    pub(super) fn slots(&self, ground: &Ground, list: Option<&Revocation>) -> Vec<u8> {
        let chain = ground.store.chain();
        let certificate = Bytes(self.certificate.bytes().to_vec());
        let sheets = vec![Bytes(self.sheet.bytes().to_vec())];
        let objects = [
            CertificateSlot { certificate, chain }.encode(),
            ground.policy.bytes().to_vec(),
            list.map_or(vec![], |list| sign(&ground.world.issuer, list)),
            SheetSlot { sheets }.encode(),
            vec![],
        ];
        let slots = SLOTS.iter().zip(objects).map(|(slot, mut object)| {
            object.resize(usize::try_from(slot.bytes).unwrap(), 0);
            object
        });
        slots.flatten().collect()
    }

    /// What it shows a partner: all of it, up to a download-start.
    pub(super) fn funding(&self, ground: &Ground) -> Vec<u8> {
        self.with_rules(ground, |rules| {
            let papers = Papers {
                certificate: &self.certificate,
                store: &ground.store,
                rules: *rules,
                policy: &ground.policy,
            };
            gather(&papers, None, &self.records).unwrap().encode()
        })
    }
}

/// Give a file to a heap.
pub(super) fn give(heap: &mut Heap, bytes: &[u8]) -> Result<Taken, Skipped> {
    let device = MemoryDevice::from_bytes(bytes.to_vec());
    heap.take(&device, THREADS, &Unwatched)
}
