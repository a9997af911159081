//! The command line of `staff`, `decide` and `replace`.

use std::path::PathBuf;

use clap::Args;
use scrip::issuer::HOLD_DAYS;
use scrip::units::MediumId;

#[derive(Args)]
pub(crate) struct StaffArgs {
    /// The name, as decisions show it.
    pub(crate) name: String,
    /// Make this folder; one that exists is refused.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Read the new key's passphrase from a file instead of asking.
    #[arg(long, value_name = "FILE")]
    pub(crate) own_password_file: Option<PathBuf>,
    /// Leave the key bare: the folder's permissions alone protect it.
    #[arg(long, conflicts_with = "own_password_file")]
    pub(crate) no_passphrase: bool,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct DecideArgs {
    /// The finding, as `reconcile` shows it: F- and ten letters or digits.
    #[arg(value_parser = finding)]
    pub(crate) finding: String,
    /// The plan that has it.
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Note why it is so.
    #[arg(long, value_name = "TEXT", group = "verdict", requires = "plan", requires = "by")]
    pub(crate) explain: Option<String>,
    /// Post what the evidence comes to; what is lacking stands as debt.
    #[arg(long, group = "verdict", requires = "plan", requires = "by", requires = "because")]
    pub(crate) settle: bool,
    /// Post it, and let the store's fork loss bear what is lacking.
    #[arg(long, group = "verdict", requires = "plan", requires = "by", requires = "because")]
    pub(crate) write_off: bool,
    /// Say why.
    #[arg(long, value_name = "TEXT", conflicts_with = "explain", requires = "verdict")]
    pub(crate) because: Option<String>,
    /// The decider's folder, as `staff` made it.
    #[arg(long, value_name = "DIR", requires = "verdict")]
    pub(crate) by: Option<PathBuf>,
    /// Read the decider's passphrase from a file instead of asking.
    #[arg(long, value_name = "FILE", requires = "by")]
    pub(crate) by_password_file: Option<PathBuf>,
    /// The folder of another decider, who decides the same.
    #[arg(long, value_name = "DIR", requires = "by")]
    pub(crate) second: Option<PathBuf>,
    /// Read the other decider's passphrase from a file instead of asking.
    #[arg(long, value_name = "FILE", requires = "second")]
    pub(crate) second_password_file: Option<PathBuf>,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct ReplaceArgs {
    /// The number of the medium that is lost or broke, 12 digits.
    #[arg(value_name = "OLD")]
    pub(crate) lost: MediumId,
    /// The number of the medium that takes its place.
    #[arg(long = "with", value_name = "NEW")]
    pub(crate) heir: MediumId,
    /// Wait so many days for evidence that is still on its way.
    #[arg(long, value_name = "DAYS", default_value_t = HOLD_DAYS)]
    pub(crate) hold_days: u64,
    /// Write the checkpoint that carries the sum to this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What people call a finding, with or without what it begins with.
fn finding(text: &str) -> Result<String, String> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("F-").unwrap_or(&upper);
    let named =
        name.len() == 10 && name.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
    if named {
        Ok(format!("F-{name}"))
    } else {
        Err("a finding is F- and 10 of A-Z, 2-7".to_owned())
    }
}
