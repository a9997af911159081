//! Findings: one classified difference each, with both sides, the rule and the owner's sentence.

use data_encoding::BASE32_NOPAD;

use crate::crypto::digest::sha256;
use crate::format::field::Bytes;
use crate::format::plan::{Class, Finding, Side};
use crate::units::{MediumId, Sequence, StoreId};

/// Longer objects are named by their hash alone.
const SIDE_BYTES_MAX: usize = 1 << 10;
/// The longest text of a side, in bytes.
const TEXT_BYTES_MAX: usize = 1_000;

/// A finding that is being put together.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    class: Class,
    seq: Option<Sequence>,
    amount: i64,
    sides: Vec<Side>,
    more: &'static str,
}

impl Draft {
    pub(super) fn of(class: Class) -> Self {
        Self { class, seq: None, amount: 0, sides: vec![], more: "" }
    }

    pub(super) fn at(self, seq: Sequence) -> Self {
        Self { seq: Some(seq), ..self }
    }

    /// What it moves or concerns, minor units.
    pub(super) fn moving(self, amount: impl Into<i128>) -> Self {
        let amount = amount.into();
        let most = if amount < 0 { i64::MIN } else { i64::MAX };
        Self { amount: i64::try_from(amount).unwrap_or(most), ..self }
    }

    /// A signed object, or what stands for one.
    pub(super) fn side(self, what: impl AsRef<str>, hash: [u8; 32]) -> Self {
        self.with(what.as_ref(), hash, None)
    }

    /// A signed object that is at hand.
    pub(super) fn shown(self, what: impl AsRef<str>, bytes: &[u8]) -> Self {
        let short = (bytes.len() <= SIDE_BYTES_MAX).then(|| Bytes(bytes.to_vec()));
        self.with(what.as_ref(), sha256(bytes), short)
    }

    /// What the rule comes to here.
    pub(super) fn so(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    fn with(mut self, what: &str, hash: [u8; 32], bytes: Option<Bytes>) -> Self {
        let what = plain(what);
        if !self.sides.iter().any(|side| side.hash == hash) {
            self.sides.push(Side { what, hash, bytes });
        }
        self
    }

    pub(super) fn finish(mut self, medium: Option<MediumId>, store: Option<StoreId>) -> Finding {
        self.sides.sort_by_key(|side| side.hash);
        let hashes: Vec<[u8; 32]> = self.sides.iter().map(|side| side.hash).collect();
        let number = medium.map_or(0, MediumId::number).to_be_bytes();
        let class = [class_number(self.class)];
        let parts: [&[u8]; 4] = [b"scrip/finding/v1", &class, &number, hashes.as_flattened()];
        let id = *sha256(&parts.concat()).first_chunk().expect("32 bytes hold 16");
        let space = if self.more.is_empty() { "" } else { "; " };
        let rule = format!("{}{space}{}", general_rule(self.class), self.more);
        let (class, seq, amount, sides) = (self.class, self.seq, self.amount, self.sides);
        let owner = owner(class).to_owned();
        let (stake, decided) = (None, None);
        Finding { id, class, medium, store, seq, amount, sides, rule, owner, stake, decided }
    }
}

/// The number of a class, as ids and books have it.
pub fn class_number(class: Class) -> u8 {
    let place = Class::ALL.iter().position(|known| *known == class);
    u8::try_from(place.expect("all are listed")).expect("fewer than 256")
}

/// How a finding is called by people.
pub fn shown_id(id: &[u8; 16]) -> String {
    format!("F-{}", &BASE32_NOPAD.encode(id)[..10])
}

/// Text without what a terminal would act on, and not too long.
fn plain(text: &str) -> String {
    let mut plain: String = text.chars().filter(|c| !c.is_control()).collect();
    while plain.len() > TEXT_BYTES_MAX {
        plain.pop();
    }
    plain
}

/// The rule that decides for all findings of a class.
pub fn general_rule(class: Class) -> &'static str {
    match class {
        Class::Matched => "all that the medium states is settled",
        Class::MediumAhead => "what the medium's signed records state beyond the settled is posted",
        Class::MediumBehind => {
            "the medium's chain is a beginning of what is known: the known counts, the tail is \
             given back"
        }
        Class::Fork => "both histories are merged, each event counts once, the merged sum decides",
        Class::ContestedActivation => {
            "rival rekeys prove nothing against anyone: the one recorded first stands, a person \
             decides"
        }
        Class::AmountDiffers => "of two amounts for one event the greater counts once",
        Class::BytesDiffer => "the greatest count that the downloader signed decides, pro rata",
        Class::ReceiptWithoutStart => {
            "a receipt without its start charges nobody: the fee stays provisional"
        }
        Class::Gap => "records behind a missing one are not settled until it is found",
        Class::Damaged => {
            "what isn't what was written counts for nothing; what is before it counts"
        }
        Class::BadSignature => "what isn't signed by the key of its time counts for nothing",
        Class::UnknownMedium => "a number that was never given out is settled with nobody",
        Class::WrongStore => "a medium is settled under the store that its number was given to",
        Class::OverQuota => "a voucher beyond its store's certificate counts for nothing",
        Class::Revoked => "what was revoked is not settled without a person",
        Class::SoldTwice => "one thing is credited once, whoever was paid for it",
        Class::RedeemedNeverSold => {
            "a good code or voucher counts for its owner; whoever put it out of stock answers for it"
        }
        Class::RedeemedAfterVoid => {
            "a good code or voucher counts for its owner; the voided sale is the store's"
        }
        Class::SpentNeverSold => {
            "what was spent is settled; a medium that nobody sold is asked for"
        }
        Class::DuplicateCodeOrVid => "one code or voucher is credited once",
        Class::Currency => "sums of another currency are not settled",
        Class::Overdraft => "what was not there to be spent is not settled without a person",
        Class::ClockOddity => "clocks decide nothing",
        Class::NotChecked => "what was not looked at is not settled",
    }
}

fn owner(class: Class) -> &'static str {
    match class {
        Class::Matched => "Everything on your medium agrees with our records.",
        Class::MediumAhead => "What you did since the last time was taken into our records.",
        Class::MediumBehind => {
            "Your medium has lost its newest records; apply the checkpoint to have them back."
        }
        Class::Fork => {
            "Your medium went on in two ways, as after a copy or a loss; both were put together, and \
             each thing counts once."
        }
        Class::ContestedActivation => {
            "Two passwords were set on your medium for the first time; please come to the shop."
        }
        Class::AmountDiffers => "Two records of one thing name two sums; the greater one counts.",
        Class::BytesDiffer => {
            "A download was interrupted; you pay for the part that you confirmed, and no more."
        }
        Class::ReceiptWithoutStart => {
            "Somebody sent you a part of a download that your medium doesn't know of; nothing was \
             charged."
        }
        Class::Gap | Class::Damaged => {
            "Some records of your medium can't be read; what stands before them counts. An older \
             copy or export may bring them back."
        }
        Class::BadSignature => "Some records are not signed by your medium's key and don't count.",
        Class::UnknownMedium | Class::WrongStore => {
            "This medium's number was not given to the shop that made it; please ask there."
        }
        Class::OverQuota => "A voucher is not one that its shop may sell; please ask there.",
        Class::Revoked => "This was blocked; please come to the shop.",
        Class::SoldTwice => "One code was sold two times; it was added once.",
        Class::RedeemedNeverSold | Class::RedeemedAfterVoid => {
            "Your code or voucher was added. The shop that gave it out will be asked about it."
        }
        Class::SpentNeverSold => "Your medium works; the shop will be asked when it was sold.",
        Class::DuplicateCodeOrVid => "One code or voucher was used two times; it was added once.",
        Class::Currency => "This medium holds another currency.",
        Class::Overdraft => "More was spent than there was; please come to the shop.",
        Class::ClockOddity => "A clock was wrong when this was recorded; nothing depends on it.",
        Class::NotChecked => "This could not be looked at yet.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_named_by_what_it_rests_on_in_any_order() {
        let medium = Some(MediumId::from_serial(5));
        let draft = |one, other| Draft::of(Class::Fork).side("one", one).side("other", other);
        let first = draft([1; 32], [2; 32]).finish(medium, None);
        let second = draft([2; 32], [1; 32]).moving(-7).finish(medium, None);
        assert_eq!(first.id, second.id);
        assert_ne!(first.id, draft([1; 32], [3; 32]).finish(medium, None).id);
        assert_ne!(first.id, draft([1; 32], [2; 32]).finish(None, None).id);
        let shown = shown_id(&first.id);
        assert!(shown.starts_with("F-") && shown.len() == 12, "{shown}");
    }

    #[test]
    fn every_class_has_its_number_its_rule_and_its_sentence_that_a_plan_takes() {
        for (place, class) in Class::ALL.iter().enumerate() {
            assert_eq!(usize::from(class_number(*class)), place);
            let text = plain(&format!("{}\u{1b}[31m{}", general_rule(*class), owner(*class)));
            assert!(!text.chars().any(char::is_control) && text.len() < 1_000);
        }
    }
}
