//! What all that is known of a medium is known by, without reading all of it.

use super::Records;
use super::database::StorageError;
use super::entries::sold_by_issuer;
use super::statement::Transaction;
use super::value::Row;
use crate::crypto::digest::{Sha256, sha256};
use crate::units::MediumId;

impl Records {
    /// What all that is known of a medium is known by; records that say anything else of it, such as
    /// older ones that were filled anew, have another one.
    ///
    /// SHA-256 over what the rest follows from: the medium's store, its newest checkpoint, the plans
    /// that its checkpoints were posted by, the entries about it and the codes that the issuer sold for
    /// it. A plan is named by what is in it, so that settled events, forks and answers aren't read.
    pub fn stamp(&mut self, medium: MediumId) -> Result<[u8; 32], StorageError> {
        self.database.read(|tx| {
            let mut digest = Sha256::new();
            standing(tx, medium, &mut digest)?;
            plans(tx, medium, &mut digest)?;
            entries(tx, medium, &mut digest)?;
            for sold in sold_by_issuer(tx, medium)? {
                digest.update(&sold.event);
                add(&mut digest, [sold.amount.minor(), sold.at.seconds()]);
            }
            Ok(digest.finish())
        })
    }
}

fn add<const N: usize>(digest: &mut Sha256, numbers: [u64; N]) {
    digest.update(numbers.map(u64::to_be_bytes).as_flattened());
}

fn standing(
    tx: &mut Transaction<'_>,
    medium: MediumId,
    digest: &mut Sha256,
) -> Result<(), StorageError> {
    const FIND: &str = "SELECT media.store, accounts.number, accounts.hash FROM media \
        LEFT JOIN accounts ON accounts.medium = media.medium WHERE media.medium = $1";
    tx.for_each(FIND, &[medium.into()], |row| {
        let number = row.optional(1, Row::count)?.unwrap_or(0);
        add(digest, [u64::from(row.store(0)?.number()), number]);
        digest.update(&row.optional_array::<32>(2)?.unwrap_or_default());
        Ok(())
    })
}

/// How many there are, and each.
fn plans(
    tx: &mut Transaction<'_>,
    medium: MediumId,
    digest: &mut Sha256,
) -> Result<(), StorageError> {
    const FIND: &str = "SELECT checkpoints.number, plans.posted_at, plans.plan FROM checkpoints \
        JOIN plans ON plans.number = checkpoints.plan WHERE checkpoints.medium = $1 \
        ORDER BY checkpoints.number";
    let plans = tx.rows(FIND, &[medium.into()], |row| {
        Ok((row.count(0)?, row.time(1)?.seconds(), row.array::<32>(2)?))
    })?;
    add(digest, [plans.len() as u64]);
    for (number, at, plan) in plans {
        add(digest, [number, at]);
        digest.update(&plan);
    }
    Ok(())
}

/// How many there are, and each.
fn entries(
    tx: &mut Transaction<'_>,
    medium: MediumId,
    digest: &mut Sha256,
) -> Result<(), StorageError> {
    const FIND: &str = "SELECT store, seq, content FROM store_entries WHERE medium = $1 \
        ORDER BY store, seq";
    let entries = tx.rows(FIND, &[medium.into()], |row| {
        Ok((u64::from(row.store(0)?.number()), row.count(1)?, sha256(row.bytes(2)?)))
    })?;
    add(digest, [entries.len() as u64]);
    for (store, seq, content) in entries {
        add(digest, [store, seq]);
        digest.update(&content);
    }
    Ok(())
}
