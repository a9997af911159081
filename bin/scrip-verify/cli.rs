//! The command line of `scrip-verify`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Verbs that change nothing.
#[cfg(test)]
pub(crate) const READING: &[&str] = &["check", "reconcile", "proof"];

/// Check prepaid media and reconcile evidence: read-only, without a password.
#[derive(Parser)]
#[command(name = "scrip-verify", version, max_term_width = 80)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Answer with JSON lines, ending in one object of type "result"
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 differences found, 2 usage, 3 damage or forgery,\n\
4 failure of I/O or network, 5 refusal, 101 bug, 130 interrupted.";

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Check originality and history of media
    ///
    /// Ends with 0 if every medium is sealed or merely touched under a pinned root, 1 if nothing
    /// pins its root or it is a copy on other hardware, 3 for damage or forgery, 4 if it could
    /// not be read, 5 if a rule says no, 130 if it was interrupted.
    #[command(after_help = "Example: scrip-verify check medium.img --trust trust.cbr")]
    Check(CheckArgs),
    /// Hold evidence against the records; plan what settles it
    ///
    /// Evidence is images, exports, mounted media, stores' journals, receipts
    /// and what payers showed, in any order; folders are walked. The records
    /// are only read. Ends with 0 if everything agrees, was answered by a
    /// checkpoint or explained by a person, 1 if differences were found, 3 if damage or forgery is among
    /// them, 4 if something could not be read or is no evidence, 5 if it does
    /// not begin (a file that is to be written is there, the records hold no
    /// store), 130 if it was interrupted: no plan is left then.
    #[command(
        after_help = "Example: scrip-verify reconcile --records issuer evidence/ --plan may.plan"
    )]
    Reconcile(ReconcileArgs),
    /// Check a proof that a medium or store has two histories
    ///
    /// A proof stands by itself: neither records nor media are asked. It shows
    /// that one key signed two records that can't both stand, and never why.
    /// Ends with 0 if it holds, 3 if it is no proof or was changed, 4 if it
    /// could not be read, 5 if nothing pins its root.
    #[command(after_help = "Example: scrip-verify proof F-MZXW6YTBOI.proof --trust trust.cbr")]
    Proof(ProofArgs),
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

#[derive(Args)]
pub(crate) struct ReconcileArgs {
    /// Files and folders of evidence
    #[arg(required = true, value_name = "EVIDENCE")]
    pub(crate) evidence: Vec<PathBuf>,

    /// The issuer's folder, or postgres://… of the records
    #[arg(long, value_name = "DIR-OR-URL")]
    pub(crate) records: String,

    /// Write the plan to this file, which may not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,

    /// Write a proof of each fork to this folder, named by its finding
    #[arg(long, value_name = "DIR")]
    pub(crate) proofs: Option<PathBuf>,

    /// Write a page for an accountant to this file, which may not exist
    ///
    /// One HTML file with control totals, what was skipped, sums, and every
    /// finding with its evidence; it needs no network.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// Write the findings as a table for spreadsheets to this file
    ///
    /// It may not exist. Cells that a spreadsheet would take for formulas are
    /// kept from it.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,

    /// Write what the plan posts as plain text for hledger and beancount
    ///
    /// The file may not exist.
    #[arg(long, value_name = "FILE")]
    pub(crate) export_ledger: Option<PathBuf>,

    /// Show every finding here, not only the first twenty
    #[arg(long)]
    pub(crate) all: bool,

    /// Language of the page: en or ja; by default that of the environment
    #[arg(long, value_name = "LANGUAGE", value_parser = crate::reconcile::language)]
    pub(crate) lang: Option<scrip::words::Language>,

    /// Keep what is found in this folder for the next run
    ///
    /// A run that was stopped goes on from there, and a later one reads again
    /// only what changed. The plan is the same with and without it.
    #[arg(long, value_name = "DIR")]
    pub(crate) remember: Option<PathBuf>,

    /// Check every signature anew, also of what is settled
    ///
    /// Without it, records that were settled are known by their hashes, and
    /// what they hold isn't asked for again.
    #[arg(long)]
    pub(crate) every_signature: bool,

    /// What was known by then is in the plan, in seconds since 1970
    ///
    /// Without it, the newest time that an issuer or settler signed in the
    /// evidence.
    #[arg(long, value_name = "TIME", value_parser = crate::reconcile::time)]
    pub(crate) as_of: Option<scrip::units::Timestamp>,

    /// Root to trust, as `init` wrote it; may be given several times
    ///
    /// Without it, the one in the issuer's folder; else every *.cbr in
    /// scrip/trust.d of your configuration directory.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,

    /// Let a test root count that --trust names
    #[arg(long, hide = true, requires = "trust")]
    pub(crate) allow_test_root: bool,

    /// Media that are judged at once; by default one a core
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
}

#[derive(Args)]
pub(crate) struct ProofArgs {
    /// The proof, as `reconcile --proofs` wrote it
    #[arg(value_name = "FILE")]
    pub(crate) proof: PathBuf,

    /// Root to trust, as `init` wrote it; may be given several times
    ///
    /// Without it, every *.cbr in scrip/trust.d of your configuration directory is trusted.
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Vec<PathBuf>,

    /// Let a test root count that --trust names
    #[arg(long, hide = true, requires = "trust")]
    pub(crate) allow_test_root: bool,
}
