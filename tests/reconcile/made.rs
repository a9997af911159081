//! Media as their owners have them, made by the library: signed journals, exports, funding.

use scrip::crypto::digest::sha256;
use scrip::crypto::sign::{PublicKey, SecretKey};
use scrip::device::MemoryDevice;
use scrip::format::Object;
use scrip::format::certificate::Confirmation;
use scrip::format::field::Bytes;
use scrip::format::medium::{CertificateSlot, MediumCertificate, SheetSlot};
use scrip::format::policy::{Policy, Revocation};
use scrip::format::record::Record;
use scrip::format::sheet::{Sheet, Voucher};
use scrip::format::transfer::{Partner, Receipt, Terms};
use scrip::image::layout::SLOTS;
use scrip::image::leaves::Unwatched;
use scrip::journal::first_frames;
use scrip::ledger::funding::{Papers, gather};
use scrip::ledger::next::{self, Host, Package, Segment, Slip};
use scrip::ledger::{Rules, State, follow};
use scrip::reconcile::{Heap, Skipped, Taken};
use scrip::trust::{Revoked, Signer, Verified, sign, verify};
use scrip::units::{ByteCount, MediumId, StoreId};
use scrip::voucher::{VoucherSale, sign_voucher};

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
    pub(super) fn burnt(&self, medium: MediumId) -> Stick {
        self.burnt_under(medium, 0)
    }

    /// Another certificate of the same number.
    pub(super) fn burnt_under(&self, medium: MediumId, serial: u64) -> Stick {
        let number = u8::try_from((medium.number() + serial) % 200).unwrap();
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
    pub(super) fn owned(&self, medium: MediumId, codes: u8) -> Stick {
        let mut stick = self.burnt(medium);
        stick.rekey(self, 1);
        for slot in 0..codes {
            stick.code(self, slot);
        }
        stick
    }

    pub(super) fn signed_voucher(&self, medium: MediumId, serial: u64, amount: u64) -> Vec<u8> {
        let sale = VoucherSale {
            medium,
            amount: minor(amount),
            serial,
            issued: at(200),
            expires: at(200).plus_days(90),
        };
        let grant = self.store.certificate().grant.clone().unwrap();
        sign_voucher(&self.world.store, &grant, &sale).unwrap()
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

    /// Put a record there whether or not it follows: what a changed player would sign.
    pub(super) fn force(&mut self, record: &Record) {
        let key = self.key();
        let signed = sign(&key, record);
        self.state.head = sha256(&signed);
        self.state.next = record.seq.next().unwrap();
        self.records.push(verify(&signed, &key.public()).unwrap());
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

    pub(super) fn voucher(&mut self, ground: &Ground, signed: &[u8]) {
        let voucher: Verified<Voucher> = ground.store.open(signed).unwrap();
        let slip = Slip { voucher: &voucher, certificate: None };
        let record = next::topup_voucher(&self.state, &host(), &slip, [3; 16]).unwrap();
        self.put(ground, &record);
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

    /// A download begins; it costs 300 for 100 bytes, of which a fifth is its sender's.
    pub(super) fn start(&mut self, ground: &Ground, transfer: u8, from: MediumId) {
        let record = self.starting(transfer, from);
        self.put(ground, &record);
    }

    pub(super) fn starting(&self, transfer: u8, from: MediumId) -> Record {
        let package =
            Package { terms: &terms(transfer), item: "song", partner: Partner::Medium(from) };
        next::download_start(&self.state, &host(), [6; 16], &package).unwrap()
    }

    /// The receipt of the segment that it has open.
    pub(super) fn receipt(&self, transfer: u8, got: u64) -> Vec<u8> {
        let open = &self.state.transfers[&[transfer; 16]];
        let receipt = next::receipt(self.id(), open, ByteCount::from_bytes(got)).unwrap();
        sign(&self.key(), &receipt)
    }

    /// Send to a payer whose newest record is its start, up to a receipt, and earn.
    pub(super) fn send(&mut self, ground: &Ground, payer: &Stick, transfer: u8, receipt: &[u8]) {
        let start = payer.records.last().unwrap();
        let key = payer.state.holder;
        let receipt = verify::<Receipt>(receipt, &key).unwrap();
        let segment = Segment {
            terms: &terms(transfer),
            item: "song",
            payer: payer.id(),
            key,
            before: receipt.before,
            start: start.hash(),
        };
        let begun = next::upload_start(&self.state, &host(), [7; 16], &segment);
        self.put(ground, &begun);
        let all = receipt.before.bytes() + receipt.got.bytes() == 100;
        let close = if all { next::upload_end } else { next::upload_interrupted };
        let closed = close(&self.state, &host(), [8; 16], [transfer; 16], receipt.got).unwrap();
        self.put(ground, &closed);
        let earned = next::earn(&self.state, &host(), [9; 16], &receipt).unwrap();
        self.put(ground, &earned);
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

pub(super) fn terms(transfer: u8) -> Terms {
    let (price, length) = (minor(300), ByteCount::from_bytes(100));
    Terms { transfer: [transfer; 16], entry: [6; 32], price, length, share_ppm: 200_000 }
}

/// Give a file to a heap.
pub(super) fn give(heap: &mut Heap, bytes: &[u8]) -> Result<Taken, Skipped> {
    let device = MemoryDevice::from_bytes(bytes.to_vec());
    heap.take(&device, THREADS, &Unwatched)
}

/// A tar archive of these files.
pub(super) fn bundle(files: &[Vec<u8>]) -> Vec<u8> {
    let mut all = vec![];
    for (place, bytes) in files.iter().enumerate() {
        let mut header = [0; 512];
        let name = format!("folder/{place}");
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        all.extend(header);
        all.extend(bytes);
        all.resize(all.len().next_multiple_of(512), 0);
    }
    all.resize(all.len() + 1024, 0);
    all
}
