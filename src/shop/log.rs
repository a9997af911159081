//! A store's journal as bytes: framed entries, signed by the store, chained by hash.
//!
//! A frame is the entry's length (u32, big-endian), a CRC-32 over that length and the entry (u32,
//! big-endian), and the signed entry. The checksum only tells a torn write from damage; what an
//! entry is worth, its signature and the chain say.

use crate::crypto::sign::{PublicKey, Signature, verify_batch};
use crate::format::cose::Sign1;
use crate::format::store::StoreEntry;
use crate::format::{Kind, Object, cbor};
use crate::trust::{TrustError, Verified, verify};
use crate::units::StoreId;

/// Length of a frame's head: length and checksum.
const HEAD_BYTES: usize = 8;
/// The longest entry.
const ENTRY_BYTES_MAX: usize = Kind::StoreEntry.bytes_max();
/// The longest frame of an entry.
const FRAME_BYTES_MAX: usize = HEAD_BYTES + ENTRY_BYTES_MAX;
/// What disks write as one: a torn write shows zeros from such a boundary on.
const SECTOR_BYTES: usize = 512;

/// The longest journal that is read, in bytes: some three million entries.
pub const LOG_BYTES_MAX: u64 = 1 << 30;

/// A journal that was read and verified whole.
#[derive(Debug)]
pub struct Log {
    entries: Vec<Verified<StoreEntry>>,
    sound_bytes: u64,
    torn_bytes: u64,
}

/// Whose journal it is: what every entry is held against.
#[derive(Debug, Clone)]
pub struct LogOwner {
    /// The store's number.
    pub store: StoreId,
    /// The store's key.
    pub key: PublicKey,
    /// Hashes of the store's signed certificates: the first entry is chained to one of them.
    pub certificates: Vec<[u8; 32]>,
}

/// The first entry of a journal that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Bytes that are neither an entry nor a torn write at the end.
    #[error("store journal: entry {entry}, at byte {at} of {len}, is damaged")]
    Damaged {
        /// The entry that should stand there.
        entry: u64,
        /// Where its frame begins.
        at: u64,
        /// Length of the journal.
        len: u64,
    },
    /// An entry whose signature or form is wrong.
    #[error("store journal: entry {entry}, at byte {at}: {source}")]
    Untrusted {
        /// The entry that should stand there.
        entry: u64,
        /// Where its frame begins.
        at: u64,
        /// Why it is not believed.
        source: TrustError,
    },
    /// An entry that doesn't continue the one before it.
    #[error("store journal: entry {entry}: {what} is {found}, expected {expected}")]
    Chain {
        /// The entry that should stand there.
        entry: u64,
        /// Which field.
        what: &'static str,
        /// Its value.
        found: String,
        /// The value it should have.
        expected: String,
    },
}

impl Log {
    /// A journal without entries.
    pub fn empty() -> Self {
        Self { entries: vec![], sound_bytes: 0, torn_bytes: 0 }
    }

    /// Read a whole journal; a torn write at its end is left out, all else must verify.
    ///
    /// The newest entry's signature is checked; it vouches for all before it by their hashes.
    pub fn read(bytes: &[u8], owner: &LogOwner) -> Result<Self, LogError> {
        let (frames, sound_bytes) = split(bytes)?;
        let mut entries: Vec<Verified<StoreEntry>> = Vec::with_capacity(frames.len());
        for frame in frames.iter().rev() {
            let entry = match entries.last() {
                None => frame.verify(owner)?,
                Some(next) => frame.vouched(next, owner)?,
            };
            check_place(&entry, frame.seq, owner)?;
            entries.push(entry);
        }
        entries.reverse();
        let torn_bytes = bytes.len() as u64 - sound_bytes;
        Ok(Self { entries, sound_bytes, torn_bytes })
    }

    /// Check every entry's own signature, not the newest alone.
    pub fn check_every_signature(&self, owner: &LogOwner) -> Result<(), LogError> {
        let decode = |entry: &Verified<StoreEntry>| {
            let message = Sign1::decode(entry.bytes(), StoreEntry::KIND);
            let message = message.expect("it was decoded when it was read");
            (message.to_be_signed(), Signature::from_bytes(*message.signature()))
        };
        let signed: Vec<_> = self.entries.iter().map(decode).collect();
        let batch: Vec<_> = signed
            .iter()
            .map(|(message, signature)| (owner.key, message.as_slice(), *signature))
            .collect();
        verify_batch(&batch).map_err(|bad| {
            let before = &self.entries[..bad.index];
            let at = before.iter().map(|entry| (HEAD_BYTES + entry.bytes().len()) as u64).sum();
            let kind = StoreEntry::KIND.name();
            let source = TrustError::Signature { kind, key: owner.key.key_id().to_string() };
            LogError::Untrusted { entry: bad.index as u64, at, source }
        })
    }

    /// Every entry, oldest first.
    pub fn entries(&self) -> &[Verified<StoreEntry>] {
        &self.entries
    }

    /// The entries alone.
    pub fn into_entries(self) -> Vec<Verified<StoreEntry>> {
        self.entries
    }

    /// Length of the sound part, in bytes: the next frame begins there.
    pub fn sound_bytes(&self) -> u64 {
        self.sound_bytes
    }

    /// Bytes of a torn write behind the sound part; the next append overwrites them.
    pub fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// Hash of the newest entry.
    pub fn head(&self) -> Option<[u8; 32]> {
        self.entries.last().map(Verified::hash)
    }

    /// The next entry's sequence.
    pub fn next_seq(&self) -> u64 {
        self.entries.len() as u64
    }

    /// An append broke off: what stands behind the sound part is unknown.
    pub(super) fn mark_torn(&mut self) {
        self.torn_bytes = self.torn_bytes.max(1);
    }

    /// Take over an entry whose frame was made durable at [`Log::sound_bytes`].
    pub(super) fn push(&mut self, entry: Verified<StoreEntry>) {
        self.sound_bytes += (HEAD_BYTES + entry.bytes().len()) as u64;
        self.torn_bytes = 0;
        self.entries.push(entry);
    }
}

/// A frame of the journal, its entry not yet looked at.
struct Framed<'a> {
    seq: u64,
    at: u64,
    payload: &'a [u8],
}

impl Framed<'_> {
    fn verify(&self, owner: &LogOwner) -> Result<Verified<StoreEntry>, LogError> {
        let untrusted = |source| LogError::Untrusted { entry: self.seq, at: self.at, source };
        verify::<StoreEntry>(self.payload, &owner.key).map_err(untrusted)
    }

    /// The entry, if the one after it names it; else its signature says which of the two is wrong.
    fn vouched(
        &self,
        next: &Verified<StoreEntry>,
        owner: &LogOwner,
    ) -> Result<Verified<StoreEntry>, LogError> {
        if let Ok(entry) = next.vouch(|next| next.prev, self.payload) {
            return Ok(entry);
        }
        let own = self.verify(owner)?;
        check_place(&own, self.seq, owner)?;
        Err(LogError::Chain {
            entry: self.seq + 1,
            what: "hash of the entry before",
            found: hex(&next.prev),
            expected: hex(&own.hash()),
        })
    }
}

/// All whole frames, and how many bytes they take; what follows them is a torn write.
fn split(bytes: &[u8]) -> Result<(Vec<Framed<'_>>, u64), LogError> {
    let (mut frames, mut at) = (vec![], 0);
    while at < bytes.len() {
        let rest = &bytes[at..];
        let Some((payload, behind)) = split_frame(rest, ENTRY_BYTES_MAX) else {
            if is_torn(rest, at) {
                break;
            }
            let (entry, len) = (frames.len() as u64, bytes.len() as u64);
            return Err(LogError::Damaged { entry, at: at as u64, len });
        };
        frames.push(Framed { seq: frames.len() as u64, at: at as u64, payload });
        at = bytes.len() - behind.len();
    }
    Ok((frames, at as u64))
}

/// Is this entry the store's, at its own place, and the first one chained to a certificate?
fn check_place(entry: &StoreEntry, seq: u64, owner: &LogOwner) -> Result<(), LogError> {
    let fault = |what, found: String, expected: String| {
        Err(LogError::Chain { entry: seq, what, found, expected })
    };
    if entry.seq != seq {
        return fault("sequence", entry.seq.to_string(), seq.to_string());
    }
    if entry.store != owner.store {
        return fault("store", entry.store.to_string(), owner.store.to_string());
    }
    if seq == 0 && !owner.certificates.contains(&entry.prev) {
        let known: Vec<_> = owner.certificates.iter().map(hex).collect();
        return fault("hash of the store's certificate", hex(&entry.prev), known.join(" or "));
    }
    Ok(())
}

/// A signed entry, or a certificate chain, with its frame around it.
pub fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("objects are far below 4 GiB").to_be_bytes();
    let checksum = checksum(&length, payload).to_be_bytes();
    [&length, &checksum, payload].concat()
}

/// What a whole frame of at most `max` bytes holds, and what stands behind it.
pub(super) fn split_frame(bytes: &[u8], max: usize) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let (length, check) = head.split_at(4);
    let (payload, behind) = rest.split_at_checked(declared_length(length, max)?)?;
    (checksum(length, payload).to_be_bytes() == *check).then_some((payload, behind))
}

/// A length that a frame of at most `max` bytes may state.
fn declared_length(bytes: &[u8], max: usize) -> Option<usize> {
    let length = u32::from_be_bytes(bytes.try_into().ok()?) as usize;
    (1..=max).contains(&length).then_some(length)
}

fn checksum(length: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(length);
    hasher.update(payload);
    hasher.finalize()
}

/// Is this what a broken-off append leaves, rather than a damaged entry?
///
/// An append is one frame, so: no whole frame may stand in it, and it is either the beginning of
/// a frame or zero from a sector's boundary on.
fn is_torn(rest: &[u8], offset: usize) -> bool {
    let too_long = rest.len() > FRAME_BYTES_MAX;
    if too_long || (1..rest.len()).any(|at| split_frame(&rest[at..], ENTRY_BYTES_MAX).is_some()) {
        return false;
    }
    is_frame_beginning(rest) || is_zero_from_a_sector_on(rest, offset)
}

fn is_frame_beginning(rest: &[u8]) -> bool {
    let Some((head, payload)) = rest.split_at_checked(HEAD_BYTES) else {
        return rest.len() < 4 || declared_length(&rest[..4], ENTRY_BYTES_MAX).is_some();
    };
    // A whole object behind a length that is too large means that the length is damaged.
    declared_length(&head[..4], ENTRY_BYTES_MAX)
        .is_some_and(|length| payload.len() < length && cbor::measure(payload).is_err())
}

fn is_zero_from_a_sector_on(rest: &[u8], offset: usize) -> bool {
    let to_boundary = (SECTOR_BYTES - offset % SECTOR_BYTES) % SECTOR_BYTES;
    let zeros = rest.iter().rev().take_while(|byte| **byte == 0).count();
    let first_zero = rest.len() - zeros;
    zeros > 0
        && (first_zero == 0
            || (to_boundary..rest.len()).step_by(SECTOR_BYTES).any(|at| at >= first_zero))
}

pub(super) fn hex(hash: &[u8; 32]) -> String {
    data_encoding::HEXLOWER.encode(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::sign::SecretKey;
    use crate::format::store::StoreEvent;
    use crate::trust::sign;
    use crate::units::{MediumId, Timestamp};

    const CERTIFICATE: [u8; 32] = [5; 32];

    fn key() -> SecretKey {
        SecretKey::from_seed([1; 32])
    }

    fn owner() -> LogOwner {
        let store = StoreId::from_number(7).unwrap();
        LogOwner { store, key: key().public(), certificates: vec![[4; 32], CERTIFICATE] }
    }

    fn entry(seq: u64, prev: [u8; 32]) -> StoreEntry {
        StoreEntry {
            seq,
            prev,
            store: owner().store,
            at: Timestamp::from_seconds(1_700_000_000 + seq).unwrap(),
            event: StoreEvent::Begun,
            medium: MediumId::from_serial(seq),
            burn: None,
            value: None,
            price: None,
            voids: None,
        }
    }

    /// Frames of a sound journal.
    fn frames(count: u64) -> Vec<Vec<u8>> {
        let mut prev = CERTIFICATE;
        let mut next = |seq| {
            let signed = sign(&key(), &entry(seq, prev));
            prev = crate::crypto::digest::sha256(&signed);
            frame(&signed)
        };
        (0..count).map(&mut next).collect()
    }

    fn refusal(bytes: &[u8]) -> String {
        Log::read(bytes, &owner()).unwrap_err().to_string()
    }

    #[test]
    fn the_documented_vector_is_the_first_frame() {
        let spec = include_str!("SPEC.md").split_whitespace().collect::<String>();
        let frame = data_encoding::HEXLOWER.encode(&frames(1)[0]);
        assert!(spec.contains(&frame), "{frame}");
    }

    #[test]
    fn a_sound_journal_is_read_whole() {
        let bytes = frames(5).concat();
        let log = Log::read(&bytes, &owner()).unwrap();
        assert_eq!((log.next_seq(), log.torn_bytes()), (5, 0));
        assert_eq!(log.sound_bytes(), bytes.len() as u64);
        assert_eq!(log.head(), Some(log.entries()[4].hash()));
        assert_eq!(Log::read(&[], &owner()).unwrap().head(), None);
    }

    #[test]
    fn an_append_cut_off_at_any_byte_leaves_what_was_before() {
        let frames = frames(4);
        let (sound, whole) = (frames[..3].concat(), frames.concat());
        for end in sound.len()..whole.len() {
            let log = Log::read(&whole[..end], &owner()).unwrap();
            assert_eq!(log.next_seq(), 3, "cut at {end}");
            assert_eq!(log.torn_bytes(), (end - sound.len()) as u64);
        }
    }

    #[test]
    fn sectors_that_never_arrived_are_a_torn_write() {
        let frames = frames(12);
        let mut crossings = 0;
        for last in 0..frames.len() {
            let sound = frames[..last].concat().len();
            let whole = frames[..=last].concat();
            let sector = sound.next_multiple_of(SECTOR_BYTES);
            crossings += u32::from(sector < whole.len());
            for from in [sound, sector].into_iter().filter(|from| *from < whole.len()) {
                let mut torn = whole.clone();
                torn[from..].fill(0);
                let log = Log::read(&torn, &owner()).unwrap();
                assert_eq!(log.next_seq(), last as u64, "zero from {from}");
            }
        }
        assert!(crossings > 2, "some frames cross a sector's boundary");
    }

    #[test]
    fn every_flipped_bit_of_a_whole_journal_is_damage_of_the_right_entry() {
        let frames = frames(3);
        let whole = frames.concat();
        for bit in 0..whole.len() * 8 {
            let mut bad = whole.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let mut end = 0;
            let hit = frames.iter().position(|frame| {
                end += frame.len();
                bit / 8 < end
            });
            let named = format!("store journal: entry {}, at byte", hit.unwrap());
            let message = refusal(&bad);
            assert!(message.starts_with(&named), "bit {bit}: {message}");
        }
    }

    #[test]
    fn entries_that_are_missing_moved_or_doubled_are_refused() {
        let frames = frames(3);
        let missing = [frames[0].clone(), frames[2].clone()].concat();
        assert_eq!(refusal(&missing), "store journal: entry 1: sequence is 2, expected 1");
        let doubled = [frames[0].clone(), frames[0].clone()].concat();
        assert_eq!(refusal(&doubled), "store journal: entry 1: sequence is 0, expected 1");
        let other_past = frame(&sign(&key(), &entry(1, [9; 32])));
        let forked = [frames[0].clone(), other_past].concat();
        assert!(refusal(&forked).contains("entry 1: hash of the entry before is 0909"));
        let unanchored = frame(&sign(&key(), &entry(0, [9; 32])));
        assert!(refusal(&unanchored).contains("hash of the store's certificate is 0909"));
    }

    #[test]
    fn an_entry_altered_under_a_new_checksum_is_named() {
        let frames = frames(4);
        for place in 0..4 {
            for byte in [20, frames[place].len() - HEAD_BYTES - 1] {
                let mut payload = frames[place][HEAD_BYTES..].to_vec();
                payload[byte] ^= 1;
                let mut altered = frames.clone();
                altered[place] = frame(&payload);
                let named = format!("store journal: entry {place}, at byte");
                let message = refusal(&altered.concat());
                assert!(message.starts_with(&named), "byte {byte}: {message}");
            }
        }
    }

    #[test]
    fn every_signature_is_checked_where_that_is_asked() {
        let thief = SecretKey::from_seed([2; 32]);
        let stolen = sign(&thief, &entry(0, CERTIFICATE));
        // Only the store's own key could make a head that vouches for a foreign entry.
        let head = sign(&key(), &entry(1, crate::crypto::digest::sha256(&stolen)));
        let log = Log::read(&[frame(&stolen), frame(&head)].concat(), &owner()).unwrap();
        let message = log.check_every_signature(&owner()).unwrap_err().to_string();
        assert!(message.starts_with("store journal: entry 0, at byte 0: store-entry: the sig"));
        let sound = Log::read(&frames(300).concat(), &owner()).unwrap();
        sound.check_every_signature(&owner()).unwrap();
    }

    #[test]
    fn entries_of_other_keys_and_stores_are_refused() {
        let thief = SecretKey::from_seed([2; 32]);
        let forged = frame(&sign(&thief, &entry(0, CERTIFICATE)));
        assert!(refusal(&forged).contains("signed by key"));
        let store = StoreId::from_number(8).unwrap();
        let foreign = StoreEntry { store, ..entry(0, CERTIFICATE) };
        let message = refusal(&frame(&sign(&key(), &foreign)));
        assert_eq!(message, "store journal: entry 0: store is 8, expected 7");
    }
}
