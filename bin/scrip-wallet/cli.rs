//! The command line of `scrip-wallet`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use scrip::words::Language;

/// Verbs that change nothing, on the medium or beside it.
#[cfg(test)]
pub(crate) const READING: &[&str] = &["info", "balance", "catalog", "history", "receipt"];

/// Top up your prepaid medium, and see what is on it, with no network.
///
/// Without a command, on a terminal: checks the medium, asks for the password once, and shows a menu.
#[derive(Debug, Parser)]
#[command(name = "scrip-wallet", version, max_term_width = 80)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

/// What every verb takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Open this image file, device, or directory where the medium is mounted
    ///
    /// Without it, the medium that this program lies on.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) medium: Option<PathBuf>,
    /// Trust this root, as the issuer wrote it; may be given several times
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,
    /// Speak this language; JSON is always English
    ///
    /// Without it, the one that `SCRIP_LANG` or the locale names, else the medium's own.
    #[arg(long, global = true, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Lang>,
    /// Print JSON lines that end in one result object
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Let a test root count that --trust names
    #[arg(long, global = true, hide = true, requires = "trust")]
    pub(crate) allow_test_root: bool,
}

/// A language that is spoken.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Lang {
    /// English
    En,
    /// Japanese
    Ja,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::English,
            Lang::Ja => Self::Japanese,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show originality, balance and catalogue
    ///
    /// Ends with 0 if the medium is original or merely touched by ordinary use, 1 if it is a copy
    /// on other hardware or its writable area is here alone, 3 if it was altered, is damaged, or came
    /// under another root before.
    #[command(after_help = "Example: scrip-wallet info")]
    Info,
    /// Make the medium yours the first time; later verify the password
    ///
    /// The first login asks for the password from the package, then for your own. From then on only
    /// yours opens the medium.
    #[command(after_help = "Example: scrip-wallet login")]
    Login(NewPasswordArgs),
    /// Change the password
    #[command(after_help = "Example: scrip-wallet passwd")]
    Passwd(NewPasswordArgs),
    /// Show the balance; needs no password
    #[command(after_help = "Example: scrip-wallet balance")]
    Balance,
    /// Add what a code, a voucher or a picture of either gives
    #[command(after_help = "Example: scrip-wallet topup 0423 5567 8901 2345 6789")]
    Topup(TopupArgs),
    /// Show what the medium offers, and what of it was bought; needs no password
    #[command(after_help = "Example: scrip-wallet catalog")]
    Catalog,
    /// Pay for an item of the catalogue
    ///
    /// On a terminal it shows the price and asks first; without one it pays at once.
    #[command(after_help = "Example: scrip-wallet buy ITEM --dry-run")]
    Buy(BuyArgs),
    /// Open an item in the program that shows its kind, or hand its bytes on
    ///
    /// An item that was not bought is paid for first, after asking. Whoever controls this computer
    /// can keep what it plays.
    #[command(after_help = "Example: scrip-wallet play ITEM --with mpv -- -")]
    Play(PlayArgs),
    /// Copy an item from another owner's medium or a shop's kiosk folder, and pay for it
    ///
    /// What is paid goes with the bytes that came; a part of it is the other owner's. Whatever
    /// breaks it off, the same command goes on, with any other medium that has the item as well.
    #[command(after_help = "Example: scrip-wallet take ITEM --from /media/friend/SCRIP-RAM")]
    Take(TakeArgs),
    /// Show what happened, or with --accounting what it did to the money
    #[command(after_help = "Example: scrip-wallet history --accounting --since 2026-11-01 --csv")]
    History(HistoryArgs),
    /// Show one record of the history whole
    #[command(after_help = "Example: scrip-wallet receipt 4")]
    Receipt {
        /// Its number
        #[arg(value_name = "N")]
        record: u64,
    },
    /// Write the history with its certificates to a file, for the shop or the issuer
    ///
    /// It holds no secret. A file that exists is not overwritten.
    #[command(after_help = "Example: scrip-wallet export mine.evidence")]
    Export {
        /// Write to this file
        file: PathBuf,
        /// Say what would be written, and write nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Take over what the issuer states of this medium: its settled state, as a file
    ///
    /// Needs no password where the file settles what stands on this medium: the history so far then
    /// goes to a file in SCRIP/OUTBOX, and the journal begins anew. Where the medium went two ways,
    /// or the journal can't begin anew, it is added as a record, with the password.
    #[command(after_help = "Example: scrip-wallet apply checkpoint.cbr --dry-run")]
    Apply(ApplyArgs),
    /// Explain what is wrong with the medium, and repair what can be
    ///
    /// Repairs what every command that writes does first: what one of two copies lacks, records
    /// that this computer saw and the medium lost. Removes what is left of writes that were killed.
    /// A sound medium is not written. Ends as `info` does.
    #[command(after_help = "Example: scrip-wallet doctor --reseal --dry-run")]
    Doctor(DoctorArgs),
    #[cfg(feature = "manual")]
    #[command(flatten)]
    Manual(crate::usage::manual::Manual),
}

/// What `doctor` takes.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Put back the bytes that ordinary use has touched, so that the seal fits
    ///
    /// Needs the image or the device itself, unmounted. No file is changed, and an altered medium
    /// is refused.
    #[arg(long)]
    pub(crate) reseal: bool,
    /// Say what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `login` and `passwd` take.
#[derive(Debug, Default, Args)]
pub(crate) struct NewPasswordArgs {
    /// Read the present password from this file, instead of asking
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Read the new password from this file, instead of asking twice
    #[arg(long, value_name = "FILE")]
    pub(crate) new_password_file: Option<PathBuf>,
    /// Check the passwords, say what would be done, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `topup` takes.
#[derive(Debug, Default, Args)]
pub(crate) struct TopupArgs {
    /// The 20 digits in any spacing, or the file of a voucher or a picture; asked for without it
    #[arg(value_name = "CODE-OR-FILE")]
    pub(crate) entry: Vec<String>,
    /// Read the password from this file, instead of asking
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Where a code has a typing error, take the one that was meant without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// Say what would be added, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `history` takes.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Show what moved money: amount, balance after it, partner, reason
    #[arg(long)]
    pub(crate) accounting: bool,
    /// Leave out what was before this day or time
    #[arg(long, value_name = "DAY")]
    pub(crate) since: Option<String>,
    /// Leave out what was after this day, or from this time on
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Option<String>,
    /// Show records of this kind alone, such as topup or purchase
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Show the last N of them
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Print comma-separated values for a spreadsheet
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

/// What `apply` takes.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The checkpoint's file
    pub(crate) file: PathBuf,
    /// Read the password from this file, instead of asking where it is needed
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Say what would be done, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `play` takes.
#[derive(Debug, Default, Args)]
pub(crate) struct PlayArgs {
    /// The item's id, as `catalog` shows it
    pub(crate) item: String,
    /// Write the item's bytes to standard output, and nothing else
    #[arg(long, conflicts_with_all = ["with", "json"])]
    pub(crate) stdout: bool,
    /// Hand the item's bytes to this program's standard input
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) with: Option<PathBuf>,
    /// What PROGRAM takes
    #[arg(last = true, requires = "with", value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<OsString>,
    /// Pay for an item that was not bought without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// Read the password from this file, instead of asking
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Say what would be paid and played, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `take` takes.
#[derive(Debug, Default, Args)]
pub(crate) struct TakeArgs {
    /// The item's id
    pub(crate) item: String,
    /// Take it from this medium (image, device, directory) or kiosk folder
    #[arg(long, value_name = "PATH")]
    pub(crate) from: PathBuf,
    /// Read the password from this file, instead of asking
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Read the other medium's password from this file, instead of asking
    #[arg(long, value_name = "FILE")]
    pub(crate) from_password_file: Option<PathBuf>,
    /// Say what it would cost, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What `buy` takes.
#[derive(Debug, Args)]
pub(crate) struct BuyArgs {
    /// The item's id, as `catalog` shows it
    pub(crate) item: String,
    /// Pay without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// Read the password from this file, instead of asking
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Say what would be paid, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
