//! The command line of `scrip-wallet`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// See what is on your prepaid medium, with no network and no password.
#[derive(Debug, Parser)]
#[command(name = "scrip-wallet", version, max_term_width = 80, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) verb: Verb,
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
    /// Print JSON lines that end in one result object
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Let a test root count that --trust names
    #[arg(long, global = true, hide = true, requires = "trust")]
    pub(crate) allow_test_root: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show originality, balance and catalogue
    ///
    /// Ends with 0 if the medium is original or merely touched by ordinary use, 1 if it is a copy
    /// on other hardware, 3 if it was altered, is damaged, or came under another root before.
    Info,
    /// Explain what is wrong with the medium, and what to do
    ///
    /// Ends as `info` does.
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
    /// Say what --reseal would write, and write nothing
    #[arg(long, requires = "reseal")]
    pub(crate) dry_run: bool,
}
