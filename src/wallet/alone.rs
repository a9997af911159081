//! A writable area whose read-only area isn't there: what its records claim, and nothing more.

use super::advice::{access, count, items, journal_repaired, rival, whole};
use super::archive::held;
use super::overview::{self, minor_units, row};
use crate::device::{Device, DeviceError};
use crate::fat::{Exchange, ExchangeError};
use crate::image::check::{self, Access, ItemKeys, Rival};
use crate::image::layout::{ACCESS_BYTES, RING_BYTES};
use crate::journal::{self, Chain, Mirror, Place, ReadError, Reading, Relation};
use crate::ledger::claimed::{Claims, ClaimsError, Source};
use crate::ledger::stated_sequence;
use crate::phrases;
use crate::trust::access::read_access_file;
use crate::words::Phrase;

phrases! {
    fn not_checked(medium) {
        en: "Originality not checked: the read-only area of medium {medium} is not here.",
        ja: "正規品かどうか未確認：媒体{medium}の読み出し専用領域がここにありません。",
    }
    fn own_words() {
        en: "What follows is what the medium says of itself; nobody has verified it.",
        ja: "以下は媒体自身の申告です。検証されたものではありません。",
    }
    fn not_here() {
        en: "the read-only area is not here",
        ja: "読み出し専用領域がここにありません",
    }
    fn unknown(why) { en: "not checked: {why}", ja: "未確認：{why}" }
    fn claimed(sum, from) { en: "{sum}, as {from} claims", ja: "{sum}（{from}の申告）" }
    fn record(number) { en: "record {number}", ja: "記録{number}" }
    fn checkpoint(number) { en: "checkpoint {number}", ja: "精算書{number}" }
    fn whole_journal() { en: "the journal", ja: "取引記録" }
    fn records() { en: "records", ja: "記録" }
    fn linked(count) { en: "{count}, each continues the one before", ja: "{count}、順につながっています" }
    fn none_since() { en: "none since the checkpoint", ja: "精算書よりあとにはありません" }
    fn settled() { en: "settled", ja: "精算" }
    fn by(number, settler) {
        en: "checkpoint {number}, signed by {settler}, whose certificate nothing here vouches for",
        ja: "精算書{number}、{settler}の署名（その証明書を保証するものはここにありません）",
    }
    fn fitting(fitting, count) {
        en: "{fitting} of {count} are signed by the key that the chain itself names; whose key that is \
             can't be told here.",
        ja: "{count}のうち{fitting}件に、取引記録自身が名指す鍵の署名があります。だれの鍵かはここでは\
             わかりません。",
    }
    fn checkpoint_by(number, settler) {
        en: "Checkpoint {number} is signed by {settler}, whose certificate lies beside it; who certified \
             that can't be told here.",
        ja: "精算書{number}には{settler}の署名があり、その証明書も添えられています。だれが認証したかは\
             ここではわかりません。",
    }
    fn settled_later(number, record) {
        en: "Checkpoint {number} came after {record}; what it settled is not added up here.",
        ja: "{record}のあとに精算書{number}があります。その内容はここでは合計していません。",
    }
}

/// A writable area without its read-only area.
///
/// It is no [`Medium`](super::Medium) and can't become one: originality was not checked, and of its
/// records none is verified.
#[derive(Debug)]
pub struct Alone {
    claims: Claims,
    reading: Reading,
    rival: Option<Rival>,
    access: Access,
    items: ItemKeys,
}

/// Why a writable area claims nothing: it is damaged, or can't be read.
#[derive(Debug, thiserror::Error)]
pub enum AloneError {
    /// Its journal gives no records.
    #[error("the journal is damaged: {0}")]
    Read(#[from] ReadError),
    /// They contradict each other.
    #[error("the journal is damaged: {0}")]
    Claims(#[from] ClaimsError),
    /// It can't be read.
    #[error("reading the writable area: {0}")]
    Device(#[from] DeviceError),
}

/// Where the files of a writable area lie, one behind the other: journals, access files, key rings.
fn laid_out(journal_bytes: u64) -> (Place, [u64; 2], [u64; 2]) {
    let access = 2 * journal_bytes;
    let ring = access + 2 * ACCESS_BYTES;
    let journal = Place { starts: [0, journal_bytes], bytes: journal_bytes };
    (journal, [access, access + ACCESS_BYTES], [ring, ring + RING_BYTES])
}

impl Alone {
    /// Read what lies in the files of a writable area, one behind the other in this order: both
    /// copies of the journal, `journal_bytes` each, the access files, the key rings.
    pub fn read(device: &dyn Device, journal_bytes: u64) -> Result<Self, AloneError> {
        let (place, access, ring) = laid_out(journal_bytes);
        let reading = match journal::read(device, &place) {
            Err(ReadError::Device(error)) => return Err(error.into()),
            other => other?,
        };
        let mut named = vec![];
        for start in access {
            let mut file = vec![0; usize::try_from(ACCESS_BYTES).expect("some kilobytes")];
            device.read_at(start, &mut file)?;
            named.extend(read_access_file(&file).into_iter().flatten().map(|slot| slot.key));
        }
        let follow = |reading: &Reading| Claims::of(&reading.records, &reading.outside, &named);
        let claims = follow(&reading)?;
        let rival = check::rival(&reading, |other| follow(other).is_ok());
        let access = match claims.holder() {
            Some(holder) => check::access(device, access, &holder)?,
            None => Access::NotChecked(not_here()),
        };
        let items = check::items(device, ring)?;
        Ok(Self { claims, reading, rival, access, items })
    }

    /// What its records claim.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// A second history in one copy of the journal.
    pub fn rival(&self) -> Option<&Rival> {
        self.rival.as_ref()
    }

    /// What the access files and key rings hold.
    pub fn keys(&self) -> (&Access, &ItemKeys) {
        (&self.access, &self.items)
    }

    /// Find the records that were moved to the OUTBOX; how many there are.
    pub fn recall(&mut self, exchange: &Exchange<'_>) -> Result<usize, ExchangeError> {
        if self.claims.first().is_none() {
            return Ok(0);
        }
        Ok(self.claims.recall(&held(exchange)?))
    }

    /// How what this computer saw of it, when all of it was here, stands to what it holds.
    pub fn relation(&self, mirror: &Mirror) -> Result<Relation, DeviceError> {
        let settled = self.claims.first().map(|stated| stated.seq.number());
        mirror.relation(&self.reading.records, Chain { sequence: &stated_sequence, settled })
    }

    /// What has to stand in front of all that is told of it.
    pub fn caution(&self) -> [Phrase; 2] {
        [not_checked(self.claims.medium().grouped()), own_words()]
    }

    /// The balance that it claims, and where; minor units, for the currency isn't known.
    pub fn balance(&self) -> Phrase {
        let (sum, from) = self.claims.balance();
        claimed(minor_units(sum.minor()), source(from))
    }

    /// What came after that balance was claimed, if anything did.
    pub fn later(&self) -> Option<Phrase> {
        let number = self.claims.settled_later()?;
        Some(settled_later(number, source(self.claims.balance().1)))
    }

    /// What is to be seen at a glance.
    pub fn lines(&self) -> Vec<Phrase> {
        let claims = &self.claims;
        let chain = linked(count(claims.count()));
        let mut lines = vec![
            row(&overview::medium(), &Phrase::same(claims.medium().grouped())),
            row(&overview::originality(), &unknown(not_here())),
            row(&overview::balance(), &self.balance()),
            row(&records(), &if claims.count() == 0 { none_since() } else { chain }),
        ];
        let stated = claims.newest();
        lines.extend(stated.map(|stated| row(&settled(), &by(stated.number, stated.settler()))));
        if !claims.rekeyed() {
            lines.push(row(&overview::access_key(), &overview::shops_key()));
        }
        lines
    }

    /// Sentences for an owner: the journal's copies and chain, the access key, the item keys.
    pub fn advice(&self) -> Vec<Phrase> {
        let (claims, lacking) = (&self.claims, self.reading.lacking());
        let number = claims.count();
        let copies = if lacking.is_empty() {
            whole(number, self.reading.generation, claims.first().map(|stated| stated.number))
        } else {
            journal_repaired(count(number), lacking.join(" + "))
        };
        let mut lines = vec![copies];
        lines.extend(self.rival.as_ref().map(rival));
        if number > 0 {
            lines.push(fitting(claims.fitting(), count(number)));
        }
        let stated = claims.newest();
        lines.extend(stated.map(|stated| checkpoint_by(stated.number, stated.settler())));
        lines.extend([access(&self.access), items(&self.items)]);
        lines
    }
}

fn source(from: Source) -> Phrase {
    match from {
        Source::Record(seq) => record(seq),
        Source::Checkpoint(number) => checkpoint(number),
        Source::Nothing => whole_journal(),
    }
}
