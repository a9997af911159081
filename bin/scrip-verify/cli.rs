//! The command line of `scrip-verify`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Verbs that change nothing.
#[cfg(test)]
pub(crate) const READING: &[&str] = &["check"];

/// Check prepaid media: offline, read-only, without a password.
#[derive(Parser)]
#[command(name = "scrip-verify", version, max_term_width = 80)]
pub(crate) struct Cli {
    /// Answer with JSON lines, ending in one object of type "result"
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Check originality and history of media
    ///
    /// Ends with 0 if every medium is sealed or merely touched under a pinned root, 1 if nothing
    /// pins its root or it is a copy on other hardware, 3 for damage or forgery, 4 if it could
    /// not be read, 5 if a rule says no.
    #[command(after_help = "Example: scrip-verify check medium.img --trust trust.cbr")]
    Check(CheckArgs),
    #[cfg(feature = "manual")]
    #[command(flatten)]
    Manual(crate::usage::manual::Manual),
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Image file, block device, or directory where the read-only area is mounted
    #[arg(required = true, value_name = "MEDIUM")]
    pub(crate) media: Vec<PathBuf>,

    /// Root to trust, as `init` wrote it; may be given several times
    ///
    /// Without it, every *.cbr in scrip/trust.d of your configuration directory is trusted.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,

    /// Let a test root count that --trust names
    #[arg(long, hide = true, requires = "trust")]
    pub(crate) allow_test_root: bool,

    /// Workers that hash; by default one a core
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}
