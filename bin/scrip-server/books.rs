//! `books`: the books as plain text, for an accountant's own programs.

use scrip::records::{Balance, StorageError};
use scrip::tool::{Classed, Exit, Failure, Output};
use serde_json::{Value, json};

use crate::cli::Office;

pub(crate) fn run(office: &Office, output: &Output) -> Result<Exit, Failure> {
    let mut issuer = office.open(output)?;
    let currency = issuer.form().currency();
    let balances = issuer.plain_books(|line| -> Result<(), StorageError> {
        output.line(line);
        Ok(())
    });
    let names = issuer.account_names().or_fail()?;
    let fields = |balance: &Balance| -> Value {
        json!({
            "account": names.of(&balance.account),
            "first": balance.first.to_string(),
            "last": balance.last.to_string(),
            "balance": { "minor": balance.minor.to_string(), "currency": currency.code() },
        })
    };
    let accounts: Vec<Value> = balances.or_fail()?.iter().map(fields).collect();
    output.result(Exit::Done, &json!({ "accounts": accounts }));
    Ok(Exit::Done)
}
