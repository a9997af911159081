//! The books as plain text that `hledger` and `beancount` both read.
//!
//! Only what the two agree on is written: dates, payees and narrations in quotes, postings. What
//! opens and closes an account for `beancount`, its `balance` being an assertion, is a transaction
//! without postings to `hledger`.

use std::collections::BTreeMap;

use super::Issuer;
use crate::records::{Account, Balance, BookedMove, Origin, StorageError};
use crate::units::{CurrencyForm, Timestamp};

/// What accounts are called in the books.
#[derive(Debug)]
pub struct AccountNames(BTreeMap<String, i64>);

impl Issuer {
    /// What accounts are called: those of rights holders by their numbers.
    pub fn account_names(&mut self) -> Result<AccountNames, StorageError> {
        let holders = self.records.rights_holders()?;
        Ok(AccountNames(holders.into_iter().map(|(number, name)| (name, number)).collect()))
    }

    /// Write the books line by line: accounts, moves in the order of time, and what each account
    /// has in the end.
    pub fn plain_books<E: From<StorageError>>(
        &mut self,
        mut line: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<Vec<Balance>, E> {
        let form = self.form;
        line(&format!("; {} - {}", quoted(&self.name().replace('\n', " ")), form.currency()))?;
        let names = self.account_names()?;
        for (holder, number) in &names.0 {
            line(&format!("; Income:Revenue:{number} is {}", quoted(holder)))?;
        }
        let balances = self.records.balances()?;
        for balance in &balances {
            let (name, currency) = (names.of(&balance.account), form.currency());
            line(&format!("{} open {name} {currency}", day(balance.first)))?;
        }
        self.records.each_move(|booked| {
            line("")?;
            lines_of(booked, &names, form).iter().try_for_each(|text| line(text))
        })?;
        line("")?;
        for balance in &balances {
            // An assertion holds at the beginning of its day.
            let after = day(balance.last.plus_days(1));
            let (name, sum) = (names.of(&balance.account), form.decimal(balance.minor));
            line(&format!("{after} balance {name}  {sum} {}", form.currency()))?;
        }
        Ok(balances)
    }
}

impl AccountNames {
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
}

fn lines_of(booked: &BookedMove, names: &AccountNames, form: CurrencyForm) -> [String; 3] {
    let moved = &booked.moved;
    let what = match (&booked.origin, &moved.debit) {
        (Origin::Entry(seq), Account::Store(_)) => format!("sold, entry {seq}"),
        (Origin::Entry(seq), _) => format!("taken back, entry {seq}"),
        (Origin::Payment(reference), _) => format!("paid in: {reference}"),
        (Origin::Checkpoint(medium, number), _) => {
            format!("medium {medium}, checkpoint {number}")
        }
    };
    let minor = moved.amount.minor().cast_signed();
    let posting = |account, minor| {
        format!("  {}  {} {}", names.of(account), form.decimal(minor), form.currency())
    };
    [
        format!("{} * {} {}", day(booked.at), quoted(&booked.name), quoted(&what)),
        posting(&moved.debit, minor),
        posting(&moved.credit, -minor),
    ]
}

/// Text that ends neither its quotes nor its line, and begins no comment.
fn quoted(text: &str) -> String {
    let plain = |c: char| if c.is_control() || "\"\\;|".contains(c) { '_' } else { c };
    format!("\"{}\"", text.chars().map(plain).collect::<String>())
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take(crate::units::DAY_CHARACTERS).collect()
}
