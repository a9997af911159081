//! Adding to the journal: standing first, then the books' rules, then the disk, then memory.

use super::enrolled::Enrolled;
use super::log::{LOG_BYTES_MAX, frame};
use super::open::{JOURNAL, Shop, Writing};
use super::{Refusal, ShopError};
use crate::device::{Folder, Privacy};
use crate::format::store::{Burn, StoreEntry, StoreEvent, Value};
use crate::trust::{sign, verify};
use crate::units::{Amount, MediumId, Timestamp};

/// An entry before it has its place in the journal.
pub(super) struct Draft {
    pub(super) event: StoreEvent,
    pub(super) medium: MediumId,
    pub(super) burn: Option<Burn>,
    pub(super) value: Option<Value>,
    pub(super) price: Option<Amount>,
    pub(super) voids: Option<u64>,
}

impl Draft {
    pub(super) fn new(event: StoreEvent, medium: MediumId) -> Self {
        Self { event, medium, burn: None, value: None, price: None, voids: None }
    }
}

impl Shop {
    /// May this store sell and burn at all?
    pub fn standing(&self) -> Result<(), Refusal> {
        let enrolled = self.enrolled()?;
        // Walking the chain again holds it against the floor.
        enrolled.trust.signer(&enrolled.signer.chain())?;
        enrolled.revoked.check_store(enrolled.grant.store)?;
        enrolled.check_quota(0, || "its stock".to_owned())
    }

    /// Journal an event; it is durable when this returns.
    pub(super) fn enter(&mut self, draft: Draft, now: Timestamp) -> Result<u64, ShopError> {
        let key = &self.keys.sign;
        let enrolled = self.enrolled.as_mut().ok_or(Refusal::NotEnrolled)?;
        let entry = enrolled.placed(draft, now);
        let change = enrolled.books.check(&entry)?;
        let signed = verify::<StoreEntry>(&sign(key, &entry), &key.public())
            .expect("it was signed just now");
        if self.writing == Writing::Real {
            append(&self.folder, enrolled, signed.bytes())?;
            self.durable = entry.seq + 1;
        }
        enrolled.log.push(signed);
        enrolled.books.apply(change);
        Ok(entry.seq)
    }
}

impl Enrolled {
    fn placed(&self, draft: Draft, at: Timestamp) -> StoreEntry {
        let Draft { event, medium, burn, value, price, voids } = draft;
        let prev = self.log.head().unwrap_or_else(|| self.signer.certificate().hash());
        let (seq, store) = (self.log.next_seq(), self.grant.store);
        StoreEntry { seq, prev, store, at, event, medium, burn, value, price, voids }
    }
}

/// Write an entry behind the sound part of the journal.
fn append(folder: &Folder, enrolled: &mut Enrolled, entry: &[u8]) -> Result<(), ShopError> {
    let framed = frame(entry);
    if enrolled.log.torn_bytes() > 0 {
        let mut bytes = folder.read(JOURNAL, LOG_BYTES_MAX)?;
        let sound = usize::try_from(enrolled.log.sound_bytes()).expect("it was read whole");
        bytes.truncate(sound);
        bytes.extend(framed);
        folder.write(JOURNAL, &bytes, Privacy::Secret)?;
        return Ok(());
    }
    let appended = folder.append(JOURNAL, &framed, Privacy::Secret);
    // After a failure part of the frame may be there, as after a crash.
    appended.inspect_err(|_| enrolled.log.mark_torn())?;
    Ok(())
}
