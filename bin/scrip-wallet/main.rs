//! `scrip-wallet`: a prepaid medium in its owner's hands.

mod cli;
mod doctor;
mod info;
mod medium;
#[path = "../usage.rs"]
mod usage;

use std::process::ExitCode;

use scrip::tool::{Exit, Failure, Form, Interrupt, Output, run};

use cli::{Cli, Verb};

fn main() -> ExitCode {
    let Cli { common, verb } = usage::parse();
    let form = if common.json { Form::Json } else { Form::Text };
    let work = |output: &Output, interrupt: &Interrupt| -> Result<Exit, Failure> {
        match verb {
            #[cfg(feature = "manual")]
            Verb::Manual(manual) => manual.print::<Cli>(output),
            Verb::Info => info::info(&common, output, interrupt),
            Verb::Doctor(args) => doctor::doctor(&common, &args, output, interrupt),
        }
    };
    run("scrip-wallet", form, work)
}
