//! Journals as a tree: each record that was ever applied, judged and signed once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use super::facts::Facts;
use crate::crypto::digest::sha256;
use crate::crypto::sign::SecretKey;
use crate::format::checkpoint::UsedVoucher;
use crate::format::policy::{Policy, Revocation, RevokedStore};
use crate::format::record::{EventId, Record};
use crate::format::sheet::Sheet;
use crate::format::transfer::{Partner, Receipt, Terms};
use crate::ledger::fixture::{
    Purse, SETTLER, SHEET, STORE, World, at, bytes, host, key, medium, minor,
};
use crate::ledger::next::{self, Host, Package, Segment, Slip, Statement};
use crate::ledger::planted::{Fault, planted};
use crate::ledger::{Account, Credits, Outcome, Rules, State, apply, settle};
use crate::trust::{Revoked, Verified, sign, verify};
use crate::units::{Sequence, StoreId};
use crate::voucher::voucher_id;

/// A journal, by the last record of it.
pub(super) type Id = u32;

/// What is put behind a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// The owner's key takes over; or the store's own.
    Rekey(Hand),
    Code(u8),
    /// The voucher that was sold for the first medium.
    Voucher,
    Buy,
    Start,
    Broken,
    End,
    /// A statement of the settler's, by its place.
    Take(Id),
    /// A voucher that a thief signed with the store's stolen key.
    Stolen,
    /// A purchase signed by the store-made key.
    StoreBuys,
    /// The fee of the segment that this journal of the payer's ends with.
    Earn(Id),
}

/// Whose key takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Hand {
    Owner,
    Store,
}

/// One record and what it led to.
pub(super) struct Node {
    pub(super) parent: Option<Id>,
    pub(super) state: State,
    pub(super) facts: Facts,
}

/// What a settler stated.
#[derive(Debug, Clone)]
struct Stated {
    signed: Vec<u8>,
    since: Vec<EventId>,
}

/// What settling gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Ruled {
    pub(super) account: Id,
    pub(super) statement: Option<Id>,
    pub(super) outcome: Outcome,
    pub(super) proofs: usize,
}

/// Everything that was computed once.
pub(super) struct Table {
    world: World,
    policy: Policy,
    sheets: [Vec<Verified<Sheet>>; 2],
    voucher: Vec<u8>,
    stolen: Vec<u8>,
    revoked: Revoked,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    nodes: Vec<Node>,
    steps: HashMap<(Id, Step), Option<Id>>,
    accounts: Vec<Account>,
    known: HashMap<[u8; 32], Id>,
    statements: Vec<Stated>,
    ruled: HashMap<(Id, Vec<Id>), Ruled>,
}

/// The first medium after its genesis record, and the partner's after its owner's first login.
pub(super) const FIRST: Id = 0;
pub(super) const PARTNER: Id = 2;

impl Table {
    pub(super) fn new() -> Self {
        let world = World::new();
        let (own, other) = (Purse::blank(&world, 1), Purse::blank(&world, 2));
        let sheets = [own.sheets.clone(), other.sheets.clone()];
        let (voucher, stolen) = (own.voucher(STORE, 9, 400), own.voucher(STORE, 50, 400));
        let blanks = [own.state, other.state];
        let policy = world.policy.clone();
        let revoked = revoked();
        let inner = Mutex::default();
        let table = Self { world, policy, sheets, voucher, stolen, revoked, inner };
        for blank in blanks {
            let account = Account::new(blank.medium, blank.head);
            table.lock().accounts.push(account);
            let record = next::genesis(&blank, &host(), [1; 16]);
            let (record, state) = table.judge(&blank, &record, &store_made(&blank)).unwrap();
            table.push(None, state, &record);
        }
        let partner = table.extend(1, Step::Rekey(Hand::Owner));
        assert_eq!(partner, Some(PARTNER));
        table
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Look at a journal.
    pub(super) fn see<T>(&self, id: Id, look: impl FnOnce(&Node) -> T) -> T {
        look(&self.lock().nodes[id as usize])
    }

    /// Does something hold of all these journals?
    pub(super) fn all(
        &self,
        mut ids: impl Iterator<Item = Id>,
        holds: impl Fn(&Node) -> bool,
    ) -> bool {
        let inner = self.lock();
        ids.all(|id| holds(&inner.nodes[id as usize]))
    }

    /// Look at an account.
    pub(super) fn account<T>(&self, id: Id, look: impl FnOnce(&Account) -> T) -> T {
        look(&self.lock().accounts[id as usize])
    }

    /// How many records were judged to follow.
    pub(super) fn records(&self) -> usize {
        self.lock().nodes.len()
    }

    /// Does the first journal continue the second?
    pub(super) fn continues(&self, longer: Id, shorter: Id) -> bool {
        let inner = self.lock();
        let mut at = Some(longer);
        while let Some(id) = at {
            if id == shorter {
                return true;
            }
            at = inner.nodes[id as usize].parent;
        }
        false
    }

    /// The journal with one more record, if that follows.
    pub(super) fn extend(&self, id: Id, step: Step) -> Option<Id> {
        if let Some(known) = self.lock().steps.get(&(id, step)) {
            return *known;
        }
        let state = self.see(id, |node| node.state.clone());
        let found = match step {
            Step::Earn(payer) => self.earn(id, payer),
            _ => self.one(id, &state, step),
        };
        self.lock().steps.insert((id, step), found);
        found
    }

    fn one(&self, id: Id, state: &State, step: Step) -> Option<Id> {
        let records = self.records_for(state, step)?;
        let by = match step {
            Step::StoreBuys => store_made(state),
            _ => holder(state),
        };
        let judged = records.iter().find_map(|record| self.judge(state, record, &by));
        let (record, next) = judged?;
        Some(self.push(Some(id), next, &record))
    }

    /// A receipt of the payer's for its whole last segment, and the three records that earn it.
    fn earn(&self, id: Id, payer: Id) -> Option<Id> {
        let (paid, before) = self.see(payer, |node| (node.state.clone(), node.parent));
        let before = self.see(before?, |node| node.state.clone());
        let transfer = before.transfers.values().find(|transfer| transfer.open.is_some())?.clone();
        let open = transfer.open.as_ref()?;
        let rest = transfer.terms.length.bytes() - transfer.covered.bytes();
        let (terms, got) = (transfer.terms.clone(), bytes(rest));
        let segment = Segment {
            terms: &terms,
            item: "song",
            payer: paid.medium,
            key: paid.holder,
            before: transfer.covered,
            start: open.hash,
        };
        let receipt = next::receipt(paid.medium, &transfer, got)?;
        let signed = sign(&holder(&paid), &receipt);
        let receipt: Verified<Receipt> = verify(&signed, &paid.holder).ok()?;
        let mut at = id;
        for part in 0..3 {
            let state = self.see(at, |node| node.state.clone());
            let record = match part {
                0 => next::upload_start(&state, &host(), [1; 16], &segment),
                1 => next::upload_end(&state, &host(), [2; 16], terms.transfer, got).ok()?,
                _ => next::earn(&state, &host(), [3; 16], &receipt).ok()?,
            };
            let (record, next) = self.judge(&state, &record, &holder(&state))?;
            at = self.push(Some(at), next, &record);
        }
        Some(at)
    }

    /// The records that a step may mean, in the order in which they are tried.
    fn records_for(&self, state: &State, step: Step) -> Option<Vec<Record>> {
        let host = host();
        let record = match step {
            Step::Rekey(hand) => next::rekey(state, &host, [2; 16], &own_key(state, hand)),
            Step::Code(slot) => self.code(state, slot),
            Step::Voucher | Step::Stolen => {
                let signed = if step == Step::Stolen { &self.stolen } else { &self.voucher };
                let voucher = verify(signed, &key(STORE).public()).ok()?;
                let slip = Slip { voucher: &voucher, certificate: None };
                next::topup_voucher(state, &host, &slip, [4; 16]).ok()?
            }
            Step::Buy | Step::StoreBuys => bought(state)?,
            Step::Start => {
                let terms = terms(state);
                let partner = Partner::Medium(medium(2));
                let package = Package { terms: &terms, item: "song", partner };
                next::download_start(state, &host, [6; 16], &package).ok()?
            }
            Step::Broken => {
                let id = open(state)?;
                next::download_interrupted(state, &host, [7; 16], id, bytes(1)).ok()?
            }
            Step::End => next::download_end(state, &host, [8; 16], open(state)?).ok()?,
            Step::Take(statement) => return Some(self.taken(state, statement)),
            Step::Earn(_) => return None,
        };
        Some(vec![record])
    }

    /// A statement taken over on its own chain, else merged.
    fn taken(&self, state: &State, statement: Id) -> Vec<Record> {
        let stated = self.lock().statements[statement as usize].clone();
        let certificate = &self.world.settler;
        let statement = Statement { checkpoint: &stated.signed, certificate };
        let host = Host { floor: at(LISTED), ..host() };
        vec![
            next::checkpoint(state, &host, [9; 16], &statement),
            next::merge(state, &host, [9; 16], &statement, &stated.since),
        ]
    }

    fn code(&self, state: &State, slot: u8) -> Record {
        let mut purse = Purse::blank(&self.world, 1);
        purse.state = state.clone();
        purse.topup(slot)
    }

    fn judge(
        &self,
        state: &State,
        record: &Record,
        by: &SecretKey,
    ) -> Option<(Verified<Record>, State)> {
        let record = verify::<Record>(&sign(by, record), &by.public()).ok()?;
        let place = usize::from(state.medium != medium(1));
        let rules = Rules { revoked: &self.revoked, ..self.world.rules(&self.sheets[place]) };
        let next = apply(&rules, state, &record).ok()?;
        Some((record, next))
    }

    fn push(&self, parent: Option<Id>, state: State, record: &Verified<Record>) -> Id {
        let mut inner = self.lock();
        if let Some(id) = inner.known.get(&state.head) {
            return *id;
        }
        let before = parent.map(|parent| &inner.nodes[parent as usize]);
        let facts = Facts::after(before, &state, record, &self.policy);
        let id = Id::try_from(inner.nodes.len()).unwrap();
        inner.known.insert(state.head, id);
        inner.nodes.push(Node { parent, state, facts });
        id
    }

    /// Settle the first medium with all that was brought.
    pub(super) fn rule(&self, account: Id, brought: &[Id]) -> Ruled {
        let asked = (account, brought.to_vec());
        if let Some(known) = self.lock().ruled.get(&asked) {
            return *known;
        }
        let mut inner = self.lock();
        let states: Vec<&State> =
            brought.iter().map(|id| &inner.nodes[*id as usize].state).collect();
        let before = &inner.accounts[account as usize];
        let settled = settle(&self.policy, before, &states).unwrap();
        let credits = Credits {
            sheets: &[(SHEET, 5)],
            vouchers: &[used(9), used(50)],
            as_of: at(LISTED),
            numbers: (1, 0),
        };
        let checkpoint = settled.checkpoint(before, &states, &credits);
        let proofs = settled.forks.len() + settled.contested.len();
        let outcome = settled.outcome;
        let (mut after, since) = (settled.account, settled.settled_since);
        let mut statement = None;
        if outcome != Outcome::Frozen {
            let signed = sign(&key(SETTLER), &checkpoint);
            after.hash = sha256(&signed);
            statement = Some(inner.statements.len());
            inner.statements.push(Stated { signed, since });
        }
        let name = sha256(format!("{after:?}").as_bytes());
        let fresh = Id::try_from(inner.accounts.len()).unwrap();
        let account = *inner.known.entry(name).or_insert(fresh);
        if account == fresh {
            inner.accounts.push(after);
        }
        let statement = statement.map(|place| Id::try_from(place).unwrap());
        let ruled = Ruled { account, statement, outcome, proofs };
        inner.ruled.insert(asked, ruled);
        ruled
    }
}

/// The store was stolen after it had sold so many vouchers; settlers know it since then.
pub(super) const SERIAL_CUT: u64 = 20;
pub(super) const LISTED: u64 = 30;

fn revoked() -> Revoked {
    let store = StoreId::from_number(7).unwrap();
    let stores = vec![RevokedStore {
        store,
        serial_cut: SERIAL_CUT,
        head: None,
        unsold: vec![],
        kits: vec![],
    }];
    let list = Revocation { number: 1, issued: at(LISTED), media: vec![], sheets: vec![], stores };
    Revoked::none().with(verify(&sign(&key(2), &list), &key(2).public()).unwrap())
}

fn used(serial: u64) -> UsedVoucher {
    let id = voucher_id(StoreId::from_number(7).unwrap(), serial);
    UsedVoucher { id, seq: Sequence::FIRST, at: at(40) }
}

fn store_made(state: &State) -> SecretKey {
    key(if state.medium == medium(1) { 101 } else { 102 })
}

fn own_key(state: &State, hand: Hand) -> SecretKey {
    match hand {
        Hand::Owner => key(if state.medium == medium(1) { 151 } else { 152 }),
        Hand::Store => key(160),
    }
}

fn holder(state: &State) -> SecretKey {
    let all = [store_made(state), own_key(state, Hand::Owner), own_key(state, Hand::Store)];
    all.into_iter().find(|key| key.public() == state.holder).unwrap()
}

/// A purchase of 300, or of 50 where fees are all there is.
fn bought(state: &State) -> Option<Record> {
    let price = if state.medium == medium(1) { 300 } else { 50 };
    let item = ("film", "author");
    let mut record = next::purchase(state, &host(), [5; 16], item, minor(price)).ok()?;
    if planted(Fault::LooseEvents) {
        record.history.link = Some([5; 16]);
        record.accounting.as_mut()?.event = [5; 16];
    }
    Some(record)
}

/// Terms of a song of three bytes; a transfer that broke off goes on.
fn terms(state: &State) -> Terms {
    let closed = state.transfers.values().find(|transfer| transfer.open.is_none());
    let begun = u8::try_from(state.next.number()).unwrap();
    closed.map_or_else(
        || Terms {
            transfer: [begun; 16],
            entry: [6; 32],
            price: minor(300),
            length: bytes(3),
            share_ppm: 300_000,
        },
        |transfer| transfer.terms.clone(),
    )
}

fn open(state: &State) -> Option<[u8; 16]> {
    let mut all = state.transfers.values();
    all.find(|transfer| transfer.open.is_some()).map(|transfer| transfer.terms.transfer)
}
