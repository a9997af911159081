//! Books as plain text that `hledger` and `beancount` both read.
//!
//! Only what the two agree on is written: dates, payees and narrations in quotes, postings. What
//! opens and closes an account for `beancount`, its `balance` being an assertion, is a transaction
//! without postings to `hledger`.

use std::collections::BTreeMap;

use super::moves::{Account, Move};
use crate::units::{CurrencyForm, DAY_CHARACTERS, Timestamp};

/// What accounts are called in the books: those of rights holders by their numbers.
#[derive(Debug)]
pub struct AccountNames(BTreeMap<String, i64>);

/// How lines of the books are written.
#[derive(Debug, Clone, Copy)]
pub struct PlainBooks<'a> {
    /// What accounts are called.
    pub names: &'a AccountNames,
    /// How sums are written.
    pub form: CurrencyForm,
}

impl AccountNames {
    /// Rights holders by their numbers.
    pub fn of_holders(holders: BTreeMap<i64, String>) -> Self {
        Self(holders.into_iter().map(|(number, name)| (name, number)).collect())
    }

    /// An account's name: `Assets:Stores:7`.
    pub fn of(&self, account: &Account) -> String {
        match account {
            Account::Cash => "Assets:Cash".to_owned(),
            Account::Store(store) => format!("Assets:Stores:{store}"),
            Account::Outstanding(medium) => format!("Liabilities:Outstanding:{medium}"),
            Account::Settled(medium) => format!("Liabilities:Settled:{medium}"),
            Account::Provisional(medium) => format!("Liabilities:Provisional:{medium}"),
            Account::Reserved(medium) => format!("Liabilities:Reserved:{medium}"),
            Account::Debt(medium) => format!("Assets:Debt:{medium}"),
            Account::Revenue(name) => {
                format!("Income:Revenue:{}", self.0.get(name).unwrap_or(&0))
            }
            Account::ForkLoss(store) => format!("Assets:ForkLoss:{store}"),
        }
    }

    /// Give the next number to the rights holder of an account that has none, as the records will.
    pub fn learn(&mut self, account: &Account) {
        let Account::Revenue(name) = account else { return };
        if !self.0.contains_key(name) {
            let number = self.0.values().max().unwrap_or(&0) + 1;
            self.0.insert(name.clone(), number);
        }
    }
}

impl PlainBooks<'_> {
    /// What the books are called, and who the rights holders are.
    pub fn heads(&self, title: &str) -> Vec<String> {
        let title = quoted(&title.replace('\n', " "));
        let mut lines = vec![format!("; {title} - {}", self.form.currency())];
        let holders = self.names.0.iter();
        lines
            .extend(holders.map(|(holder, number)| {
                format!("; Income:Revenue:{number} is {}", quoted(holder))
            }));
        lines
    }

    /// An account is there from its first move on.
    pub fn open(&self, account: &Account, first: Timestamp) -> String {
        format!("{} open {} {}", day(first), self.names.of(account), self.form.currency())
    }

    /// A move as a transaction.
    pub fn transaction(&self, at: Timestamp, payee: &str, what: &str, moved: &Move) -> [String; 3] {
        let minor = moved.amount.minor().cast_signed();
        let posting = |account, minor| {
            let (name, sum) = (self.names.of(account), self.form.decimal(minor));
            format!("  {name}  {sum} {}", self.form.currency())
        };
        [
            format!("{} * {} {}", day(at), quoted(payee), quoted(what)),
            posting(&moved.debit, minor),
            posting(&moved.credit, -minor),
        ]
    }

    /// What an account has after its last move, minor units: an assertion, which holds at the beginning
    /// of its day.
    pub fn balance(&self, account: &Account, last: Timestamp, minor: i64) -> String {
        let (name, sum) = (self.names.of(account), self.form.decimal(minor));
        format!("{} balance {name}  {sum} {}", day(last.plus_days(1)), self.form.currency())
    }
}

/// Text that ends neither its quotes nor its line, and begins no comment.
fn quoted(text: &str) -> String {
    let plain = |c: char| if c.is_control() || "\"\\;|".contains(c) { '_' } else { c };
    format!("\"{}\"", text.chars().map(plain).collect::<String>())
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(DAY_CHARACTERS).collect()
}
