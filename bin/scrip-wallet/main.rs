//! `scrip-wallet`: a prepaid medium in its owner's hands.

mod alone;
mod apply;
mod ask;
mod balance;
mod buy;
mod cli;
mod doctor;
mod help;
mod history;
mod info;
mod language;
mod login;
mod medium;
mod menu;
mod opened;
mod play;
mod shown;
mod take;
mod topup;
#[path = "../usage.rs"]
mod usage;

use std::process::ExitCode;

use scrip::tool::{Exit, Failure, Form, Interrupt, Output, run};

use cli::{Cli, Verb};

fn main() -> ExitCode {
    let Cli { common, verb } = usage::parse(help::end_in_japanese);
    let form = if common.json { Form::Json } else { Form::Text };
    let work = |output: &Output, interrupt: &Interrupt| -> Result<Exit, Failure> {
        output.speak(language::chosen(&common));
        let Some(verb) = verb else { return menu::menu(&common, output, interrupt) };
        if let Some(tree) = alone::found(&common)? {
            return alone::serve(tree, &verb, output);
        }
        match verb {
            #[cfg(feature = "manual")]
            Verb::Manual(manual) => manual.print::<Cli>(output),
            Verb::Info => info::info(&common, output, interrupt),
            Verb::Login(args) => login::login(&common, &args, output, interrupt),
            Verb::Passwd(args) => login::passwd(&common, &args, output, interrupt),
            Verb::Balance => balance::balance(&common, output, interrupt),
            Verb::Topup(args) => topup::topup(&common, &args, output, interrupt),
            Verb::Catalog => buy::catalog(&common, output, interrupt),
            Verb::Buy(args) => buy::buy(&common, &args, output, interrupt),
            Verb::Play(args) => play::play(&common, &args, output, interrupt),
            Verb::Take(args) => take::take(&common, &args, output, interrupt),
            Verb::History(args) => history::history(&common, &args, output, interrupt),
            Verb::Receipt { record } => history::receipt(&common, record, output, interrupt),
            Verb::Export { file, dry_run } => {
                history::export(&common, &file, dry_run, output, interrupt)
            }
            Verb::Apply(args) => apply::apply(&common, &args, output, interrupt),
            Verb::Doctor(args) => doctor::doctor(&common, &args, output, interrupt),
        }
    };
    run("scrip-wallet", form, work)
}
