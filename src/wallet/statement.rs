//! The history of a medium as lines: what happened, and what it did to the money.

use crate::format::record::{Record, RecordKind};
use crate::trust::Verified;
use crate::units::{CurrencyForm, Timestamp};

use super::medium::Medium;

/// Which of the two histories is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ledger {
    /// What happened.
    History,
    /// What it did to the money: records that moved some.
    Accounting,
}

/// What of a history is wanted.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Nothing before.
    pub since: Option<Timestamp>,
    /// Nothing from then on.
    pub until: Option<Timestamp>,
    /// Records of this kind alone.
    pub kind: Option<RecordKind>,
    /// The last so many of those that are left.
    pub limit: Option<usize>,
}

impl Ledger {
    /// The names of its columns.
    pub fn columns(self) -> [&'static str; 6] {
        match self {
            Self::History => ["at", "kind", "partner", "content", "accounting event", "record"],
            Self::Accounting => ["at", "amount", "balance after", "partner", "reason", "record"],
        }
    }

    /// The cells of a record, with sums as they are given; none for a record without money where
    /// money is asked for.
    pub fn cells(self, record: &Record, mut sum: impl FnMut(i64) -> String) -> Option<[String; 6]> {
        let seq = record.seq.to_string();
        let history = &record.history;
        Some(match self {
            Self::History => [
                history.at.to_string(),
                history.kind.to_string(),
                history.partner.clone(),
                history.content.clone().unwrap_or_default(),
                history.link.as_ref().map(hex).unwrap_or_default(),
                seq,
            ],
            Self::Accounting => {
                let entry = record.accounting.as_ref()?;
                let balance = i64::try_from(entry.balance_after.minor()).unwrap_or(i64::MAX);
                let (amount, balance) = (sum(entry.amount), sum(balance));
                let (partner, reason) = (entry.partner.clone(), entry.reason.clone());
                [entry.at.to_string(), amount, balance, partner, reason, seq]
            }
        })
    }
}

fn hex(event: &[u8; 16]) -> String {
    data_encoding::HEXLOWER.encode(event)
}

impl Filter {
    /// The records that are wanted, oldest first.
    pub fn choose<'m>(&self, ledger: Ledger, medium: &'m Medium) -> Vec<&'m Verified<Record>> {
        let records = medium.account().records.iter().filter(|record| self.wants(ledger, record));
        let wanted: Vec<_> = records.collect();
        let passed = self.limit.map_or(0, |limit| wanted.len().saturating_sub(limit));
        wanted[passed..].to_vec()
    }

    fn wants(&self, ledger: Ledger, record: &Record) -> bool {
        let at = record.history.at;
        self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
            && self.kind.is_none_or(|kind| record.history.kind == kind)
            && (ledger == Ledger::History || record.accounting.is_some())
    }
}

/// A sum with its sign, for a person: `+500 JPY`.
pub fn signed(form: CurrencyForm, minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "+" };
    format!("{sign}{}", unsigned(form, minor))
}

/// A sum without its sign.
pub fn unsigned(form: CurrencyForm, minor: i64) -> String {
    let amount = crate::units::Amount::from_minor(minor.unsigned_abs());
    amount.map_or_else(|_| minor.unsigned_abs().to_string(), |amount| form.show(amount))
}

/// A sum as a spreadsheet reads it: `-12.34`.
pub fn decimal(form: CurrencyForm, minor: i64) -> String {
    let unit = 10_u64.pow(form.exponent().into());
    let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    match usize::from(form.exponent()) {
        0 => format!("{sign}{minor}"),
        width => format!("{sign}{}.{:0width$}", minor / unit, minor % unit),
    }
}

/// A row of comma-separated values (RFC 4180); text that a spreadsheet would take for a formula
/// gets an apostrophe in front.
pub fn csv_row(cells: &[String]) -> String {
    let cells = cells.iter().map(|cell| {
        let number = cell.parse::<f64>().is_ok();
        let formula = cell.starts_with(['=', '+', '-', '@', '\t']) && !number;
        let cell = if formula { format!("'{cell}") } else { cell.clone() };
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    cells.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_written_for_people_and_for_spreadsheets() {
        let form = |code: &str, exponent| CurrencyForm::new(code.parse().unwrap(), exponent);
        let (yen, euro) = (form("JPY", 0).unwrap(), form("EUR", 2).unwrap());
        assert_eq!(
            (signed(yen, 1500).as_str(), decimal(yen, -1500).as_str()),
            ("+1,500 JPY", "-1500")
        );
        assert_eq!((signed(euro, -5).as_str(), decimal(euro, -5).as_str()), ("-0.05 EUR", "-0.05"));
        assert_eq!(unsigned(euro, 123_456), "1,234.56 EUR");
    }

    #[test]
    fn cells_are_quoted_and_no_formula_gets_through() {
        let cells = ["a,b", "say \"x\"", "=1+1", "-5", "@x"].map(str::to_owned);
        assert_eq!(csv_row(&cells), "\"a,b\",\"say \"\"x\"\"\",'=1+1,-5,'@x");
    }
}
