//! What must hold of the records as a whole, and what is open in them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Records;
use super::database::StorageError;
use super::entries::sales_of;
use super::few::short_of_codes;
use super::moves::{Account, HolderNames, balances};
use super::statement::Transaction;
use super::value::{Row, Value};
use crate::format::policy::Policy;
use crate::units::{Amount, MediumId, StoreId, Timestamp};

/// Ages that debts are told by: up to so many days, the last ones beyond.
pub const AGES_DAYS: [u64; 3] = [30, 90, 365];

/// What an audit finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// What each kind of account has: debits less credits, minor units. They sum to zero.
    pub kinds: BTreeMap<&'static str, i64>,
    /// Media that were settled.
    pub settled: u64,
    /// Sums whose moves come to something else than the medium's account.
    pub differing: Vec<Differing>,
    /// Media on which more is settled than was sold for them, and by how much.
    pub unsold: Vec<(MediumId, i64)>,
    /// Media that were spent from and that no journal sold.
    pub spent: Vec<MediumId>,
    /// What stores sold of their quotas.
    pub quotas: Vec<QuotaUse>,
    /// What could be spent twice.
    pub exposure: AtRisk,
    /// What stores owe and media lack, by its age.
    pub owed: Vec<Owed>,
    /// Media with fewer than [`super::CODES_FEW`] codes left, and how many.
    pub short: Vec<(MediumId, u64)>,
}

/// A sum whose moves come to something else than the medium's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// The medium's account, or that of a store's loss.
    pub account: Account,
    /// By the moves: debits less credits, minor units.
    pub by_moves: i64,
    /// By the media's accounts.
    pub by_account: i64,
}

/// What a store sold of its quota, less what it took back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaUse {
    /// The store.
    pub store: StoreId,
    /// Its name.
    pub name: String,
    /// Codes and vouchers that it sold, minor units.
    pub sold: i64,
    /// What it may sell.
    pub quota: Amount,
}

/// What extra branches could spend before they are seen: a bound that follows from the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AtRisk {
    /// Media with anything on them.
    pub media: u64,
    /// By one extra branch of one medium at most, minor units.
    pub worst: u64,
    /// By one extra branch of each medium, minor units.
    pub all: u64,
}

/// What an account owes, by the age of the oldest sums that later ones did not pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// A store's account, or a medium's debt.
    pub account: Account,
    /// Up to each of [`AGES_DAYS`], and beyond; minor units.
    pub ages: [i64; 4],
}

impl Records {
    /// Look through all of the records: what each kind of account has, what doesn't agree, what is
    /// at risk under this policy, and what is owed, by its age `now`.
    pub fn audit(&mut self, policy: &Policy, now: Timestamp) -> Result<Audit, StorageError> {
        self.database.read(|tx| {
            let names = HolderNames::load(tx)?;
            let balances = balances(tx, &names)?.into_iter();
            let balances: Sums = balances.map(|one| (one.account, one.minor)).collect();
            let mut kinds = BTreeMap::new();
            for (account, minor) in &balances {
                *kinds.entry(account.kind()).or_default() += minor;
            }
            let (settled, by_account) = accounts(tx)?;
            Ok(Audit {
                kinds,
                differing: differing(&balances, &by_account),
                unsold: unsold(&balances),
                spent: spent_never_sold(tx)?,
                quotas: quotas(tx)?,
                exposure: at_risk(policy, &balances, &settled),
                settled: settled.len() as u64,
                owed: owed(tx, &names, now)?,
                short: short_of_codes(tx)?,
            })
        })
    }
}

type Sums = BTreeMap<Account, i64>;

/// Media that were settled, and what their rows say of each account: debits less credits.
fn accounts(tx: &mut Transaction<'_>) -> Result<(BTreeSet<MediumId>, Sums), StorageError> {
    const ALL: &str = "SELECT accounts.medium, media.store, settled_minor, provisional_minor, \
        reserved_minor, debt_minor, store_loss_minor FROM accounts \
        JOIN media ON media.medium = accounts.medium";
    let (mut settled, mut sums) = (BTreeSet::new(), Sums::new());
    tx.for_each(ALL, &[], |row| -> Result<(), StorageError> {
        let medium = row.medium(0)?;
        settled.insert(medium);
        sums.insert(Account::Settled(medium), -row.int(2)?);
        sums.insert(Account::Provisional(medium), -row.int(3)?);
        sums.insert(Account::Reserved(medium), -row.int(4)?);
        sums.insert(Account::Debt(medium), row.int(5)?);
        *sums.entry(Account::ForkLoss(row.store(1)?)).or_default() += row.int(6)?;
        Ok(())
    })?;
    Ok((settled, sums))
}

fn differing(balances: &Sums, by_account: &Sums) -> Vec<Differing> {
    let told = |account: &&Account| {
        by_account.contains_key(account)
            || matches!(account, Account::ForkLoss(_))
            || account.medium().is_some_and(|medium| **account != Account::Outstanding(medium))
    };
    let all: BTreeSet<&Account> = balances.keys().chain(by_account.keys()).filter(told).collect();
    let pairs = all.into_iter().map(|account| {
        let [by_moves, by_account] =
            [balances, by_account].map(|sums| *sums.get(account).unwrap_or(&0));
        Differing { account: account.clone(), by_moves, by_account }
    });
    pairs.filter(|pair| pair.by_moves != pair.by_account).collect()
}

fn unsold(balances: &Sums) -> Vec<(MediumId, i64)> {
    let more = balances.iter().filter_map(|(account, minor)| match account {
        Account::Outstanding(medium) if *minor > 0 => Some((*medium, *minor)),
        _ => None,
    });
    more.collect()
}

fn spent_never_sold(tx: &mut Transaction<'_>) -> Result<Vec<MediumId>, StorageError> {
    const SPENT: &str = "SELECT DISTINCT whose FROM moves WHERE origin = 3 \
        AND debit BETWEEN 4000000000000 AND 4999999999999 \
        AND credit BETWEEN 8000000000000 AND 8999999999999 ORDER BY whose";
    let mut never = vec![];
    for medium in tx.rows(SPENT, &[], |row| row.medium(0))? {
        let sales = sales_of(tx, medium)?.of_medium;
        if sales.iter().all(|sale| sale.voided.is_some()) {
            never.push(medium);
        }
    }
    Ok(never)
}

fn quotas(tx: &mut Transaction<'_>) -> Result<Vec<QuotaUse>, StorageError> {
    const SOLD: &str = "SELECT stores.store, stores.name, stores.quota_minor, \
        CAST(COALESCE(SUM(CASE WHEN moves.debit = 2000000000000 + stores.store \
        THEN moves.amount_minor ELSE -moves.amount_minor END), 0) AS BIGINT) \
        FROM stores LEFT JOIN moves ON moves.origin = 1 AND moves.whose = stores.store \
        GROUP BY stores.store, stores.name, stores.quota_minor ORDER BY stores.store";
    tx.rows(SOLD, &[], |row| {
        let name = row.text(1)?.to_owned();
        Ok(QuotaUse { store: row.store(0)?, name, quota: row.amount(2)?, sold: row.int(3)? })
    })
}

/// What is on each medium, or may come onto it by codes that are sold, but no more than the cap.
fn at_risk(policy: &Policy, balances: &Sums, settled: &BTreeSet<MediumId>) -> AtRisk {
    let mut on: BTreeMap<MediumId, i64> = BTreeMap::new();
    for (account, minor) in balances {
        let Some(medium) = account.medium() else { continue };
        *on.entry(medium).or_default() -= minor;
    }
    let mut risk = AtRisk::default();
    for (medium, minor) in on.into_iter().filter(|(_, minor)| *minor > 0) {
        let known = settled.contains(&medium);
        let cap = if known { policy.offline_cap } else { policy.starter_cap };
        let could = cap.minor().min(minor.unsigned_abs());
        risk.media += 1;
        risk.worst = risk.worst.max(could);
        risk.all += could;
    }
    risk
}

/// An account's sums that are not paid yet, oldest first; payments ahead of them below zero.
#[derive(Default)]
struct Unpaid {
    sums: VecDeque<(Timestamp, i64)>,
    ahead: i64,
}

impl Unpaid {
    fn owe(&mut self, at: Timestamp, minor: i64) {
        let paid = self.ahead.min(minor);
        self.ahead -= paid;
        match self.sums.back_mut() {
            Some((last, sum)) if *last == at => *sum += minor - paid,
            _ => self.sums.push_back((at, minor - paid)),
        }
    }

    /// The oldest sums are paid first.
    fn pay(&mut self, mut minor: i64) {
        while let Some((_, sum)) = self.sums.front_mut() {
            let paid = minor.min(*sum);
            (*sum, minor) = (*sum - paid, minor - paid);
            if *sum > 0 {
                return;
            }
            self.sums.pop_front();
        }
        self.ahead += minor;
    }

    fn ages(&self, now: Timestamp) -> [i64; 4] {
        let mut ages = [0; 4];
        for (at, sum) in &self.sums {
            let older = AGES_DAYS.iter().filter(|days| at.plus_days(**days) < now).count();
            ages[older] += sum;
        }
        ages
    }
}

fn owed(
    tx: &mut Transaction<'_>,
    names: &HolderNames,
    now: Timestamp,
) -> Result<Vec<Owed>, StorageError> {
    const MOVES: &str = "SELECT at, debit, credit, amount_minor FROM moves \
        WHERE debit BETWEEN $1 AND $2 OR credit BETWEEN $1 AND $2 \
        OR debit BETWEEN $3 AND $4 OR credit BETWEEN $3 AND $4 \
        ORDER BY at, origin, whose, seq, line";
    let ends = [2_000_000_000_000, 2_999_999_999_999, 7_000_000_000_000, 7_999_999_999_999];
    let mut unpaid: BTreeMap<Account, Unpaid> = BTreeMap::new();
    let owes = |account: &Account| matches!(account, Account::Store(_) | Account::Debt(_));
    tx.for_each(MOVES, &ends.map(Value::Int), |row: &Row<'_>| -> Result<(), StorageError> {
        let (at, minor) = (row.time(0)?, row.int(3)?);
        let (debit, credit) = (names.account(row, 1)?, names.account(row, 2)?);
        if owes(&debit) {
            unpaid.entry(debit).or_default().owe(at, minor);
        }
        if owes(&credit) {
            unpaid.entry(credit).or_default().pay(minor);
        }
        Ok(())
    })?;
    let told = unpaid.into_iter().map(|(account, unpaid)| Owed { account, ages: unpaid.ages(now) });
    Ok(told.filter(|owed| owed.ages != [0; 4]).collect())
}
