//! The issuer's books as plain text.

use super::Issuer;
use crate::records::{
    Account, AccountNames, Balance, BookedMove, Origin, PlainBooks, StorageError,
};

impl Issuer {
    /// What accounts are called: those of rights holders by their numbers.
    pub fn account_names(&mut self) -> Result<AccountNames, StorageError> {
        Ok(AccountNames::of_holders(self.records.rights_holders()?))
    }

    /// Write the books line by line: accounts, moves in the order of time, and what each account
    /// has in the end.
    pub fn plain_books<E: From<StorageError>>(
        &mut self,
        mut line: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<Vec<Balance>, E> {
        let names = self.account_names()?;
        let books = PlainBooks { names: &names, form: self.form };
        books.heads(self.name()).iter().try_for_each(|text| line(text))?;
        let balances = self.records.balances()?;
        for balance in &balances {
            line(&books.open(&balance.account, balance.first))?;
        }
        self.records.each_move(|booked| {
            line("")?;
            let told = books.transaction(booked.at, &booked.name, &what_of(booked), &booked.moved);
            told.iter().try_for_each(|text| line(text))
        })?;
        line("")?;
        for Balance { account, last, minor, .. } in &balances {
            line(&books.balance(account, *last, *minor))?;
        }
        Ok(balances)
    }
}

fn what_of(booked: &BookedMove) -> String {
    match (&booked.origin, &booked.moved.debit) {
        (Origin::Entry(seq), Account::Store(_)) => format!("sold, entry {seq}"),
        (Origin::Entry(seq), _) => format!("taken back, entry {seq}"),
        (Origin::Payment(reference), _) => format!("paid in: {reference}"),
        (Origin::Checkpoint(medium, number), _) => {
            format!("medium {medium}, checkpoint {number}")
        }
    }
}
