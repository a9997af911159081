//! The command line: names, arguments, help.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use scrip::device::{Check, Scrub};
use scrip::image::player::Platform;
use scrip::image::recipe::Player;
use scrip::units::{MediumId, UnitError};

/// Verbs that change nothing, in the store's folder or beside it.
#[cfg(test)]
pub(crate) const READING: &[&str] = &["status", "devices", "journal", "journal verify"];

/// The longest owner's name, in bytes.
const OWNER_BYTES_MAX: usize = 200;

/// Author, burn and sell prepaid media.
#[derive(Debug, Parser)]
#[command(name = "scrip-store", version, max_term_width = 80, arg_required_else_help = true)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 differences, 2 usage, 3 damage or forgery,
4 failure of I/O or network, 5 refusal, 101 bug, 130 interrupted.";

/// What every verb takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Common {
    /// Work in this store's folder
    #[arg(long, global = true, env = "SCRIP_STORE_DIR", default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Print JSON lines that end in one result object
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Check and say everything, write nothing
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Read the passphrase of the store's keys from a file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Keep the store's keys without a passphrase
    #[arg(long, global = true, conflicts_with = "password_file")]
    pub(crate) no_passphrase: bool,
    /// Let a test root count
    #[arg(long, global = true, hide = true)]
    pub(crate) allow_test_root: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make an issuer, a store, an edition and one checked medium, to try out
    #[cfg(feature = "server")]
    #[command(after_help = "Example: scrip-store quickstart my-first-medium/medium.img")]
    Quickstart(QuickstartArgs),
    /// Make a store's keys and its enrolment request
    #[command(after_help = "Example: scrip-store init shop --name 'Corner shop'")]
    Init(InitArgs),
    /// Take over a certificate, kits and lists from the issuer
    #[command(
        after_help = "Example: scrip-store accept --dir shop shop.cert first.kit --trust trust.cbr"
    )]
    Accept(AcceptArgs),
    /// Show stock, quota used and days to expiry
    #[command(after_help = "Example: scrip-store status --dir shop")]
    Status,
    /// Build an unsigned edition from a recipe's folder
    #[command(
        after_help = "Example: scrip-store build images/starter --out a.edition --secret a.secret"
    )]
    Build(BuildArgs),
    /// Lay an edition's items out in a folder for owners to take
    #[command(after_help = "Example: scrip-store kiosk starter.edition --out kiosk --item ITEM")]
    Kiosk(KioskArgs),
    /// List the devices of this machine: what may be burnt, what not and why
    #[command(after_help = "Example: scrip-store devices")]
    Devices,
    /// Burn an edition onto image files or devices, side by side
    #[command(
        after_help = "Example: scrip-store burn starter.edition --to /dev/sdX --labels labels.html"
    )]
    Burn(BurnArgs),
    /// Give up a burn that began and didn't end
    #[command(after_help = "Example: scrip-store abandon /dev/sdX")]
    Abandon(AbandonArgs),
    /// Sell a burnt medium; named by its path it is stamped as sold, too
    #[command(after_help = "Example: scrip-store sell 482109376527 --price 1500 --balance 1000")]
    Sell(SellArgs),
    /// Stamp a medium with the newest lists and its sale, and reseal it
    #[command(after_help = "Example: scrip-store refresh /dev/sdX --dry-run")]
    Refresh(RefreshArgs),
    /// Sell a top-up for a medium
    #[command(
        after_help = "Example: scrip-store topup 482109376527 3000 --page receipt.html --qr code.png"
    )]
    Topup(TopupArgs),
    /// Print a receipt again
    #[command(after_help = "Example: scrip-store receipt 12 --page again.html")]
    Receipt(ReceiptArgs),
    /// Take a sale back
    #[command(after_help = "Example: scrip-store void 12")]
    Void(VoidArgs),
    /// Verify the store's journal, or write it out for the issuer
    #[command(after_help = "Example: scrip-store journal verify")]
    Journal(JournalArgs),
    #[cfg(feature = "manual")]
    #[command(flatten)]
    Manual(crate::usage::manual::Manual),
}

/// `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Make the store in this folder, which is made if there is none
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Ask to be certified under this name
    #[arg(long)]
    pub(crate) name: String,
}

/// `accept`.
#[derive(Debug, Args)]
pub(crate) struct AcceptArgs {
    /// Take over these files, in this order
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Pin the issuer's root in this file instead of asking about its fingerprint
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: Option<PathBuf>,
}

/// `build`.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// Build what recipe.toml in this folder says
    #[arg(value_name = "RECIPE-DIR")]
    pub(crate) recipe: PathBuf,
    /// Write the edition to this file
    #[arg(long, value_name = "EDITION")]
    pub(crate) out: PathBuf,
    /// Seal the items that cost something under the secret in this file
    ///
    /// A file that isn't there is made, once and for its owner alone. Keep it: without it no store
    /// can burn the edition. It must not lie in the recipe's folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret: Option<PathBuf>,
    /// Take a player from this file instead of the recipe's own
    #[arg(long = "player", value_name = "PLATFORM=PATH", value_parser = named_player)]
    pub(crate) players: Vec<Player>,
    /// Work with so many threads, one a core by default
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Replace an edition that stands there already
    #[arg(long)]
    pub(crate) force: bool,
}

/// `kiosk`.
#[derive(Debug, Args)]
pub(crate) struct KioskArgs {
    /// Lay out items of this signed edition
    pub(crate) edition: PathBuf,
    /// Make this folder, which must not exist
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Lay out this item alone; give it several times for several
    #[arg(long = "item", value_name = "ITEM")]
    pub(crate) items: Vec<String>,
    /// Open sealed items with the secret in this file, not one that was accepted
    #[arg(long, value_name = "FILE")]
    pub(crate) secret: Option<PathBuf>,
}

/// A player and where its file lies.
fn named_player(text: &str) -> Result<Player, String> {
    let (word, path) = text.split_once('=').ok_or("expected PLATFORM=PATH")?;
    let platform = Platform::of_word(word).ok_or_else(|| {
        let words = Platform::ALL.map(Platform::word).join(", ");
        format!("{word:?} is no platform, expected one of {words}")
    })?;
    Ok(Player { platform, path: PathBuf::from(path) })
}

/// `quickstart`.
#[cfg(feature = "server")]
#[derive(Debug, Args)]
pub(crate) struct QuickstartArgs {
    /// Burn to this image file or device; all else is made beside it
    pub(crate) target: PathBuf,
    /// Build this recipe
    #[arg(long, value_name = "DIR", default_value = "images/starter")]
    pub(crate) recipe: PathBuf,
    /// Take this player's file instead of the recipe's
    #[arg(long = "player", value_name = "PLATFORM=PATH", value_parser = named_player)]
    pub(crate) players: Vec<Player>,
    /// Lift one check, by its name as the refusal gives it
    #[arg(long = "override", value_name = "CHECK")]
    pub(crate) lifted: Vec<Check>,
}

/// `burn`.
#[derive(Debug, Args)]
pub(crate) struct BurnArgs {
    /// Burn this signed edition
    pub(crate) edition: PathBuf,
    /// Burn to this image file or device; give it several times to burn several
    #[arg(long, value_name = "TARGET")]
    pub(crate) to: Vec<PathBuf>,
    /// Put one code of the store's own of this amount on each medium
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) balance: Option<String>,
    /// Add a label for each medium, with its first password, to this page
    #[arg(long, value_name = "FILE.html", default_value = "labels.html")]
    pub(crate) labels: PathBuf,
    /// Clear a former owner's bytes: none, discard or zero
    #[arg(long, value_name = "HOW", default_value = "none")]
    pub(crate) scrub: Scrub,
    /// Lift one check, by its name as the refusal gives it
    #[arg(long = "override", value_name = "CHECK")]
    pub(crate) lifted: Vec<Check>,
    /// Don't probe devices for capacity that isn't there
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// Go on with every newly plugged device like the first
    #[arg(long)]
    pub(crate) station: bool,
    /// Stop the station after so many good media
    #[arg(long, value_name = "N", requires = "station")]
    pub(crate) count: Option<usize>,
}

/// `sell`.
#[derive(Debug, Args)]
pub(crate) struct SellArgs {
    /// Sell the medium of this number, or the one that stands at this path
    #[arg(value_name = "MEDIUM", value_parser = named_medium)]
    pub(crate) medium: Named,
    /// Put the price on the receipt
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) price: Option<String>,
    /// Put a code of this amount on the receipt
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) balance: Option<String>,
    /// Print the owner's name on the receipt, and stamp it on a medium named by its path; this
    /// store does not keep it
    #[arg(long, value_name = "NAME", value_parser = named_owner)]
    pub(crate) owner: Option<String>,
}

/// `refresh`.
#[derive(Debug, Args)]
pub(crate) struct RefreshArgs {
    /// Refresh the medium in this image file or on this device
    #[arg(value_name = "MEDIUM")]
    pub(crate) path: PathBuf,
}

/// `abandon`.
#[derive(Debug, Args)]
pub(crate) struct AbandonArgs {
    /// Give up the burn of the medium of this number, or the one that went to this target
    #[arg(value_name = "MEDIUM", value_parser = named_medium)]
    pub(crate) medium: Named,
    /// Don't ask
    #[arg(long)]
    pub(crate) yes: bool,
}

/// A medium by its number or by where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// By its number.
    Number(MediumId),
    /// By the image file or device.
    Path(PathBuf),
}

/// Digits are a number, whether or not a file is named so: that is `./DIGITS`.
fn named_medium(text: &str) -> Result<Named, String> {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-');
    if text.is_empty() {
        return Err("expected a medium's number or a path".to_owned());
    }
    if text.chars().all(digits) {
        return text.parse().map(Named::Number).map_err(|error: UnitError| error.to_string());
    }
    Ok(Named::Path(PathBuf::from(text)))
}

/// A name that can stand on a medium.
fn named_owner(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("expected a name without control characters".to_owned());
    }
    if text.len() > OWNER_BYTES_MAX {
        return Err(format!("has {} bytes, limit {OWNER_BYTES_MAX}", text.len()));
    }
    Ok(text.to_owned())
}

/// `topup`.
#[derive(Debug, Args)]
pub(crate) struct TopupArgs {
    /// Top up the medium of this number
    pub(crate) medium: MediumId,
    /// Credit this amount
    pub(crate) amount: String,
    #[command(flatten)]
    pub(crate) paper: Paper,
}

/// What is written beside the text of a receipt.
#[derive(Debug, Args)]
pub(crate) struct Paper {
    /// Write the voucher to this file; a top-up is sold as a voucher then
    #[arg(long, value_name = "FILE")]
    pub(crate) voucher: Option<PathBuf>,
    /// Write the code or voucher as a QR code: .png or .svg
    #[arg(long, value_name = "FILE")]
    pub(crate) qr: Option<PathBuf>,
    /// Write the receipt as a page to print
    #[arg(long, value_name = "FILE.html")]
    pub(crate) page: Option<PathBuf>,
}

/// `receipt`.
#[derive(Debug, Args)]
pub(crate) struct ReceiptArgs {
    /// Print the receipt of this number
    pub(crate) number: u64,
    #[command(flatten)]
    pub(crate) paper: Paper,
}

/// `void`.
#[derive(Debug, Args)]
pub(crate) struct VoidArgs {
    /// Take back the sale of this receipt
    pub(crate) number: u64,
}

/// `journal`.
#[derive(Debug, Args)]
pub(crate) struct JournalArgs {
    #[command(subcommand)]
    pub(crate) verb: JournalVerb,
}

/// What to do with the journal.
#[derive(Debug, Subcommand)]
pub(crate) enum JournalVerb {
    /// Check every entry's signature and place
    #[command(after_help = "Example: scrip-store journal verify --dir shop")]
    Verify,
    /// Write the journal with the store's certificates to a new file
    #[command(after_help = "Example: scrip-store journal export shop.journal")]
    Export {
        /// Write to this file
        file: PathBuf,
    },
}
