//! Stores: who may sell, up to which sum, and since when no longer.

use data_encoding::HEXLOWER;

use super::Records;
use super::database::{StorageError, operation_error};
use super::statement::Transaction;
use super::value::{Row, Value};
use crate::crypto::sign::PublicKey;
use crate::units::{Amount, Currency, StoreId, Timestamp, UnitError};

/// The largest voucher serial.
pub const SERIAL_MAX: u64 = 1 << 62;

/// All that a store may issue, as its certificate grants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// The only currency that it sells.
    pub currency: Currency,
    /// All that its codes and vouchers may add up to.
    pub total: Amount,
    /// The largest single voucher.
    pub single_max: Amount,
    /// First voucher serial.
    pub serial_first: u64,
    /// Last voucher serial; one below the first where the store signs no vouchers.
    pub serial_last: u64,
}

/// What a store asks to be recorded with, and what is granted to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The store's name.
    pub name: String,
    /// Its Ed25519 public key: a store is its key, whatever it calls itself.
    pub holder_key: PublicKey,
    /// The X25519 public key that its kits are sealed to.
    pub seal_key: [u8; 32],
    /// What it may issue.
    pub quota: Quota,
}

/// May a store still sell?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreStatus {
    /// Yes.
    Active,
    /// Not since then.
    Revoked(Timestamp),
}

/// A store as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Its number.
    pub id: StoreId,
    /// What it was enrolled with.
    pub enrolment: Enrolment,
    /// Its signed certificate.
    pub certificate: Vec<u8>,
    /// The sum of all codes in the kits made for it.
    pub in_kits: Amount,
    /// Enrolled at.
    pub enrolled_at: Timestamp,
    /// May it still sell?
    pub status: StoreStatus,
}

/// Why a store is not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The same key, with something else asked for.
    #[error("store {store} is enrolled with {what} {recorded}, this asks for {asked}")]
    Differs {
        /// The store that has the key.
        store: StoreId,
        /// What differs.
        what: &'static str,
        /// As recorded.
        recorded: String,
        /// As asked now.
        asked: String,
    },
    /// Its vouchers alone could pass its quota.
    #[error("store \"{name}\": vouchers of {vouchers} {currency} in all pass its quota of {quota}")]
    OverQuota {
        /// The store's name.
        name: String,
        /// Serials times the largest voucher, minor units.
        vouchers: u128,
        /// The currency.
        currency: Currency,
        /// The quota, minor units.
        quota: u64,
    },
    /// Serials that run backwards, or beyond [`SERIAL_MAX`].
    #[error("store \"{name}\": voucher serials {first} to {last} are no range up to {SERIAL_MAX}")]
    Serials {
        /// The store's name.
        name: String,
        /// First serial.
        first: u64,
        /// Last serial.
        last: u64,
    },
    /// The store may not sell any more.
    #[error(transparent)]
    Store(#[from] StoreRefusal),
    /// Every store number is taken.
    #[error("no store number is left: {0}")]
    Full(UnitError),
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

operation_error!(EnrolError);

/// Why nothing is done for a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreRefusal {
    /// No store has this number.
    #[error("store {0} is not enrolled")]
    Unknown(StoreId),
    /// It may not sell any more.
    #[error("store {id} was revoked at {since}")]
    Revoked {
        /// The store.
        id: StoreId,
        /// Revoked at.
        since: Timestamp,
    },
}

/// Why a store is not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// No store has this number.
    #[error(transparent)]
    Store(#[from] StoreRefusal),
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

operation_error!(RevokeError);

/// A query for whole stores; the rest of the statement follows.
macro_rules! select_stores {
    ($rest:literal) => {
        concat!(
            "SELECT store, name, holder_key, seal_key, currency, quota_minor, single_max_minor, ",
            "serial_first, serial_last, certificate, in_kits_minor, enrolled_at, revoked_at ",
            "FROM stores ",
            $rest
        )
    };
}

impl Quota {
    /// What all vouchers could add up to, in minor units: serials times the largest.
    pub fn vouchers_minor(&self) -> u128 {
        let end = u128::from(self.serial_last) + 1;
        end.saturating_sub(self.serial_first.into()) * u128::from(self.single_max.minor())
    }
}

impl Records {
    /// Record a store under the next free number, with the certificate that `certify` makes.
    ///
    /// The same enrolment again answers what was recorded the first time, and `certify` is not
    /// called. It may be called more than once where another store is enrolled at the same
    /// time; only its last certificate is kept.
    pub fn enrol<E: From<EnrolError> + From<StorageError>>(
        &mut self,
        enrolment: &Enrolment,
        now: Timestamp,
        mut certify: impl FnMut(StoreId) -> Result<Vec<u8>, E>,
    ) -> Result<Store, E> {
        self.database.write(|tx| {
            if let Some(known) = by_key(tx, &enrolment.holder_key)? {
                return Ok(enrolled_again(known, enrolment)?);
            }
            check_quota(enrolment)?;
            let id = next_number(tx)?;
            let store = Store {
                id,
                enrolment: enrolment.clone(),
                certificate: certify(id)?,
                in_kits: Amount::ZERO,
                enrolled_at: now,
                status: StoreStatus::Active,
            };
            insert(tx, &store)?;
            Ok(store)
        })
    }

    /// A store by its number.
    pub fn store(&mut self, id: StoreId) -> Result<Option<Store>, StorageError> {
        self.database.read(|tx| by_id(tx, id))
    }

    /// All stores by number.
    pub fn stores(&mut self) -> Result<Vec<Store>, StorageError> {
        self.database.read(|tx| tx.rows(select_stores!("ORDER BY store"), &[], read))
    }

    /// Bar a store from selling; the answer is since when, which the first revocation fixed.
    pub fn revoke_store(&mut self, id: StoreId, now: Timestamp) -> Result<Timestamp, RevokeError> {
        const REVOKE: &str = "UPDATE stores SET revoked_at = $2 WHERE store = $1";
        self.database.write(|tx| match active(tx, id)? {
            Err(StoreRefusal::Revoked { since, .. }) => Ok(since),
            Err(unknown) => Err(unknown.into()),
            Ok(_) => {
                tx.execute(REVOKE, &[id.into(), now.into()])?;
                Ok(now)
            }
        })
    }
}

/// The store, if it may still sell.
pub(super) fn active(
    tx: &mut Transaction<'_>,
    id: StoreId,
) -> Result<Result<Store, StoreRefusal>, StorageError> {
    Ok(match by_id(tx, id)? {
        None => Err(StoreRefusal::Unknown(id)),
        Some(store) => store.if_active(),
    })
}

impl Store {
    fn if_active(self) -> Result<Self, StoreRefusal> {
        match self.status {
            StoreStatus::Active => Ok(self),
            StoreStatus::Revoked(since) => Err(StoreRefusal::Revoked { id: self.id, since }),
        }
    }
}

pub(super) fn by_id(tx: &mut Transaction<'_>, id: StoreId) -> Result<Option<Store>, StorageError> {
    tx.row(select_stores!("WHERE store = $1"), &[id.into()], read)
}

fn by_key(tx: &mut Transaction<'_>, key: &PublicKey) -> Result<Option<Store>, StorageError> {
    tx.row(select_stores!("WHERE holder_key = $1"), &[Value::Bytes(key.as_bytes())], read)
}

fn enrolled_again(known: Store, asked: &Enrolment) -> Result<Store, EnrolError> {
    if let Some((what, recorded, asked)) = difference(&known.enrolment, asked) {
        return Err(EnrolError::Differs { store: known.id, what, recorded, asked });
    }
    Ok(known.if_active()?)
}

/// The first thing that two enrolments of one key don't agree on.
fn difference(known: &Enrolment, asked: &Enrolment) -> Option<(&'static str, String, String)> {
    let shown = |enrolment: &Enrolment| {
        let quota = &enrolment.quota;
        [
            ("name", enrolment.name.clone()),
            ("seal key", HEXLOWER.encode(&enrolment.seal_key)),
            ("currency", quota.currency.to_string()),
            ("quota", quota.total.minor().to_string()),
            ("largest voucher", quota.single_max.minor().to_string()),
            ("first serial", quota.serial_first.to_string()),
            ("last serial", quota.serial_last.to_string()),
        ]
    };
    let mut pairs = shown(known).into_iter().zip(shown(asked));
    let ((what, recorded), (_, asked)) = pairs.find(|(known, asked)| known != asked)?;
    Some((what, recorded, asked))
}

fn check_quota(enrolment: &Enrolment) -> Result<(), EnrolError> {
    let (name, quota) = (&enrolment.name, &enrolment.quota);
    let (first, last) = (quota.serial_first, quota.serial_last);
    if last > SERIAL_MAX || first > last + 1 {
        return Err(EnrolError::Serials { name: name.clone(), first, last });
    }
    let vouchers = quota.vouchers_minor();
    if vouchers > quota.total.minor().into() {
        return Err(EnrolError::OverQuota {
            name: name.clone(),
            vouchers,
            currency: quota.currency,
            quota: quota.total.minor(),
        });
    }
    Ok(())
}

fn next_number(tx: &mut Transaction<'_>) -> Result<StoreId, EnrolError> {
    const LAST: &str = "SELECT COALESCE(MAX(store), 0) FROM stores";
    let last = tx.row(LAST, &[], |row| row.count(0))?.unwrap_or(0);
    StoreId::from_number(last + 1).map_err(EnrolError::Full)
}

fn insert(tx: &mut Transaction<'_>, store: &Store) -> Result<(), StorageError> {
    const INSERT: &str = "INSERT INTO stores (store, name, holder_key, seal_key, currency, \
        quota_minor, single_max_minor, serial_first, serial_last, certificate, enrolled_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let (enrolment, quota) = (&store.enrolment, &store.enrolment.quota);
    let values = [
        store.id.into(),
        Value::Text(&enrolment.name),
        Value::Bytes(enrolment.holder_key.as_bytes()),
        Value::Bytes(&enrolment.seal_key),
        Value::Text(quota.currency.code()),
        quota.total.into(),
        quota.single_max.into(),
        Value::count(quota.serial_first),
        Value::count(quota.serial_last),
        Value::Bytes(&store.certificate),
        store.enrolled_at.into(),
    ];
    tx.execute(INSERT, &values).map(drop)
}

/// Read a row of `select_stores!`.
fn read(row: &Row<'_>) -> Result<Store, StorageError> {
    let holder_key = PublicKey::from_bytes(row.array(2)?);
    let quota = Quota {
        currency: row.text(4)?.parse().map_err(|error| row.wrong(4, &error))?,
        total: row.amount(5)?,
        single_max: row.amount(6)?,
        serial_first: row.count(7)?,
        serial_last: row.count(8)?,
    };
    let enrolment = Enrolment {
        name: row.text(1)?.to_owned(),
        holder_key: holder_key.map_err(|error| row.wrong(2, &error))?,
        seal_key: row.array(3)?,
        quota,
    };
    Ok(Store {
        id: row.store(0)?,
        enrolment,
        certificate: row.bytes(9)?.to_vec(),
        in_kits: row.amount(10)?,
        enrolled_at: row.time(11)?,
        status: row.optional(12, Row::time)?.map_or(StoreStatus::Active, StoreStatus::Revoked),
    })
}
