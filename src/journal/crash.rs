//! Losses of power in appends and compactions, within the fault model and beyond it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::Hash;
use std::rc::Rc;

use super::archive::Kept;
use super::commit::{Journal, OpenError, Use};
use super::compact::Carry;
use super::mirror::{Chain, Mirror, Relation};
use super::planted::{Fault, with};
use super::read::{ReadError, Reading, survey};
use super::{Place, first_frames};
use crate::crypto::digest::sha256;
use crate::device::simulated::{Bounds, Explored, Model, Procedure, Violation, Volatile, Witness};
use crate::device::{Device, MemoryDevice};
use crate::format::edition::RamKind;

const RELEASED_MISSING: &str = "a released record is missing";
const NOBODY_WROTE: &str = "a record that nobody wrote is there";
const NEITHER: &str = "neither the state before nor the one after";
const UNREADABLE: &str = "the journal gives no records";
const ACCUSED: &str = "something is said to be lost though nothing was committed";
const NO_PREFIX: &str = "what is left is no prefix";
const REFUSED: &str = "the journal takes nothing any more";

/// Sectors of a bank.
const BANK_SECTORS: u64 = 24;
/// Of copy A's first bank, the sectors before the end of an erase block of 128 KiB.
const SECTORS_BEFORE: u64 = 10;
const PLACE: Place = Place {
    starts: [
        (4 << 20) + (128 << 10) - SECTORS_BEFORE * 512,
        (20 << 20) + (128 << 10) - SECTORS_BEFORE * 512,
    ],
    bytes: 2 * BANK_SECTORS * 512,
};
const DEVICE_BYTES: usize = 21 << 20;

/// What a record is known by: its number in the chain, and the turn it was made in.
type Name = (u8, u8);

const CHECKPOINT: u8 = 0xCC;

/// What a journal holds, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct State {
    records: Vec<Name>,
    outside: Vec<Name>,
}

/// What stands, and what is under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Promise {
    now: State,
    next: Option<State>,
    /// All records of the chain that were ever there or under way, without checkpoints.
    history: Vec<Name>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Append,
    /// Settle all but so many of the last records; carry the first one outside the chain.
    Compact(usize),
}

/// Opens the journal, then takes the turn's steps.
struct Script {
    steps: &'static [&'static [Step]],
    /// Sectors of a record, by the turn it is made in and its number.
    sectors: &'static [&'static [usize]],
}

thread_local! {
    /// Every record that was made: there are few, and they are asked for millions of times.
    static MADE: RefCell<Made> = RefCell::default();
}

/// Records by number, turn and sectors.
type Made = HashMap<(u8, u8, usize), Rc<[u8]>>;

/// A record that takes so many sectors, of bytes that no other record has.
fn pattern((number, turn): Name, sectors: usize) -> Rc<[u8]> {
    let pattern = (0..251_u8).map(|at| at.wrapping_mul(31) ^ number.rotate_left(3) ^ turn);
    let fill: Vec<u8> = pattern.collect();
    let record = [number, turn].into_iter().chain(fill.into_iter().cycle());
    record.take((sectors * 512 - 60).min(2048)).collect()
}

impl Script {
    fn record(&self, (number, turn): Name) -> Rc<[u8]> {
        let sectors = match number {
            CHECKPOINT => 1,
            number => {
                let lengths = self.sectors[usize::from(turn) % self.sectors.len()];
                lengths[usize::from(number) % lengths.len()]
            }
        };
        MADE.with_borrow_mut(|made| {
            let record = made.entry((number, turn, sectors));
            Rc::clone(record.or_insert_with(|| pattern((number, turn), sectors)))
        })
    }

    /// The name of a record; none if it isn't one of ours, byte for byte.
    fn name(&self, record: &[u8]) -> Option<Name> {
        let name = (*record.first()?, *record.get(1)?);
        (*self.record(name) == *record).then_some(name)
    }

    fn state(&self, reading: &Reading) -> Result<State, Violation> {
        let names = |records: &[Vec<u8>]| {
            let name = |record: &Vec<u8>| {
                let other = || Violation::new(NOBODY_WROTE, format!("{:?}", &record[..2]));
                self.name(record).ok_or_else(other)
            };
            records.iter().map(name).collect::<Result<Vec<_>, _>>()
        };
        Ok(State { records: names(&reading.records)?, outside: names(&reading.outside)? })
    }

    /// A medium whose journal holds the first record.
    fn start(&self) -> (Volatile, Promise) {
        let mut bytes = vec![0xFF; DEVICE_BYTES];
        let first = first_frames(&[self.record((0, 0)).to_vec()]).expect("a short record");
        for start in PLACE.starts.map(|start| usize::try_from(start).expect("in memory")) {
            bytes[start..start + 2 * usize::try_from(BANK_SECTORS).unwrap() * 512].fill(0);
            bytes[start..start + first.len()].copy_from_slice(&first);
        }
        let now = State { records: vec![(0, 0)], outside: vec![] };
        (Volatile::new(bytes), Promise { now, next: None, history: vec![(0, 0)] })
    }
}

/// One turn of a script.
struct Turn<'t, 'd> {
    script: &'t Script,
    journal: Journal<&'d Volatile>,
    number: u8,
    promise: Promise,
}

impl Turn<'_, '_> {
    fn step(&mut self, step: Step, witness: &mut Witness<'_, Promise>) -> Result<(), Violation> {
        let before = self.promise.clone();
        let carry = match step {
            Step::Append => None,
            Step::Compact(kept) => match self.carry(kept) {
                Some(carry) => Some(carry),
                None => return Ok(()),
            },
        };
        let mut next = before.now.clone();
        match &carry {
            None => {
                let number = u8::try_from(before.history.len()).expect("few records");
                next.records.push((number, self.number));
                self.promise.history.push((number, self.number));
            }
            Some((next_state, ..)) => next = next_state.clone(),
        }
        self.promise.next = Some(next.clone());
        witness.promise(self.promise.clone());
        let done = match carry {
            None => {
                let record = self.script.record(*next.records.last().expect("just pushed"));
                self.journal.append(&record, Use::Keeps).map(|_| ()).map_err(|e| e.to_string())
            }
            Some((_, head, checkpoint, outside)) => {
                let carry = Carry { head, checkpoint: &checkpoint, outside: &outside };
                let done = self.journal.compact(&carry, &mut Kept::default());
                done.map(|_| ()).map_err(|e| e.to_string())
            }
        };
        done.map_err(|told| Violation::new(REFUSED, told))?;
        self.promise = Promise { now: next, next: None, history: self.promise.history.clone() };
        witness.promise(self.promise.clone());
        Ok(())
    }

    /// The state after a compaction, the head it settles up to, checkpoint, and what stays open.
    #[expect(clippy::type_complexity, reason = "four things that are used once, side by side")]
    fn carry(&self, kept: usize) -> Option<(State, [u8; 32], Vec<Vec<u8>>, Vec<Vec<u8>>)> {
        let records = &self.journal.reading().records;
        let head = records.len().checked_sub(kept + 1)?;
        let names = &self.promise.now.records;
        let checkpoint = (CHECKPOINT, self.number);
        if names[head].0 == CHECKPOINT {
            return None;
        }
        let open: Vec<Name> =
            names[..=head].iter().copied().filter(|n| n.0 != CHECKPOINT).collect();
        let outside: Vec<Name> =
            self.promise.now.outside.iter().chain(&open).copied().take(1).collect();
        let carried = [&[checkpoint], &names[head + 1..]].concat();
        let bytes =
            |names: &[Name]| names.iter().map(|name| self.script.record(*name).to_vec()).collect();
        let state = State { records: carried, outside: outside.clone() };
        Some((state, sha256(&records[head]), bytes(&[checkpoint]), bytes(&outside)))
    }
}

impl Procedure for Script {
    type Promise = Promise;

    fn run(
        &self,
        device: &Volatile,
        turn: usize,
        before: &Promise,
        witness: &mut Witness<'_, Promise>,
    ) -> Result<(), Violation> {
        let unreadable = |fault| Violation::new(UNREADABLE, format!("{fault}"));
        let opened = Journal::open(device, PLACE, RamKind::Rewritable);
        let mut journal = match opened {
            // Beyond the model; within it the judge would have refused it.
            Err(OpenError::Read(ReadError::Gap { .. } | ReadError::Empty)) => return Ok(()),
            opened => opened.map_err(unreadable)?,
        };
        journal.accept_loss().expect("memory takes all writes");
        let now = self.state(journal.reading())?;
        let last = now.records.iter().rfind(|name| name.0 != CHECKPOINT).map_or(0, |name| name.0);
        let mut history = before.history.clone();
        // Behind the last one found, numbers are given out again; a checkpoint alone keeps them.
        if now.records.len() > 1 || now.records[0].0 != CHECKPOINT {
            history.truncate(usize::from(last) + 1);
        }
        let promise = Promise { now, next: None, history };
        witness.promise(promise.clone());
        let steps = self.steps[turn % self.steps.len()];
        let number = u8::try_from(turn).expect("few turns");
        let mut turn = Turn { script: self, journal, number, promise };
        steps.iter().try_for_each(|step| turn.step(*step, witness))
    }

    fn judge(&self, device: &Volatile, promise: &Promise, model: Model) -> Result<(), Violation> {
        let unreadable = |fault: ReadError| Violation::new(UNREADABLE, fault.to_string());
        let reading = match survey(device, &PLACE) {
            // Nothing is left but the name of what is lost.
            Err(ReadError::Gap { .. } | ReadError::Empty) if model == Model::Beyond => {
                return Ok(());
            }
            outcome => outcome.map_err(unreadable)?,
        };
        let state = self.state(&reading)?;
        let told = || format!("{state:?} after {promise:?}");
        if model == Model::Beyond {
            let chain = state.records.iter().filter(|name| name.0 != CHECKPOINT);
            let numbers: Vec<_> = chain.clone().map(|name| name.0).collect();
            let consecutive = numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
            let known = |name: &Name| promise.history.get(usize::from(name.0)) == Some(name);
            let prefix = consecutive && chain.clone().all(known);
            return if prefix { Ok(()) } else { Err(Violation::new(NO_PREFIX, told())) };
        }
        if reading.lost.is_some() {
            return Err(Violation::new(ACCUSED, told()));
        }
        if state == promise.now || Some(&state) == promise.next.as_ref() {
            return Ok(());
        }
        let missing = promise.now.records.iter().any(|name| !state.records.contains(name));
        Err(Violation::new(if missing { RELEASED_MISSING } else { NEITHER }, told()))
    }
}

fn explore(found: &mut Explored, script: &Script, turns: &[Bounds]) {
    let (device, promise) = script.start();
    let (states, losses) = (found.within.len() + found.beyond.len(), found.losses);
    found.explore(script, &device, &promise, turns);
    let states = found.within.len() + found.beyond.len() - states;
    println!("{:?}: {states} further states, {} losses", script.steps, found.losses - losses);
}

fn explored(script: &Script, turns: &[Bounds]) -> Explored {
    let mut found = Explored::default();
    explore(&mut found, script, turns);
    found
}

fn told(found: &Explored) -> String {
    let told = found.violations.iter();
    let told = told.map(|(violation, losses)| format!("{violation} {losses:#?}"));
    told.take(3).collect::<Vec<_>>().join("\n")
}

const APPENDS: Script =
    Script { steps: &[&[Step::Append; 4], &[Step::Append; 2]], sectors: &[&[1, 5, 4], &[1, 2]] };
const COMPACTIONS: Script = Script {
    steps: &[&[Step::Append, Step::Append, Step::Compact(2), Step::Append]],
    sectors: &[&[1, 1, 2]],
};
/// What a compaction left unfinished still lies there while the next session appends.
const LEFTOVERS: Script = Script {
    steps: &[&[Step::Append, Step::Append, Step::Compact(2)], &[Step::Append; 3]],
    sectors: &[&[1, 3, 2], &[1, 1, 2]],
};
/// A compaction that was broken off is made again, and carries less.
const RETRIES: Script = Script {
    steps: &[&[Step::Append, Step::Append, Step::Compact(2)], &[Step::Compact(1)]],
    sectors: &[&[1]],
};

fn coarse() -> Bounds {
    Bounds { states_max: 24, torn_bytes: vec![16, 300], ..Bounds::default() }
}

/// Bounds that list every subset of so many sectors.
fn fine(sectors: u32) -> Bounds {
    Bounds { states_max: 1 << sectors, ..Bounds::default() }
}

#[test]
fn what_was_committed_survives_two_losses() {
    let mut found = Explored::default();
    let thorough = cfg!(feature = "thorough");
    let (appends, leftovers, least) = if thorough { (10, 14, 1_000_000) } else { (6, 6, 10_000) };
    explore(&mut found, &APPENDS, &[fine(appends), fine(8.min(appends))]);
    explore(&mut found, &LEFTOVERS, &[fine(leftovers), fine(8.min(leftovers))]);
    println!("{} distinct states within the model, {} losses", found.within.len(), found.losses);
    assert!(found.violations.is_empty(), "{}", told(&found));
    assert!(found.within.len() >= least, "{} states", found.within.len());
}

#[test]
fn a_compaction_leaves_the_state_before_or_after() {
    let found = explored(&COMPACTIONS, &[fine(16)]);
    assert!(found.violations.is_empty(), "{}", told(&found));
    assert!(found.unflushed_max <= 16, "of {} sectors some subsets", found.unflushed_max);
    for script in [COMPACTIONS, RETRIES] {
        let found = explored(&script, &[coarse(), coarse()]);
        assert!(found.violations.is_empty(), "{}", told(&found));
    }
}

/// Were it beyond the model twice, both copies could be gone.
#[test]
fn beyond_the_model_a_prefix_is_left_or_the_loss_is_named() {
    let mut found = Explored::default();
    for script in [APPENDS, COMPACTIONS] {
        explore(&mut found, &script, &[coarse().beyond(), coarse()]);
    }
    println!("{} distinct states beyond the model", found.beyond.len());
    assert!(found.violations.is_empty(), "{}", told(&found));
    assert!(found.beyond.len() > 50_000);
}

/// A script whose computer holds a mirror: what was released is there again, whatever happened.
struct WithMirror {
    script: Script,
    /// How many states had to be restored.
    restored: Cell<usize>,
}

const NOT_RESTORED: &str = "the mirror does not restore what was released";
const NOT_COUNTED: &str = "what is said to be missing is not what is missing";

impl WithMirror {
    fn restore(&self, device: &Volatile, promise: &Promise) -> Result<(), Violation> {
        let mut journal = match Journal::open(device, PLACE, RamKind::Rewritable) {
            // Not even the first record is left to go on from.
            Err(OpenError::Read(ReadError::Gap { .. } | ReadError::Empty)) => return Ok(()),
            opened => opened.map_err(|fault| Violation::new(UNREADABLE, fault.to_string()))?,
        };
        let released = promise.now.records.iter().map(|name| self.script.record(*name).to_vec());
        let row = first_frames(&released.collect::<Vec<_>>()).expect("short records");
        let mirror = MemoryDevice::zeroed(usize::try_from(PLACE.bytes).expect("in memory"));
        mirror.write_at(0, &row).expect("it fits");
        let sequence = |record: &[u8]| record.first().map(|number| u64::from(*number));
        let chain = Chain { sequence: &sequence, settled: None };
        let fewer = promise.now.records.len().saturating_sub(journal.reading().records.len());
        let relation = Mirror::on(Box::new(mirror)).relation(&journal.reading().records, chain);
        let told = format!("{relation:?}, {promise:?}");
        match relation.expect("memory is read") {
            Relation::Medium { .. } if fewer == 0 => {}
            Relation::Mirror(lost) if lost.len() == fewer => {
                self.restored.set(self.restored.get() + 1);
                let replayed = journal.replay(&lost);
                replayed.map_err(|fault| Violation::new(REFUSED, fault.to_string()))?;
            }
            _ => return Err(Violation::new(NOT_COUNTED, told)),
        }
        let state = self.script.state(journal.reading())?;
        let again = survey(device, &PLACE).map(|again| again == *journal.reading());
        let whole = state == promise.now || Some(&state) == promise.next.as_ref();
        if whole && again.is_ok_and(|same| same) {
            return Ok(());
        }
        Err(Violation::new(NOT_RESTORED, told))
    }
}

impl Procedure for WithMirror {
    type Promise = Promise;

    fn run(
        &self,
        device: &Volatile,
        turn: usize,
        before: &Promise,
        witness: &mut Witness<'_, Promise>,
    ) -> Result<(), Violation> {
        self.script.run(device, turn, before, witness)
    }

    fn judge(&self, device: &Volatile, promise: &Promise, model: Model) -> Result<(), Violation> {
        self.script.judge(device, promise, model)?;
        self.restore(device, promise)
    }
}

#[test]
fn beyond_the_model_the_mirror_restores_what_was_released() {
    let mut found = Explored::default();
    let (device, promise) = APPENDS.start();
    let mirrored = WithMirror { script: APPENDS, restored: Cell::new(0) };
    found.explore(&mirrored, &device, &promise, &[fine(8).beyond()]);
    assert!(found.violations.is_empty(), "{}", told(&found));
    let (states, restored) = (found.beyond.len(), mirrored.restored.get());
    println!("{states} distinct states beyond the model, {restored} restored from the mirror");
    assert!(states > 1_000 && restored > 100, "{restored} of {states}");
}

/// Each a fault, what is run, how finely its power is lost, and the assertion that finds it.
macro_rules! planted {
    ($($test:ident: $fault:ident, $script:ident, $turns:expr => $name:ident;)*) => {$(
        #[test]
        fn $test() {
            let found = with(Fault::$fault, || explored(&$script, &$turns));
            assert!(found.found($name), "{:?} is not found: {}", Fault::$fault, told(&found));
        }
    )*};
}

planted! {
    no_crc_is_found: NoCrc, APPENDS, [coarse()] => NOBODY_WROTE;
    releasing_before_any_flush_is_found:
        ReleaseBeforeFlush, APPENDS, [coarse().without_faults()] => RELEASED_MISSING;
    copy_b_without_flush_is_found: BWithoutFlush, APPENDS, [coarse()] => RELEASED_MISSING;
    copy_a_without_flush_is_found: AWithoutFlush, APPENDS, [coarse()] => RELEASED_MISSING;
    one_copy_is_found: OneCopy, APPENDS, [coarse()] => RELEASED_MISSING;
    no_repair_is_found: NoRepair, APPENDS, [coarse(), coarse()] => RELEASED_MISSING;
    repairing_both_copies_together_is_found:
        RepairTogether, APPENDS, [coarse(), coarse()] => UNREADABLE;
    the_longest_row_of_any_generation_is_found:
        LongestGeneration, COMPACTIONS, [coarse()] => RELEASED_MISSING;
    frame_0_before_what_is_carried_is_found:
        OpeningFirst, COMPACTIONS, [coarse()] => RELEASED_MISSING;
    erasing_the_old_bank_early_is_found: OldBankErased, COMPACTIONS, [coarse()] => UNREADABLE;
    frames_of_a_broken_off_compaction_are_found:
        StaleFrames, RETRIES, [coarse(), coarse()] => NEITHER;
    frames_that_follow_another_are_found:
        NoLink, COMPACTIONS, [coarse().beyond(), coarse()] => NO_PREFIX;
}
