//! Journals and the fold over them.

use std::sync::OnceLock;

use scrip::crypto::digest::sha256;
use scrip::crypto::sign::SecretKey;
use scrip::device::{Device, MemoryDevice};
use scrip::format::certificate::Chain;
use scrip::format::edition::RamKind;
use scrip::format::policy::Policy;
use scrip::format::record::Record;
use scrip::format::sheet::Sheet;
use scrip::format::transfer::{Partner, Receipt, Terms};
use scrip::format::{Kind, Object};
use scrip::journal::frame::{Frame, checksum};
use scrip::journal::{self, Archive, ArchiveFault, Carry, Journal, Place, Use};
use scrip::ledger::claimed::Claims;
use scrip::ledger::next::{self, Host, Package, Segment};
use scrip::ledger::{Fold, KeyLife, Rules, State, fold};
use scrip::trust::{Revoked, Signer, Verified, sign, verify};
use scrip::units::{ByteCount, MediumId, Sequence};

use super::input::Input;
use super::{trust, world};
use crate::world::{at, minor, policy, yen};

/// Two copies of two banks of eight sectors.
const PLACE: Place = Place { starts: [0, 8 << 10], bytes: 8 << 10 };
const DEVICE_BYTES: usize = 16 << 10;

/// First byte 0: what lies on the device, from its start. 1: frames, each as copy and sector (one
/// byte each), generation, index (one byte each), length of its record, filling. Else: records
/// appended to a journal, compactions, and bytes overwritten, as [`live`] has it.
pub fn journal(data: &[u8]) {
    let mut input = Input::new(data);
    let device = MemoryDevice::zeroed(DEVICE_BYTES);
    match input.byte() {
        0 => device.write_at(0, input.take(DEVICE_BYTES)).expect("it fits"),
        1 => (0..64).for_each(|_| put_frame(&device, &mut input)),
        _ => live(&device, &mut input),
    }
    let Ok(reading) = journal::survey(&device, &PLACE) else { return };
    assert!(!reading.records.is_empty() || reading.generation > 0);
    assert!(reading.end <= PLACE.bank_bytes());
    assert!(reading.repairable.len() <= reading.records.len() + reading.outside.len() + 1);
    let stored = |record: &Vec<u8>| record.len() as u64;
    assert!(reading.records.iter().map(stored).sum::<u64>() <= reading.end);
    if let Ok(claims) = Claims::of(&reading.records, &reading.outside, &[]) {
        assert!(claims.count() <= reading.records.len());
    }
    let mut opened = open(&device);
    let told = opened.accept_loss().expect("memory takes all writes");
    assert_eq!(told, reading.lost);
    let whole = journal::read(&device, &PLACE).expect("it was opened");
    assert_eq!((&whole.records, &whole.repairable), (&reading.records, &vec![]));
    if opened.append(b"one more", Use::Keeps).is_ok() {
        let again = journal::read(&device, &PLACE).expect("it was read before");
        assert_eq!((&again.records, again.end), (&opened.reading().records, opened.reading().end));
    }
}

fn open(device: &MemoryDevice) -> Journal<&MemoryDevice> {
    Journal::open(device, PLACE, RamKind::Rewritable).expect("it was surveyed")
}

/// Steps of a byte and what it says: below 64 a record of so many times 24 bytes; below 128 a
/// compaction at one of the last records, which carries one outside the chain or none; else a
/// sector of either copy is overwritten, and the journal opened anew.
fn live(device: &MemoryDevice, input: &mut Input<'_>) {
    let genesis = journal::first_frames(&[vec![1; 30]]).expect("a short record");
    for start in PLACE.starts {
        device.write_at(start, &genesis).expect("it fits");
    }
    let mut opened = open(device);
    for number in 0..32_u8 {
        match input.byte() {
            step @ 0..=63 => {
                let record = [&[number], vec![step; usize::from(step) * 24].as_slice()].concat();
                let _ = opened.append(&record, Use::Spends).map(|_| ());
            }
            step @ 64..=127 => compact(&mut opened, usize::from(step - 64)),
            step => {
                let sector = u64::from(step % 32) * 512;
                device.write_at(sector, &[number; 512]).expect("it fits");
                if journal::survey(device, &PLACE).is_err() {
                    return;
                }
                opened = open(device);
            }
        }
    }
}

fn compact(opened: &mut Journal<&MemoryDevice>, choice: usize) {
    let records = opened.reading().records.clone();
    let Some(head) = records.iter().rev().nth(choice % 8) else { return };
    let outside = records[..usize::from(choice >= 32).min(records.len())].to_vec();
    let carry = Carry { head: sha256(head), checkpoint: &[vec![9; 40]], outside: &outside };
    let before = opened.reading().clone();
    match opened.compact(&carry, &mut Memory::default()) {
        Ok(_) => assert!(opened.reading().generation > before.generation),
        Err(_) => assert_eq!(opened.reading(), &before),
    }
}

/// An archive that keeps everything.
#[derive(Default)]
struct Memory(Vec<u8>);

impl Archive for Memory {
    fn keep(&mut self, frames: &[u8]) -> Result<(), ArchiveFault> {
        self.0 = frames.to_vec();
        Ok(())
    }

    fn read_back(&mut self) -> Result<Vec<u8>, ArchiveFault> {
        Ok(self.0.clone())
    }
}

fn put_frame(device: &MemoryDevice, input: &mut Input<'_>) {
    if input.is_empty() {
        return;
    }
    let (copies, sector) = (input.byte(), u64::from(input.byte() % 16));
    let (generation, index) = (input.byte().into(), input.byte().into());
    let record = vec![input.byte(); usize::from(input.half()) % 4097];
    for (copy, start) in PLACE.starts.into_iter().enumerate() {
        let room = usize::try_from((16 - sector) * 512).expect("a small number");
        if copies >> copy & 1 == 0 {
            let before = if copies & 4 == 0 { before(device, start + sector * 512) } else { 0 };
            let frame = Frame { generation, index, before, record: record.clone() };
            let frame = frame.encode().expect("not too long");
            let part = &frame[..frame.len().min(room)];
            device.write_at(start + sector * 512, part).expect("it fits");
        }
    }
}

/// The checksum of the frame that ends where another is put.
fn before(device: &MemoryDevice, at: u64) -> u32 {
    let bytes = device.snapshot();
    let at = usize::try_from(at).expect("a small number");
    let starts = (1..=5).filter_map(|sectors| at.checked_sub(sectors * 512));
    let ends = |start: &usize| {
        Frame::decode(&bytes[*start..]).is_some_and(|frame| start + frame.stored_bytes() == at)
    };
    starts.into_iter().find(ends).map_or(0, |start| checksum(&bytes[start..]))
}

/// What records of one medium are held against.
pub(super) struct Court {
    pub(super) policy: Policy,
    pub(super) sheets: Vec<Verified<Sheet>>,
    pub(super) stores: Vec<Signer>,
    pub(super) revoked: Revoked,
}

pub(super) fn court() -> &'static Court {
    static COURT: OnceLock<Court> = OnceLock::new();
    COURT.get_or_init(|| {
        let (world, trust) = (world(), world().trust());
        let above = Chain(world.rom_chain.0[1..].to_vec());
        let issuer = trust.signer(&above).expect("the world's issuer");
        let (_, sheet) = world.sheet(medium());
        Court {
            policy: policy(),
            sheets: vec![issuer.open(&sheet).expect("the world's sheet")],
            stores: vec![trust.signer(&world.store_chain).expect("the world's store")],
            revoked: Revoked::none(),
        }
    })
}

pub(super) fn medium() -> MediumId {
    MediumId::from_serial(42)
}

pub(super) fn store_made() -> SecretKey {
    SecretKey::from_seed([3; 32])
}

fn owners() -> SecretKey {
    SecretKey::from_seed([4; 32])
}

/// The key that signs the next record.
fn holder(state: &State) -> SecretKey {
    match state.life {
        KeyLife::StoreMade => store_made(),
        KeyLife::Owners => owners(),
    }
}

/// Records, each a byte and what it says: up to 9 a good top-up by that slot; 10 a good first
/// record; 11 a good rekey; 12 a purchase, 13 to 15 a download, 16 to 18 an upload, each with one
/// byte of how much; 19 to 127 a record to be signed as it is; 128 and above one whose medium,
/// place and chain are put right before it is signed.
pub fn ledger(data: &[u8]) {
    let court = court();
    let rules = Rules {
        sheets: &court.sheets,
        stores: &court.stores,
        revoked: &court.revoked,
        ..Rules::of(&court.policy, yen())
    };
    let blank = State::blank(medium(), [9; 32], store_made().public());
    let (records, stepped) = records(&rules, blank.clone(), &mut Input::new(data));
    let Fold { state, records: kept, refusal } = fold(&rules, blank, &records);
    assert_eq!(state, stepped);
    assert_eq!(refusal.is_none(), kept.len() == records.len());
    let moved = kept.iter().filter_map(|record| record.accounting.as_ref());
    let sum: i64 = moved.map(|entry| entry.amount).sum();
    assert_eq!(u64::try_from(sum), Ok(state.balance.minor()));
    let (reserved, free) = (state.reserved().minor(), state.free().minor());
    assert_eq!(reserved + free + state.provisional.minor(), state.balance.minor());
    let loaded = state.loaded.minor();
    assert!(state.exposure.charged.minor() <= loaded.min(court.policy.starter_cap.minor()));
    assert!(state.credited.len() as u64 * 500 == loaded, "each code and voucher is of 500");
    assert_eq!(state.next.number(), kept.len() as u64);
    let _ = Claims::of(&records, &[], &[]);
    if !kept.is_empty() {
        // What follows by the rules contradicts itself nowhere.
        let claims = Claims::of(&records[..kept.len()], &[], &[store_made().public()]);
        let claims = claims.expect("every record of it follows");
        assert_eq!((claims.balance().0, claims.fitting()), (state.balance, kept.len()));
    }
}

/// The records of a script, and the state after the last one that follows.
pub(super) fn records(
    rules: &Rules<'_>,
    blank: State,
    input: &mut Input<'_>,
) -> (Vec<Vec<u8>>, State) {
    let mut records: Vec<Vec<u8>> = vec![];
    let (mut state, mut stands) = (blank, true);
    while !input.is_empty() && records.len() < 16 {
        let record = next_record(&state, input);
        if stands {
            let next = fold(rules, state, std::slice::from_ref(&record));
            stands = next.refusal.is_none();
            state = next.state;
        }
        records.push(record);
    }
    (records, state)
}

fn terms() -> Terms {
    Terms {
        transfer: [7; 16],
        entry: [8; 32],
        price: minor(300),
        length: ByteCount::from_bytes(101),
        share_ppm: policy().share_ppm,
    }
}

fn next_record(state: &State, input: &mut Input<'_>) -> Vec<u8> {
    let host = Host { at: at(200), floor: at(10), instance: [1; 8] };
    let signed = |record: Record| sign(&holder(state), &record);
    match input.byte() {
        slot @ 0..=9 => {
            let code = world().code(medium(), slot);
            next::topup(state, &host, &code, [slot; 16], "store 7").map_or(vec![], signed)
        }
        10 => signed(next::genesis(state, &host, [10; 16])),
        11 => signed(next::rekey(state, &host, [11; 16], &owners())),
        form @ 12..=18 => moved(state, &host, form, input.byte()).map_or(vec![], signed),
        form => {
            let payload = input.part();
            match Record::decode(payload) {
                Ok(record) if form >= 128 => {
                    let (medium, seq, prev) = (state.medium, state.next, state.head);
                    signed(Record { medium, seq, prev, ..record })
                }
                _ => trust::signed(&holder(state), Kind::Record, payload),
            }
        }
    }
}

/// A purchase, or a step of a download from medium 43 or of an upload to it.
fn moved(state: &State, host: &Host, form: u8, count: u8) -> Option<Record> {
    let (terms, event) = (terms(), [form; 16]);
    let (id, got) = (terms.transfer, ByteCount::from_bytes(count.into()));
    let payer = MediumId::from_serial(43);
    let before = ByteCount::from_bytes(0);
    let package = Package { terms: &terms, item: "song", partner: Partner::Medium(payer) };
    let key = SecretKey::from_seed([5; 32]);
    let segment =
        Segment { terms: &terms, item: "song", payer, key: key.public(), before, start: [6; 32] };
    let receipt = Receipt {
        medium: payer,
        transfer: id,
        start: Sequence::from_number(9),
        partner: Partner::Medium(medium()),
        before,
        got,
    };
    let receipt = verify(&sign(&key, &receipt), &key.public()).expect("it was just signed");
    match form {
        12 => next::purchase(state, host, event, ("film", "author"), minor(count.into())).ok(),
        13 => next::download_start(state, host, event, &package).ok(),
        14 => next::download_interrupted(state, host, event, id, got).ok(),
        15 => next::download_end(state, host, event, id).ok(),
        16 => Some(next::upload_start(state, host, event, &segment)),
        17 => next::upload_interrupted(state, host, event, id, got).ok(),
        _ => next::earn(state, host, event, &receipt).ok(),
    }
}
