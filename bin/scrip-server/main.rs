//! The issuer's tool: keys, stores, editions, kits, codes, revocations.

mod audit;
mod backup;
mod blanks;
mod books;
mod cli;
mod code;
mod decide;
mod dues;
mod enrol;
mod files;
mod import;
mod init;
mod kit;
mod office;
mod paid;
mod replace;
mod revoke;
mod secret;
mod settle;
mod sign;
mod simulate;
mod statement;
mod status;
mod stores;
#[path = "../usage.rs"]
mod usage;

use std::process::ExitCode;

use scrip::tool::{Form, run};

use cli::{Cli, Verb};

fn main() -> ExitCode {
    let Cli { office, json, verb } = usage::parse(|| ());
    let form = if json { Form::Json } else { Form::Text };
    run("scrip-server", form, |output, interrupt| match verb {
        #[cfg(feature = "manual")]
        Verb::Manual(manual) => manual.print::<Cli>(output),
        Verb::Init(args) => init::run(&args, &office, output),
        Verb::Enrol(args) => enrol::run(&args, &office, output),
        Verb::Sign(args) => sign::run(&args, &office, output, interrupt),
        Verb::Blanks(args) => blanks::run(&args, &office, output, interrupt),
        Verb::Sheets(args) => blanks::further(&args, &office, output, interrupt),
        Verb::Secret(args) => secret::run(&args, &office, output),
        Verb::Kit(args) => kit::run(&args, &office, output),
        Verb::Code(args) => code::run(&args, &office, output),
        Verb::Revoke(args) => revoke::run(&args, &office, output),
        Verb::Import(args) => import::run(&args, &office, output, interrupt),
        Verb::Paid(args) => paid::run(&args, &office, output),
        Verb::Books => books::run(&office, output),
        Verb::Dues(args) => dues::run(&args, &office, output),
        Verb::Simulate(args) => simulate::run(&args, output, interrupt),
        Verb::Backup(args) => backup::back_up(&args, &office, output, interrupt),
        Verb::Restore(args) => backup::restore(&args, &office, output, interrupt),
        Verb::Statement(args) => statement::run(&args, &office, output),
        Verb::Staff(args) => decide::staff(&args, &office, output),
        Verb::Decide(args) => decide::run(&args, &office, output),
        Verb::Replace(args) => replace::run(&args, &office, output),
        Verb::Settle(args) => settle::run(&args, &office, output, interrupt),
        Verb::Audit => audit::run(&office, output),
        Verb::Stores => stores::run(&office, output),
        Verb::Status => status::run(&office, output),
    })
}
