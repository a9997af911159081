//! Chains that don't begin with the medium's first record: what a compaction leaves begins behind
//! a checkpoint.

use super::fold::{Fold, fold};
use super::refusal::{Reason, Refusal};
use super::rules::Rules;
use super::settled::anchored;
use super::state::State;
use crate::crypto::digest::sha256;
use crate::format::checkpoint::Checkpoint;
use crate::format::cose::Sign1;
use crate::format::record::Record;
use crate::format::sheet::{Sheet, SheetId};
use crate::format::{Kind, Object};
use crate::trust::Verified;

/// The checkpoint behind which a chain begins.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// The checkpoint.
    pub checkpoint: Verified<Checkpoint>,
    /// Its settler's certificate.
    pub certificate: Vec<u8>,
    /// Records at or below its head that it lists as open: they stand outside the chain.
    pub outside: Vec<Verified<Record>>,
}

/// What a journal adds up to, wherever its chain begins.
#[derive(Debug)]
pub struct Chained {
    /// The checkpoint that it begins behind; none where it begins with the medium's first record.
    pub anchor: Option<Anchor>,
    /// The state where it begins.
    pub start: State,
    /// The records behind that, and what they add up to.
    pub fold: Fold,
}

impl Anchor {
    /// What a journal begins with: the checkpoint, then what vouches for it.
    pub fn frames(&self) -> Vec<Vec<u8>> {
        vec![self.checkpoint.bytes().to_vec(), self.certificate.clone()]
    }

    /// The records outside the chain, as they are carried.
    pub fn carried(&self) -> Vec<Vec<u8>> {
        self.outside.iter().map(|record| record.bytes().to_vec()).collect()
    }

    /// Verify what stands in front of a chain; the medium's own certificate vouches for the first
    /// checkpoint, through the hash that it names.
    fn read(
        rules: &Rules<'_>,
        blank: &State,
        (checkpoint, certificate): (&[u8], &[u8]),
        outside: &[Vec<u8>],
    ) -> Result<Self, Reason> {
        let message = Sign1::decode(checkpoint, Kind::Checkpoint).map_err(shape)?;
        let stated = Checkpoint::decode(message.payload()).map_err(shape)?;
        let checkpoint = rules.checkpoint(stated.as_of, checkpoint, certificate)?;
        if checkpoint.medium != blank.medium {
            return Err(Reason::Medium(checkpoint.medium));
        }
        if checkpoint.number == 1 && checkpoint.prev != blank.head {
            return Err(Reason::Checkpoint("is of another certificate of this medium"));
        }
        rules.binding(checkpoint.policy)?;
        let open = checkpoint.open.0.iter().map(|open| open.start);
        let listed: Vec<[u8; 32]> = open.chain(checkpoint.exceptions.0.iter().copied()).collect();
        let vouched = outside.iter().map(|bytes| {
            let hash = sha256(bytes);
            let known = listed.contains(&hash);
            let unknown = Reason::Checkpoint("lists no record that is carried outside the chain");
            if known { Ok(checkpoint.vouch(|_| hash, bytes)?) } else { Err(unknown) }
        });
        let outside = vouched.collect::<Result<_, Reason>>()?;
        Ok(Self { checkpoint, certificate: certificate.to_vec(), outside })
    }
}

/// The sheets whose codes count behind a checkpoint: those that it lists, and what is at least as new
/// as those of these that are here; where none is, what was issued since. What an older one credited
/// it may have forgotten.
pub fn sheets_behind(checkpoint: &Checkpoint, sheets: &[Verified<Sheet>]) -> Vec<Verified<Sheet>> {
    let listed = &checkpoint.slots.0;
    if listed.is_empty() {
        return sheets.to_vec();
    }
    let is_listed = |id: &SheetId| listed.iter().any(|used| used.sheet == *id);
    let here = sheets.iter().filter(|sheet| is_listed(&sheet.id));
    let newest = here.map(|sheet| sheet.issued).max();
    let counts = |sheet: &&Verified<Sheet>| match newest {
        _ if is_listed(&sheet.id) => true,
        Some(newest) => sheet.issued >= newest,
        None => sheet.issued > checkpoint.as_of,
    };
    sheets.iter().filter(counts).cloned().collect()
}

fn shape(_: impl std::error::Error) -> Reason {
    Reason::Checkpoint("can't be read")
}

/// Verify and add up what a journal's newest generation holds: `records`, and those that stand
/// `outside` the chain.
///
/// A chain that begins behind a checkpoint is as good as that: a settler signed it.
pub fn fold_journal(
    rules: &Rules<'_>,
    blank: State,
    records: &[Vec<u8>],
    outside: &[Vec<u8>],
) -> Result<Chained, Refusal> {
    let refused = {
        let (medium, seq) = (blank.medium, blank.next);
        move |reason| Refusal { medium, seq, reason }
    };
    let begins =
        records.first().is_some_and(|first| Sign1::decode(first, Kind::Checkpoint).is_ok());
    if !begins {
        if !outside.is_empty() {
            return Err(refused(Reason::Checkpoint("is missing in front of a compacted chain")));
        }
        let fold = fold(rules, blank.clone(), records);
        return Ok(Chained { anchor: None, start: blank, fold });
    }
    let [checkpoint, certificate, rest @ ..] = records else {
        return Err(refused(Reason::Checkpoint("has no settler's certificate behind it")));
    };
    let anchor =
        Anchor::read(rules, &blank, (checkpoint, certificate), outside).map_err(refused)?;
    let start = anchored(&anchor.checkpoint, &anchor.outside).map_err(refused)?;
    let sheets = sheets_behind(&anchor.checkpoint, rules.sheets);
    let fold = fold(&Rules { sheets: &sheets, ..*rules }, start.clone(), rest);
    Ok(Chained { anchor: Some(anchor), start, fold })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::checkpoint::{Bounded, UsedSlots};
    use crate::ledger::fixture::{World, key, stated};
    use crate::trust::{sign, verify};
    use crate::units::Timestamp;

    /// The sheets of these numbers, each issued at its number, that count behind a checkpoint that
    /// lists others.
    fn counting(here: &[u8], listed: &[u8]) -> Vec<u8> {
        let world = World::new();
        let purse = world.purse(1, 0);
        let sheet = |id: &u8| {
            let issued = Timestamp::from_seconds(u64::from(*id)).unwrap();
            let sheet = Sheet { id: [*id; 16], issued, ..Sheet::clone(&purse.sheets[0]) };
            verify(&sign(&key(2), &sheet), &key(2).public()).unwrap()
        };
        let sheets: Vec<_> = here.iter().map(sheet).collect();
        let used = |id: &u8| UsedSlots { sheet: [*id; 16], slots: [0; 13] };
        let slots = Bounded(listed.iter().map(used).collect());
        let as_of = Timestamp::from_seconds(100).unwrap();
        let checkpoint = Checkpoint { slots, as_of, ..stated(&purse.state, 1, 0) };
        sheets_behind(&checkpoint, &sheets).iter().map(|sheet| sheet.id[0]).collect()
    }

    #[test]
    fn behind_a_checkpoint_listed_sheets_count_and_those_that_are_newer() {
        assert_eq!(counting(&[1, 2, 3], &[]), [1, 2, 3]);
        assert_eq!(counting(&[1, 2, 3], &[1, 2]), [1, 2, 3]);
        assert_eq!(counting(&[1, 2, 3], &[2, 3]), [2, 3]);
        assert_eq!(counting(&[1, 2, 3], &[2]), [2, 3]);
        assert_eq!(counting(&[1, 3], &[2, 3]), [3]);
        assert_eq!(counting(&[1, 2, 200], &[3, 4]), [200]);
    }
}
