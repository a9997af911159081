//! `balance`: what is on the medium, without a password.
//!
//! With `--json` the last line is an object of type `result`: `exit`, `medium`, `originality`,
//! `balance` and its parts, each with `minor` as text and `currency`; `records`; `rival`: a second
//! history in one copy of the journal, `copy`, `from`, `records`, `follows`, or null.

use scrip::image::check::Rival;
use scrip::tool::{Exit, Failure, Interrupt, Output};
use serde_json::json;

use crate::cli::Common;
use crate::opened::{look, sums, tell_balance};

/// Show the balance.
pub(crate) fn balance(
    common: &Common,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let look = look(common, output, interrupt)?;
    tell_balance(&look.medium, output);
    let mut fields = sums(&look.medium);
    fields["medium"] = look.medium.id().to_string().into();
    fields["originality"] = look.report.verdict.word().into();
    fields["rival"] = json!(look.report.rival.as_ref().map(Rival::fields));
    fields["records"] = look.medium.account().records.len().into();
    output.result(Exit::Done, &fields);
    Ok(Exit::Done)
}
