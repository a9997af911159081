//! What a code or voucher would add to a medium, or why it adds nothing: each in its own words.
//!
//! Nothing is written here: a [`Topup`] is shown to the owner, who confirms it.

use super::entry::Entry;
use crate::format::cose::Sign1;
use crate::format::record::EventId;
use crate::format::sheet::{Sheet, SheetId, Voucher, VoucherFile};
use crate::format::{Kind, Object};
use crate::trust::{Revoked, RevokedError, Trust, TrustError, Verified};
use crate::units::{Amount, CurrencyForm, MediumId, Sequence, Timestamp};
use crate::voucher::code::{CodeError, TypedCode};
use crate::voucher::{
    CarriedError, CarriedVoucher, CodeTerms, LIVE_SHEETS_MAX, Opened, RedeemError, VoucherError,
    VoucherTerms, check_slot, code_event, open_carried, open_code, voucher_event,
};

/// What a top-up is held against: this medium as it is now.
#[derive(Clone, Copy)]
pub struct TopupTerms<'a> {
    /// This medium.
    pub medium: MediumId,
    /// Its currency, and how sums are written.
    pub form: CurrencyForm,
    /// Its sheets, newest first; the first two are live.
    pub sheets: &'a [Verified<Sheet>],
    /// The pinned roots and the time floor.
    pub trust: &'a Trust,
    /// What is revoked.
    pub revoked: &'a Revoked,
    /// What may be spent now.
    pub balance: Amount,
    /// The policy's largest balance.
    pub balance_max: Amount,
    /// The policy's largest top-up.
    pub topup_max: Amount,
    /// The record that credited an event, if there is one.
    pub credited: &'a dyn Fn(&EventId) -> Option<Credited>,
}

/// A top-up that was added before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credited {
    /// By a record that is here.
    Record {
        /// The record.
        record: Sequence,
        /// When, by the host's clock.
        at: Timestamp,
    },
    /// By a record that is not here any more, or stands on another branch.
    Settled {
        /// The checkpoint that settled it.
        checkpoint: u64,
    },
}

/// What a confirmed top-up will add.
pub struct Topup {
    /// What is redeemed.
    pub source: Source,
    /// What it adds.
    pub amount: Amount,
    /// The balance after it.
    pub balance: Amount,
    /// Its accounting event.
    pub event: EventId,
}

/// What is redeemed.
pub enum Source {
    /// A sealed code and the slot that it opens.
    Code {
        /// The code.
        code: TypedCode,
        /// Sheet, slot and amount.
        opened: Opened,
    },
    /// A voucher, verified with its store.
    Voucher {
        /// As it was carried.
        file: Box<VoucherFile>,
        /// As it was verified.
        carried: Box<CarriedVoucher>,
    },
}

/// Why a top-up adds nothing; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TopupRefusal {
    /// The check digits disagree: look for the code that was meant.
    #[error("there is a typing error in this code")]
    Typo,
    /// A sound code or voucher that isn't for this medium.
    #[error("this is not a {what} of this medium, {}: compare the number on the receipt", medium.grouped())]
    NotOfThisMedium {
        /// `code` or `voucher`.
        what: &'static str,
        /// This medium.
        medium: MediumId,
    },
    /// It was credited before.
    #[error("already added: {amount} on {at}, in record {record}; nothing was changed")]
    AlreadyAdded {
        /// What it added.
        amount: String,
        /// When.
        at: Timestamp,
        /// The record that added it.
        record: Sequence,
    },
    /// It was credited before, by a record that a checkpoint settled.
    #[error("already added: {amount}, settled by checkpoint {checkpoint}; nothing was changed")]
    AlreadySettled {
        /// What it added.
        amount: String,
        /// The checkpoint.
        checkpoint: u64,
    },
    /// A code of a sheet that is no longer live.
    #[error(
        "this code is of an old sheet of this medium and no longer counts: ask where it was sold"
    )]
    OldSheet,
    /// The medium, the code or the voucher is revoked.
    #[error("{0}")]
    Revoked(#[from] RevokedError),
    /// A limit of the policy.
    #[error("{amount} would make {found}, above the largest {what}, {limit}; nothing was changed")]
    OverLimit {
        /// What it would add.
        amount: String,
        /// `balance` or `top-up`.
        what: &'static str,
        /// What it would come to.
        found: String,
        /// The limit.
        limit: String,
    },
    /// Another currency than the medium's.
    #[error("it is in {found}, this medium holds {expected}")]
    WrongCurrency {
        /// The sheet's or voucher's.
        found: String,
        /// The medium's.
        expected: String,
    },
    /// There is nothing sound to check a code by.
    #[error("this medium's sheet of codes is damaged ({0}): a voucher can still be added")]
    DamagedSheet(RedeemError),
    /// Signed time has passed the voucher's end.
    #[error("{0}")]
    Expired(CarriedError),
    /// Not a voucher that a shop under this medium's issuer signed.
    #[error("this voucher is not genuine: {0}")]
    NotGenuine(CarriedError),
}

impl TopupRefusal {
    /// A short name that stays the same whatever the words are.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Typo => "typo",
            Self::NotOfThisMedium { .. } => "not-of-this-medium",
            Self::AlreadyAdded { .. } | Self::AlreadySettled { .. } => "already-added",
            Self::OldSheet => "old-sheet",
            Self::Revoked(_) => "revoked",
            Self::OverLimit { .. } => "over-limit",
            Self::WrongCurrency { .. } => "wrong-currency",
            Self::DamagedSheet(_) => "damaged-sheet",
            Self::Expired(_) => "expired",
            Self::NotGenuine(_) => "not-genuine",
        }
    }
}

impl<'a> TopupTerms<'a> {
    /// What a code is held against, for opening it and for finding the one that was meant.
    pub fn code_terms(&self) -> CodeTerms<'a> {
        let (medium, currency) = (self.medium, self.form.currency());
        CodeTerms { medium, currency, sheets: self.sheets, revoked: self.revoked }
    }

    /// What an entry would add to this medium; a code costs the rounds of its sheets.
    pub fn judge(&self, entry: &Entry) -> Result<Topup, TopupRefusal> {
        match entry {
            Entry::Code(digits) => match digits.code() {
                Ok(code) => self.judge_code(code),
                Err(CodeError::Slot(_)) => Err(self.foreign("code")),
                Err(_) => Err(TopupRefusal::Typo),
            },
            Entry::Voucher(file) => self.judge_voucher(file),
        }
    }

    /// What a code would add to this medium.
    pub fn judge_code(&self, code: TypedCode) -> Result<Topup, TopupRefusal> {
        let opened = match open_code(&self.code_terms(), &code) {
            Ok(opened) => opened,
            Err(error) => return Err(self.code_refusal(error, &code)),
        };
        let event = code_event(self.medium, &opened.sheet, opened.slot);
        let (amount, balance) = self.check(opened.amount, &event)?;
        Ok(Topup { source: Source::Code { code, opened }, amount, balance, event })
    }

    fn judge_voucher(&self, file: &VoucherFile) -> Result<Topup, TopupRefusal> {
        let terms = VoucherTerms {
            medium: self.medium,
            currency: self.form.currency(),
            floor: self.trust.floor(),
            revoked: self.revoked,
        };
        let carried = open_carried(self.trust, file, &terms)
            .map_err(|error| self.voucher_refusal(error, file))?;
        let event = voucher_event(self.medium, &carried.voucher.id);
        let (amount, balance) = self.check(carried.voucher.amount, &event)?;
        let source = Source::Voucher { file: Box::new(file.clone()), carried: Box::new(carried) };
        Ok(Topup { source, amount, balance, event })
    }

    /// Is it new, and within the limits? The amount and the balance after it.
    fn check(&self, amount: Amount, event: &EventId) -> Result<(Amount, Amount), TopupRefusal> {
        if let Some(credited) = (self.credited)(event) {
            return Err(self.already(amount, credited));
        }
        let show = |minor: u64| {
            Amount::from_minor(minor).map_or_else(|_| minor.to_string(), |sum| self.form.show(sum))
        };
        let over = |what, found: u64, limit: Amount| TopupRefusal::OverLimit {
            amount: self.form.show(amount),
            what,
            found: show(found),
            limit: self.form.show(limit),
        };
        if amount > self.topup_max {
            return Err(over("top-up", amount.minor(), self.topup_max));
        }
        let sum = self.balance.minor() + amount.minor();
        match self.balance.checked_add(amount) {
            Ok(balance) if balance <= self.balance_max => Ok((amount, balance)),
            _ => Err(over("balance", sum, self.balance_max)),
        }
    }

    fn already(&self, amount: Amount, credited: Credited) -> TopupRefusal {
        let amount = self.form.show(amount);
        match credited {
            Credited::Record { record, at } => TopupRefusal::AlreadyAdded { amount, at, record },
            Credited::Settled { checkpoint } => TopupRefusal::AlreadySettled { amount, checkpoint },
        }
    }

    fn code_refusal(&self, error: RedeemError, code: &TypedCode) -> TopupRefusal {
        let revoked_medium = self.revoked.check_medium(self.medium).is_err();
        if matches!(error, RedeemError::OldSheet { .. } | RedeemError::Revoked(_))
            && !revoked_medium
            && let Some(spent) = self.spent_before(code)
        {
            return spent;
        }
        match error {
            RedeemError::OldSheet { .. } => TopupRefusal::OldSheet,
            RedeemError::Revoked(error) => TopupRefusal::Revoked(error),
            RedeemError::Currency { found, expected, .. } => TopupRefusal::WrongCurrency {
                found: found.code().to_owned(),
                expected: expected.code().to_owned(),
            },
            RedeemError::NotOfThisMedium { .. }
            | RedeemError::Slot { .. }
            | RedeemError::Code(_) => self.foreign("code"),
            RedeemError::NoSheet { .. }
            | RedeemError::ForeignSheet { .. }
            | RedeemError::DamagedSheet { .. } => TopupRefusal::DamagedSheet(error),
        }
    }

    /// A code that counts no more may have been added while it did: that is the kinder answer.
    fn spent_before(&self, code: &TypedCode) -> Option<TopupRefusal> {
        let event = |sheet: &SheetId| code_event(self.medium, sheet, code.slot());
        self.sheets.iter().find_map(|sheet| {
            let credited = (self.credited)(&event(&sheet.id))?;
            let amount = check_slot(sheet, code.slot(), code.secret()).ok()?;
            Some(self.already(amount, credited))
        })
    }

    /// The same for a voucher; its signature has nothing to add to what the records say.
    fn voucher_spent_before(&self, file: &VoucherFile) -> Option<TopupRefusal> {
        let message = Sign1::decode(&file.voucher.0, Kind::Voucher).ok()?;
        let voucher = Voucher::decode(message.payload()).ok()?;
        let credited = (self.credited)(&voucher_event(self.medium, &voucher.id))?;
        Some(self.already(voucher.amount, credited))
    }

    fn voucher_refusal(&self, error: CarriedError, file: &VoucherFile) -> TopupRefusal {
        let ended = matches!(
            error,
            CarriedError::Voucher(VoucherError::Expired { .. } | VoucherError::Revoked(_))
                | CarriedError::Chain(TrustError::Expired { .. })
        );
        if let Some(spent) = self.voucher_spent_before(file).filter(|_| ended) {
            return spent;
        }
        let CarriedError::Voucher(fault) = error else {
            return match error {
                CarriedError::Chain(TrustError::Expired { .. }) => TopupRefusal::Expired(error),
                _ => TopupRefusal::NotGenuine(error),
            };
        };
        match fault {
            VoucherError::Medium { .. } => self.foreign("voucher"),
            VoucherError::Currency { found, expected, .. } => TopupRefusal::WrongCurrency {
                found: found.code().to_owned(),
                expected: expected.code().to_owned(),
            },
            VoucherError::Revoked(error) => TopupRefusal::Revoked(error),
            VoucherError::Expired { .. } => TopupRefusal::Expired(fault.into()),
            fault => TopupRefusal::NotGenuine(fault.into()),
        }
    }

    fn foreign(&self, what: &'static str) -> TopupRefusal {
        TopupRefusal::NotOfThisMedium { what, medium: self.medium }
    }

    /// A warning where codes of an amount were used and fewer than five are left on the live sheets.
    pub fn few_left(&self) -> Vec<(Amount, u32)> {
        let mut left = std::collections::BTreeMap::<Amount, (u32, u32)>::new();
        for sheet in self.sheets.iter().take(LIVE_SHEETS_MAX) {
            for slot in 0..sheet.slots().unwrap_or_default() {
                let event = code_event(self.medium, &sheet.id, slot);
                let open = (self.credited)(&event).is_none();
                let (left, used) = left.entry(sheet.amount(slot).unwrap_or_default()).or_default();
                *if open { left } else { used } += 1;
            }
        }
        let few = left.into_iter().filter(|(_, (left, used))| *left < CODES_MIN && *used > 0);
        few.map(|(amount, (left, _))| (amount, left)).collect()
    }
}

/// Fewer codes of an amount than this are too few.
const CODES_MIN: u32 = 5;
