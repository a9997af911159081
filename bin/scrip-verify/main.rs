//! `scrip-verify`: check prepaid media and reconcile evidence, read-only.

mod check;
mod cli;
mod heap;
mod made;
mod proof;
mod reconcile;
mod reports;
#[path = "../usage.rs"]
mod usage;

use std::process::ExitCode;

use scrip::tool::{Exit, Failure, Form, Interrupt, Output, run};

use cli::{Cli, Verb};

fn main() -> ExitCode {
    let Cli { json, verb } = usage::parse(|| ());
    let form = if json { Form::Json } else { Form::Text };
    let work = |output: &Output, interrupt: &Interrupt| -> Result<Exit, Failure> {
        match verb {
            #[cfg(feature = "manual")]
            Verb::Manual(manual) => manual.print::<Cli>(output),
            Verb::Check(args) => check::check(&args, output, interrupt),
            Verb::Reconcile(args) => reconcile::run(&args, output, interrupt),
            Verb::Proof(args) => proof::check(&args, output),
        }
    };
    run("scrip-verify", form, work)
}
