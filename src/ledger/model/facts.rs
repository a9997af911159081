//! What a journal says by its records alone, added up without the code that is being checked.

use std::collections::{BTreeMap, BTreeSet};

use super::table::{LISTED, Node, SERIAL_CUT};
use crate::format::cose::Sign1;
use crate::format::policy::Policy;
use crate::format::record::{Body, Record, RecordKind};
use crate::format::sheet::Voucher;
use crate::format::{Kind, Object};
use crate::ledger::State;
use crate::trust::Verified;

/// What must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wrong {
    /// A voucher of another medium was credited.
    Foreign,
    /// Something was signed by a key that may not.
    Key,
    /// A checkpoint came after a newer one.
    Back,
    /// More was spent at partners than is printed.
    AboveCap,
    /// A voucher above the cut of a stolen store was credited after the list had arrived.
    Revoked,
}

/// What is said of a journal.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Codes and vouchers that it credited, each with its amount and how often.
    pub(super) credits: BTreeMap<Vec<u8>, (i64, u32)>,
    /// What it spent, by the record or the start of the segment.
    pub(super) spent: BTreeMap<[u8; 32], i64>,
    /// What was charged or is reserved at partners, by start, with the sequence of the latter.
    at_partners: BTreeMap<[u8; 32], (u64, i64)>,
    /// The owner's key, and how many rekeys there are.
    pub(super) rekey: Option<[u8; 32]>,
    pub(super) rekeys: u32,
    /// What must not be, and is.
    wrong: BTreeSet<Wrong>,
    number: u64,
    open: Option<[u8; 32]>,
    holder: Option<crate::crypto::sign::KeyId>,
}

impl Facts {
    /// What holds after one more record.
    pub(super) fn after(
        before: Option<&Node>,
        state: &State,
        record: &Verified<Record>,
        policy: &Policy,
    ) -> Self {
        let mut facts = before.map(|node| node.facts.clone()).unwrap_or_default();
        facts.keys(record);
        facts.money(record);
        facts.partners(record, policy);
        if let Some(known) = state.checkpoint.filter(|_| record.history.kind.settles()) {
            facts.note(Wrong::Back, known.number < facts.number);
            facts.number = known.number;
            let merged = record.history.kind == RecordKind::Merge;
            let settled = |start: &u64| merged || *start <= known.seq.number();
            facts.at_partners.retain(|_, (start, _)| !settled(start));
        }
        facts
    }

    /// Is nothing of the kind the case?
    pub(super) fn without(&self, wrong: Wrong) -> bool {
        !self.wrong.contains(&wrong)
    }

    fn note(&mut self, wrong: Wrong, is_so: bool) {
        if is_so {
            self.wrong.insert(wrong);
        }
    }

    fn keys(&mut self, record: &Verified<Record>) {
        let by = record.signer();
        let due = *self.holder.get_or_insert(by);
        let kind = record.history.kind;
        let early = self.rekeys == 0
            && !(matches!(kind, RecordKind::Genesis | RecordKind::Rekey)
                || kind == RecordKind::Topup && record.seq.number() == 1);
        self.note(Wrong::Key, by != due || early);
        if let Body::Rekey { key, .. } = &record.body {
            self.rekeys += 1;
            self.note(Wrong::Key, self.rekeys > 1);
            self.rekey.get_or_insert(*key.as_bytes());
            self.holder = Some(key.key_id());
        }
    }

    fn money(&mut self, record: &Verified<Record>) {
        let amount = record.accounting.as_ref().map_or(0, |entry| entry.amount);
        let name = match &record.body {
            Body::TopupCode { sheet, slot, .. } => [&sheet[..], &[*slot]].concat(),
            Body::TopupVoucher { voucher, .. } => {
                let message = Sign1::decode(&voucher.0, Kind::Voucher).unwrap();
                let stolen = Voucher::decode(message.payload()).unwrap().serial > SERIAL_CUT;
                self.note(Wrong::Revoked, stolen && record.floor.seconds() >= LISTED);
                self.note(Wrong::Foreign, record.medium != crate::ledger::fixture::medium(1));
                voucher.0.clone()
            }
            Body::Purchase {} => {
                self.spent.insert(record.hash(), -amount);
                return;
            }
            _ => return,
        };
        let credit = self.credits.entry(name).or_insert((amount, 0));
        credit.1 += 1;
    }

    fn partners(&mut self, record: &Verified<Record>, policy: &Policy) {
        let amount = record.accounting.as_ref().map_or(0, |entry| entry.amount);
        match &record.body {
            Body::DownloadStart { terms, before, .. } => {
                let price = terms.price.minor();
                let left = price - price * before.bytes() / terms.length.bytes();
                let held = (record.seq.number(), i64::try_from(left).unwrap());
                self.at_partners.insert(record.hash(), held);
                self.open = Some(record.hash());
            }
            Body::DownloadInterrupted { .. } | Body::DownloadEnd { .. } => {
                let start = self.open.take().unwrap_or_default();
                self.spent.insert(start, -amount);
                if let Some(held) = self.at_partners.get_mut(&start) {
                    held.1 = -amount;
                }
            }
            _ => return,
        }
        let sum: i64 = self.at_partners.values().map(|(_, amount)| amount).sum();
        let loaded: i64 = self.credits.values().map(|(amount, _)| amount).sum();
        let starter = loaded.min(i64::try_from(policy.starter_cap.minor()).unwrap());
        let cap = i64::try_from(policy.offline_cap.minor()).unwrap();
        self.note(Wrong::AboveCap, sum > if self.number == 0 { starter } else { cap });
    }
}

impl RecordKind {
    fn settles(self) -> bool {
        matches!(self, Self::Checkpoint | Self::Merge)
    }
}
