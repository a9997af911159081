//! `scrip-store`: author, burn and sell prepaid media.

mod abandon;
mod accept;
mod bench;
mod build;
mod burn;
mod cli;
mod crew;
mod devices;
mod init;
mod journal;
mod kiosk;
mod paper;
#[cfg(feature = "server")]
mod quickstart;
mod receipt;
mod refresh;
mod sell;
mod session;
mod station;
mod status;
mod targets;
mod topup;
mod void;
#[path = "../usage.rs"]
mod usage;

use std::process::ExitCode;

use scrip::tool::{Exit, Failure, Form, Interrupt, Output, run};

use cli::{Cli, JournalVerb, Verb};

fn main() -> ExitCode {
    let Cli { common, verb } = usage::parse(|| ());
    let form = if common.json { Form::Json } else { Form::Text };
    let work = |output: &Output, interrupt: &Interrupt| -> Result<Exit, Failure> {
        match verb {
            #[cfg(feature = "manual")]
            Verb::Manual(manual) => manual.print::<Cli>(output),
            #[cfg(feature = "server")]
            Verb::Quickstart(args) => quickstart::quickstart(&common, &args, output, interrupt),
            Verb::Init(args) => init::init(&common, &args, output),
            Verb::Accept(args) => accept::accept(&common, &args, output),
            Verb::Status => status::status(&common, output),
            Verb::Build(args) => build::build(&common, &args, output, interrupt),
            Verb::Kiosk(args) => kiosk::kiosk(&common, &args, output, interrupt),
            Verb::Devices => devices::devices(output),
            Verb::Burn(args) => burn::burn(&common, &args, output, interrupt),
            Verb::Abandon(args) => abandon::abandon(&common, &args, output),
            Verb::Sell(args) => sell::sell(&common, &args, output, interrupt),
            Verb::Refresh(args) => refresh::refresh(&common, &args.path, output, interrupt),
            Verb::Topup(args) => topup::topup(&common, &args, output),
            Verb::Receipt(args) => receipt::receipt(&common, &args, output),
            Verb::Void(args) => void::void(&common, args.number, output),
            Verb::Journal(args) => match args.verb {
                JournalVerb::Verify => journal::verify(&common, output),
                JournalVerb::Export { file } => journal::export(&common, &file, output),
            },
        }
    };
    run("scrip-store", form, work)
}
