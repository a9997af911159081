//! A medium's statement: what was bought for it, what is on it, and what became of that.

use super::Records;
use super::database::{StorageError, operation_error};
use super::listed::Events;
use super::media::store_of;
use super::moves::{Account, BookedMove, HolderNames, Move, Origin, booked_move};
use super::statement::Transaction;
use super::value::Value;
use crate::format::record::EventId;
use crate::units::{MediumId, Period, StoreId, Timestamp};

/// What a medium's accounts have. Sums are minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holding {
    /// Bought for it and not known to be on it; below zero where more is on it than was sold.
    pub unredeemed: i64,
    /// May be spent.
    pub settled: i64,
    /// Earned and not vested yet.
    pub provisional: i64,
    /// Held by open transfers.
    pub reserved: i64,
    /// Lacking, to be taken from the next top-ups.
    pub debt: i64,
}

/// What a line of a statement tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A code or voucher was bought.
    Bought,
    /// That was taken back.
    TakenBack,
    /// A code or voucher was credited.
    Credited,
    /// Goods of this rights holder were paid.
    Spent(String),
    /// A fee for goods of this rights holder was earned.
    Earned(String),
    /// The store bears what was lacking.
    Borne,
    /// It was replaced: what it had went to this medium.
    MovedTo(MediumId),
    /// What this medium had, whose place it took.
    MovedFrom(MediumId),
    /// Anything else, such as a sum that was counted too high before.
    Corrected,
}

/// A line of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// When it counts.
    pub at: Timestamp,
    /// What it tells.
    pub what: Happening,
    /// The store; that of the medium for what was settled.
    pub store: StoreId,
    /// The store's name.
    pub name: String,
    /// What it follows from.
    pub origin: Origin,
    /// The settled event, where the line is one.
    pub event: Option<EventId>,
    /// What it adds to what is unredeemed.
    pub unredeemed: i64,
    /// What it adds to the balance.
    pub balance: i64,
    /// What is unredeemed then, and the balance.
    pub then: [i64; 2],
}

/// The statement of a medium over a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Before its first line.
    pub opening: Holding,
    /// All that changes what is unredeemed or the balance, in the order of time.
    pub lines: Vec<StatementLine>,
    /// After its last line.
    pub closing: Holding,
}

/// Why there is no statement.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// No such medium was ever given out.
    #[error("medium {0} is unknown: its number was never given out")]
    UnknownMedium(MediumId),
    /// The database did not do it.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

operation_error!(StatementError);

impl Records {
    /// The statement of a medium over a period, or over all there is.
    pub fn statement(
        &mut self,
        medium: MediumId,
        period: Option<Period>,
    ) -> Result<Statement, StatementError> {
        let until = period.map_or(Timestamp::MAX, |period| period.until);
        self.database.read(|tx| {
            store_of(tx, medium)?.ok_or(StatementError::UnknownMedium(medium))?;
            let events = Events::of(tx, medium)?;
            let mut opening = Holding::default();
            let mut closing = opening;
            let mut lines: Vec<StatementLine> = vec![];
            let all = moves_of(tx, medium, until)?;
            for part in all.chunk_by(|one, next| of_one(one) == of_one(next)) {
                let before = closing;
                let found = closing.lines(medium, part);
                if period.is_some_and(|period| part[0].at < period.from) {
                    opening = closing;
                    continue;
                }
                let found = match part[0].origin {
                    Origin::Checkpoint(_, number) => {
                        events.list(number, found, vested(medium, part))
                    }
                    _ => found,
                };
                let mut then = [before.unredeemed, before.balance()];
                lines.extend(found.into_iter().map(|line| {
                    then = [then[0] + line.unredeemed, then[1] + line.balance];
                    StatementLine { then, ..line }
                }));
            }
            Ok(Statement { opening, lines, closing })
        })
    }
}

/// What tells the moves of one entry or one checkpoint from others.
fn of_one(booked: &BookedMove) -> (Timestamp, StoreId, &Origin) {
    (booked.at, booked.store, &booked.origin)
}

/// What was provisional and may be spent by these moves.
fn vested(medium: MediumId, moves: &[BookedMove]) -> i64 {
    let vests = moves.iter().map(|booked| &booked.moved).filter(|moved| {
        moved.debit == Account::Provisional(medium) && moved.credit == Account::Settled(medium)
    });
    vests.map(|moved| moved.amount.minor().cast_signed()).sum()
}

/// Every move of a medium's accounts before this time: by stores' entries that are about it, and by
/// its checkpoints.
fn moves_of(
    tx: &mut Transaction<'_>,
    medium: MediumId,
    until: Timestamp,
) -> Result<Vec<BookedMove>, StorageError> {
    const MOVES: &str = "SELECT moves.at, stores.store, stores.name, moves.seq, '', moves.origin, \
        moves.debit, moves.credit, moves.amount_minor, moves.whose, moves.line FROM store_entries \
        JOIN moves ON moves.origin = 1 AND moves.whose = store_entries.store \
        AND moves.seq = store_entries.seq JOIN stores ON stores.store = store_entries.store \
        WHERE store_entries.medium = $1 AND moves.at < $2 UNION ALL \
        SELECT moves.at, stores.store, stores.name, moves.seq, '', moves.origin, moves.debit, \
        moves.credit, moves.amount_minor, moves.whose, moves.line FROM media \
        JOIN moves ON moves.origin = 3 AND moves.whose = media.medium \
        JOIN stores ON stores.store = media.store \
        WHERE media.medium = $1 AND moves.at < $2 UNION ALL \
        SELECT moves.at, stores.store, stores.name, moves.seq, '', moves.origin, moves.debit, \
        moves.credit, moves.amount_minor, moves.whose, moves.line FROM replacements \
        JOIN moves ON moves.origin = 3 AND moves.whose = replacements.lost \
        JOIN media ON media.medium = replacements.lost JOIN stores ON stores.store = media.store \
        WHERE replacements.heir = $1 AND moves.credit = $3 AND moves.at < $2 \
        ORDER BY 1, 6, 10, 4, 11";
    let names = HolderNames::load(tx)?;
    let outstanding = Value::Int(Account::outstanding_number(medium));
    tx.rows(MOVES, &[medium.into(), until.into(), outstanding], |row| booked_move(row, &names))
}

impl Holding {
    /// What is on the medium, less what it lacks.
    pub fn balance(&self) -> i64 {
        self.settled + self.provisional + self.reserved - self.debt
    }

    /// Take moves; what each of them adds, unless that is nothing.
    fn lines(&mut self, medium: MediumId, moves: &[BookedMove]) -> Vec<StatementLine> {
        let mut lines = vec![];
        for booked in moves {
            let before = *self;
            self.take(medium, &booked.moved);
            let unredeemed = self.unredeemed - before.unredeemed;
            let balance = self.balance() - before.balance();
            if (unredeemed, balance) != (0, 0) {
                lines.push(StatementLine {
                    at: booked.at,
                    what: Happening::of(medium, &booked.moved),
                    store: booked.store,
                    name: booked.name.clone(),
                    origin: booked.origin.clone(),
                    event: None,
                    unredeemed,
                    balance,
                    then: [self.unredeemed, self.balance()],
                });
            }
        }
        lines
    }

    fn take(&mut self, medium: MediumId, moved: &Move) {
        let minor = moved.amount.minor().cast_signed();
        for (account, minor) in [(&moved.debit, -minor), (&moved.credit, minor)] {
            if account.medium() != Some(medium) {
                continue;
            }
            match account {
                Account::Outstanding(_) => self.unredeemed += minor,
                Account::Settled(_) => self.settled += minor,
                Account::Provisional(_) => self.provisional += minor,
                Account::Reserved(_) => self.reserved += minor,
                _ => self.debt -= minor,
            }
        }
    }
}

impl Happening {
    /// The rights holder.
    pub(super) fn party(&self) -> Option<&str> {
        match self {
            Self::Spent(name) | Self::Earned(name) => Some(name),
            _ => None,
        }
    }

    fn of(medium: MediumId, moved: &Move) -> Self {
        match (&moved.debit, &moved.credit) {
            (Account::Settled(lost), Account::Outstanding(heir)) if *lost == medium => {
                Self::MovedTo(*heir)
            }
            (Account::Settled(lost), Account::Outstanding(_)) => Self::MovedFrom(*lost),
            (Account::Store(_), _) => Self::Bought,
            (_, Account::Store(_)) => Self::TakenBack,
            (Account::Outstanding(_), _) => Self::Credited,
            (_, Account::Revenue(name)) => Self::Spent(name.clone()),
            (Account::Revenue(name), Account::Provisional(_)) => Self::Earned(name.clone()),
            (Account::ForkLoss(_), _) => Self::Borne,
            _ => Self::Corrected,
        }
    }
}
