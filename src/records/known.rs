//! Reading what the records know of a medium.

use std::collections::{BTreeMap, BTreeSet};

use super::Records;
use super::accounts::{FindingNote, Known, KnownFinding, Row};
use super::database::StorageError;
use super::entries::sales_of;
use super::media::store_of;
use super::statement::Transaction;
use super::value::{self, Value};
use crate::crypto::digest::{sha256, sha256_parts};
use crate::crypto::sign::PublicKey;
use crate::format::checkpoint::OpenTransfer;
use crate::format::record::EventId;
use crate::ledger::{Account, Blame, Booked, Effect, Fork, Rekeyed};
use crate::units::{Amount, ByteCount, MediumId, Sequence};

/// A medium's row with its sums; what else its account holds stands in other tables.
pub(super) struct Standing {
    pub(super) row: Row,
    pub(super) settled: Amount,
    pub(super) provisional: Amount,
    pub(super) reserved: Amount,
    pub(super) debt: Amount,
    pub(super) store_loss: Amount,
    rekey: Option<Rekeyed>,
    first: Option<Sequence>,
}

impl Records {
    /// What is known of a medium; none where its number was never given out.
    pub fn known(&mut self, medium: MediumId) -> Result<Option<Known>, StorageError> {
        self.database.read(|tx| known(tx, medium))
    }

    /// The numbers that were given out, ascending: at most `limit` of those behind `after`.
    pub fn media(
        &mut self,
        after: Option<MediumId>,
        limit: u64,
    ) -> Result<Vec<MediumId>, StorageError> {
        const PAGE: &str = "SELECT medium FROM media WHERE medium > $1 ORDER BY medium LIMIT $2";
        let after = after.map_or(Value::Int(-1), Value::from);
        self.database.read(|tx| tx.rows(PAGE, &[after, Value::count(limit)], |row| row.medium(0)))
    }

    /// What a plan is made against beside the media: SHA-256 over each store's number (4 bytes),
    /// the number of its newest entry (8 bytes) and SHA-256 over that, by the stores' numbers, then
    /// how many codes the issuer sold and how many decisions there are (8 bytes each); integers
    /// big-endian.
    pub fn base(&mut self) -> Result<[u8; 32], StorageError> {
        self.database.read(base)
    }

    /// A checkpoint's file as it was signed.
    pub fn checkpoint(
        &mut self,
        medium: MediumId,
        number: u64,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        const FIND: &str = "SELECT content FROM checkpoints WHERE medium = $1 AND number = $2";
        let values = [medium.into(), Value::count(number)];
        self.database.read(|tx| tx.row(FIND, &values, |row| Ok(row.bytes(0)?.to_vec())))
    }
}

pub(super) fn base(tx: &mut Transaction<'_>) -> Result<[u8; 32], StorageError> {
    const HEADS: &str = "SELECT stores.store, store_entries.seq, store_entries.content FROM stores \
        JOIN store_entries ON store_entries.store = stores.store AND store_entries.seq = \
        (SELECT MAX(seq) FROM store_entries WHERE store_entries.store = stores.store) \
        ORDER BY stores.store";
    const SOLD: &str = "SELECT COUNT(*) FROM slots WHERE sale IS NOT NULL";
    const DECIDED: &str = "SELECT COUNT(*) FROM decisions";
    let heads = tx.rows(HEADS, &[], |row| {
        let store = row.store(0)?.number().to_be_bytes();
        let (seq, content) = (row.count(1)?.to_be_bytes(), sha256(row.bytes(2)?));
        Ok([&store[..], &seq, &content].concat())
    })?;
    let sold = tx.row(SOLD, &[], |row| row.count(0))?.unwrap_or(0).to_be_bytes();
    let decided = tx.row(DECIDED, &[], |row| row.count(0))?.unwrap_or(0).to_be_bytes();
    let counts = [&sold[..], &decided];
    let parts: Vec<&[u8]> = heads.iter().map(Vec::as_slice).chain(counts).collect();
    Ok(sha256_parts(&parts))
}

pub(super) fn known(
    tx: &mut Transaction<'_>,
    medium: MediumId,
) -> Result<Option<Known>, StorageError> {
    let Some(store) = store_of(tx, medium)? else { return Ok(None) };
    let standing = Standing::of(tx, medium)?;
    let sales = sales_of(tx, medium)?;
    let own = sales.burnt.iter().rev().find(|burnt| burnt.store == store);
    let certificate = own.or(sales.burnt.last()).map_or([0; 32], |burnt| burnt.certificate);
    let account = account(tx, medium, &standing, certificate)?;
    let findings = findings(tx, medium)?;
    let (row, sold) = (standing.row, sales.sold);
    let (sales, burnt) = (sales.of_medium, sales.burnt);
    Ok(Some(Known { medium, store, row, account, sold, sales, burnt, findings }))
}

impl Standing {
    pub(super) const UNSETTLED: Self = Self {
        row: Row::UNSETTLED,
        settled: Amount::ZERO,
        provisional: Amount::ZERO,
        reserved: Amount::ZERO,
        debt: Amount::ZERO,
        store_loss: Amount::ZERO,
        rekey: None,
        first: None,
    };

    pub(super) fn of(tx: &mut Transaction<'_>, medium: MediumId) -> Result<Self, StorageError> {
        const FIND: &str = "SELECT number, hash, seq, head, settled_minor, provisional_minor, \
            reserved_minor, debt_minor, store_loss_minor, rekey_seq, rekey_key, first_seq \
            FROM accounts WHERE medium = $1";
        Ok(tx.row(FIND, &[medium.into()], Self::read)?.unwrap_or(Self::UNSETTLED))
    }

    /// Read the columns of an account, in the order above.
    pub(super) fn read(row: &value::Row<'_>) -> Result<Self, StorageError> {
        let seq = Some(sequence(row, 2)?);
        let rekey = match (row.optional(9, sequence)?, row.optional_array(10)?) {
            (Some(seq), Some(key)) => {
                let key = PublicKey::from_bytes(key).map_err(|error| row.wrong(10, &error))?;
                Some(Rekeyed { seq, key })
            }
            _ => None,
        };
        Ok(Self {
            row: Row { number: row.count(0)?, hash: row.array(1)?, seq, head: row.array(3)? },
            settled: row.amount(4)?,
            provisional: row.amount(5)?,
            reserved: row.amount(6)?,
            debt: row.amount(7)?,
            store_loss: row.amount(8)?,
            rekey,
            first: row.optional(11, sequence)?,
        })
    }
}

fn sequence(row: &value::Row<'_>, column: usize) -> Result<Sequence, StorageError> {
    row.count(column).map(Sequence::from_number)
}

fn account(
    tx: &mut Transaction<'_>,
    medium: MediumId,
    standing: &Standing,
    certificate: [u8; 32],
) -> Result<Account, StorageError> {
    let Standing { row, settled, provisional, debt, store_loss, rekey, first, .. } = *standing;
    let account = Account::new(medium, certificate);
    if row.number == 0 {
        return Ok(account);
    }
    Ok(Account {
        number: row.number,
        hash: row.hash,
        settled,
        provisional,
        debt,
        store_loss,
        open: open(tx, medium)?,
        events: events(tx, medium)?,
        rekey,
        first,
        held: held(tx, medium)?,
        forks: forks(tx, medium)?,
        ..account
    })
}

fn open(tx: &mut Transaction<'_>, medium: MediumId) -> Result<Vec<OpenTransfer>, StorageError> {
    const FIND: &str = "SELECT transfer, start, reserved_minor, covered_bytes FROM open_transfers \
        WHERE medium = $1 ORDER BY start";
    tx.rows(FIND, &[medium.into()], |row| {
        let (transfer, start) = (row.array(0)?, row.array(1)?);
        let covered = ByteCount::from_bytes(row.count(3)?);
        Ok(OpenTransfer { transfer, start, reserved: row.amount(2)?, covered })
    })
}

fn events(
    tx: &mut Transaction<'_>,
    medium: MediumId,
) -> Result<BTreeMap<EventId, Booked>, StorageError> {
    const FIND: &str = "SELECT event, amount_minor, effect, number FROM settled_events \
        WHERE medium = $1 ORDER BY event";
    let events = tx.rows(FIND, &[medium.into()], |row| {
        let effect = match row.int(2)? {
            1 => Effect::Own,
            2 => Effect::AtPartner,
            3 => Effect::Earned,
            other => return Err(row.wrong(2, &format!("{other} is no effect"))),
        };
        Ok((row.array(0)?, Booked { amount: row.int(1)?, effect, number: row.count(3)? }))
    })?;
    Ok(events.into_iter().collect())
}

/// The number of an effect that books; records that move nothing are not booked.
pub(super) fn effect_number(effect: Effect) -> Option<i64> {
    match effect {
        Effect::Own => Some(1),
        Effect::AtPartner => Some(2),
        Effect::Earned => Some(3),
        Effect::Nothing | Effect::Began => None,
    }
}

fn held(
    tx: &mut Transaction<'_>,
    medium: MediumId,
) -> Result<BTreeMap<Sequence, [u8; 32]>, StorageError> {
    const FIND: &str = "SELECT seq, hash FROM held_records WHERE medium = $1 ORDER BY seq";
    let held = tx.rows(FIND, &[medium.into()], |row| Ok((sequence(row, 0)?, row.array(1)?)))?;
    Ok(held.into_iter().collect())
}

fn forks(tx: &mut Transaction<'_>, medium: MediumId) -> Result<BTreeSet<Fork>, StorageError> {
    const FIND: &str = "SELECT seq, less, more, blame FROM forks WHERE medium = $1 \
        ORDER BY seq, less, more";
    let forks = tx.rows(FIND, &[medium.into()], |row| {
        let by = match row.int(3)? {
            0 => Blame::Nobody,
            1 => Blame::Store,
            2 => Blame::StoreKey,
            other => return Err(row.wrong(3, &format!("{other} is nobody's number"))),
        };
        Ok(Fork { seq: sequence(row, 0)?, records: [row.array(1)?, row.array(2)?], by })
    })?;
    Ok(forks.into_iter().collect())
}

pub(super) fn blame_number(by: Blame) -> i64 {
    match by {
        Blame::Nobody => 0,
        Blame::Store => 1,
        Blame::StoreKey => 2,
    }
}

pub(super) fn findings(
    tx: &mut Transaction<'_>,
    medium: MediumId,
) -> Result<Vec<KnownFinding>, StorageError> {
    const FIND: &str = "SELECT answered_findings.finding, answered_findings.class, \
        answered_findings.number, plans.posted_at FROM answered_findings \
        JOIN checkpoints ON checkpoints.medium = answered_findings.medium \
        AND checkpoints.number = answered_findings.number \
        JOIN plans ON plans.number = checkpoints.plan \
        WHERE answered_findings.medium = $1 ORDER BY answered_findings.finding";
    tx.rows(FIND, &[medium.into()], |row| {
        let class = row.int(1)?.try_into().map_err(|error| row.wrong(1, &error))?;
        let finding = FindingNote { id: row.array(0)?, class };
        Ok(KnownFinding { finding, number: row.count(2)?, at: row.time(3)? })
    })
}
