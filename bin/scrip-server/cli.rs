//! The command line of `scrip-server`; nothing but clap.

mod decide;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
pub(crate) use decide::{DecideArgs, ReplaceArgs, StaffArgs};
use scrip::records::Place;
use scrip::simulate::{Dial, Dials, Population};
use scrip::units::{Currency, MediumId, Period, StoreId, Timestamp};

/// How many records a simulated medium makes unless it is said otherwise.
const EVENTS_EACH: u64 = 500;
/// Of a thousand simulated media, so many have each thing planted unless it is said otherwise.
const USUAL_RATE: u32 = 10;

/// Verbs that change nothing, in the issuer's folder or beside it.
#[cfg(test)]
pub(crate) const READING: &[&str] = &["stores", "status", "dues", "statement", "audit", "books"];

/// Issue value: found an issuer, enrol stores, make kits, sell codes, revoke, keep the books.
#[derive(Parser)]
#[command(name = "scrip-server", version, max_term_width = 80, arg_required_else_help = true)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) office: Office,
    /// Answer in JSON lines, ending in one object of type "result".
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 differences found, 2 usage, 3 damage or forgery,\n\
4 failure of I/O or network, 5 refusal, 101 bug, 130 interrupted.";

/// Which issuer, and what opens its keys.
#[derive(Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Office {
    /// Use the issuer in this folder.
    #[arg(long, global = true, value_name = "DIR", default_value = ".", env = "SCRIP_SERVER_DIR")]
    #[arg(hide_env_values = true)]
    pub(crate) dir: PathBuf,
    /// Keep the records there: a folder or a PostgreSQL URL [default: DIR].
    #[arg(long, global = true, value_name = "PLACE", env = "SCRIP_SERVER_RECORDS")]
    #[arg(hide_env_values = true)]
    pub(crate) records: Option<Place>,
    /// Read the passphrase of the keys from a file instead of asking.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Found an issuer: root, keys, certificates, policy, records.
    #[command(after_help = "Example: scrip-server init issuer --name Example --currency JPY")]
    Init(Init),
    /// Enrol a store: certify the keys of its request.
    #[command(visible_alias = "enroll")]
    #[command(
        after_help = "Example: scrip-server enrol request.cbr --out shop.cert --quota 5000000"
    )]
    Enrol(Enrol),
    /// Sign an edition, after checking every byte of it.
    #[command(after_help = "Example: scrip-server sign starter.edition")]
    Sign(Sign),
    /// Make blanks for a store: numbers, sheets and codes, sealed as a kit.
    #[command(after_help = "Example: scrip-server blanks 50 --store 1 --out first.kit")]
    Blanks(Blanks),
    /// Make further sheets of codes for media that run short, sealed as a kit.
    ///
    /// The kit is for the store that the media are of, which sells its codes; each sheet goes to its
    /// medium with the next checkpoint, or when the store refreshes it.
    #[command(after_help = "Example: scrip-server sheets 482109376527 189483458550 --out more.kit")]
    Sheets(Sheets),
    /// Seal an edition's secret to a store, which needs it to burn the edition.
    #[command(
        after_help = "Example: scrip-server secret starter.secret --store 1 --out starter.sealed"
    )]
    Secret(SecretArgs),
    /// Write out once more a kit that was made before.
    #[command(
        after_help = "Example: scrip-server kit 00112233445566778899aabbccddeeff --out again.kit"
    )]
    Kit(Kit),
    /// Sell one held-back code of a medium.
    #[command(after_help = "Example: scrip-server code 482109376527 3000 --order A-1701")]
    Code(Code),
    /// Revoke a medium, a store or a sheet: sign a new list.
    #[command(after_help = "Example: scrip-server revoke medium 482109376527")]
    Revoke(Revoke),
    /// Book what stores sold and took back, by the journals that they exported.
    #[command(after_help = "Example: scrip-server import evidence/*.journal")]
    Import(Import),
    /// Book what a store paid in.
    #[command(after_help = "Example: scrip-server paid 1 250000 --reference 'transfer 2026-10-31'")]
    Paid(Paid),
    /// Show what each store owes for a period: opening, sold, taken back, paid in, owed.
    ///
    /// Sales taken back and payments stand below zero: each store's sums add up to what it owes. A
    /// sale counts when the store's clock says that it was made. A sale that was taken back and
    /// credited all the same is told beside them.
    #[command(after_help = "Example: scrip-server dues --period 2026-10..2026-12")]
    Dues(DuesArgs),
    /// Post a plan that `scrip-verify reconcile` wrote, and write its checkpoints.
    ///
    /// All of it is posted or nothing, and once: the same plan again writes the same checkpoints and
    /// posts nothing. A plan that was made against other records is refused. Owners take their
    /// checkpoints over by `scrip-wallet apply`.
    #[command(after_help = "Example: scrip-server settle october.plan --out checkpoints")]
    Settle(Settle),
    /// Make somebody a decider: a folder with a key of their own.
    ///
    /// Deciders sign what `decide` keeps, and nothing else. Each keeps the folder where nobody else
    /// reaches it.
    #[command(after_help = "Example: scrip-server staff 'Accounts desk' --out desk")]
    Staff(StaffArgs),
    /// Decide about a finding of a plan, or show what became of it.
    ///
    /// --explain notes why, and moves no money. A medium that is held is let go on by --settle: what
    /// its evidence comes to is posted by the next plan, and what is lacking stands as its debt; by
    /// --write-off the fork loss of its store bears what is lacking. What is above the policy's limit
    /// for one person needs --second. A decision counts while the records are those of the plan and
    /// no more is at stake; reconcile again after it.
    #[command(
        after_help = "Example: scrip-server decide F-MZXW6YTBOI --plan may --explain why --by desk"
    )]
    Decide(DecideArgs),
    /// Replace a lost or broken medium: revoke it, and credit another one.
    ///
    /// What is settled on it waits for evidence that is still on its way; the wait begins with the first
    /// time and is said then. Said again after it, the sum goes to the other medium, whose next checkpoint
    /// carries it. What comes of the old one during the wait is settled first; what comes later stands as
    /// its debt. The new one has to have been settled once.
    #[command(after_help = "Example: scrip-server replace 482109376527 --with 482109376624")]
    Replace(ReplaceArgs),
    /// Show a medium's statement: opening, lines, closing.
    ///
    /// What was bought and isn't known to be on the medium is unredeemed; the balance is what is on
    /// it. Sales count by the stores' clocks, all else by the newest evidence of its settlement. What
    /// was settled is listed by the owner's own accounting numbers.
    #[command(after_help = "Example: scrip-server statement 482109376527 --period 2026-10")]
    Statement(StatementArgs),
    /// Look through the books: what must hold of them, and what is open.
    ///
    /// All accounts sum to zero; each medium's account is what its moves come to, else exit 3. More
    /// credited than was sold for a medium, a medium spent from that no journal sold, more sold than
    /// a quota: exit 1. Then what extra branches could spend at most, and debts by their age, where
    /// payments settle the oldest first, and media with fewer than five codes left.
    #[command(after_help = "Example: scrip-server audit")]
    Audit,
    /// Print the books as plain text that hledger and beancount read.
    #[command(after_help = "Example: scrip-server books > books.journal")]
    Books,
    /// Copy the records to a file, as they are at one moment.
    ///
    /// The file holds all of them, whichever database they lie in; others may go on working
    /// meanwhile. Keys and policy aren't in it: they lie in the issuer's folder.
    #[command(after_help = "Example: scrip-server backup records-2026-11-01.db")]
    Backup(Backup),
    /// Make records of a backup, where there are none.
    ///
    /// Also moves them to another database: --records names where they are to lie.
    #[command(
        after_help = "Example: scrip-server restore kept.db --records postgres://localhost/scrip"
    )]
    Restore(Restore),
    /// Make a population of simulated owners to test with, and write down what is true of it.
    ///
    /// A test issuer, stores, and owners who top up, buy, play and send each other what they have:
    /// all of it signed, all of it worth nothing. On some of them something is planted: accidents,
    /// copies, theft, lies, damage. The same seed and options give the same files.
    #[command(after_help = "Example: scrip-server simulate town --seed 7 --media 200")]
    Simulate(Simulate),
    /// List the stores and what is left of their quotas.
    #[command(after_help = "Example: scrip-server stores")]
    Stores,
    /// Show the issuer: root, policy, certificates, revocations.
    #[command(after_help = "Example: scrip-server status")]
    Status,
    #[cfg(feature = "manual")]
    #[command(flatten)]
    Manual(crate::usage::manual::Manual),
}

#[derive(Args)]
pub(crate) struct Init {
    /// Make this folder; one that exists is refused.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Show this name in certificates.
    #[arg(long)]
    pub(crate) name: String,
    /// Issue this currency: a code of three capital letters, such as JPY.
    #[arg(long, value_name = "CODE")]
    pub(crate) currency: Currency,
    /// Give sums so many decimal places [default: as ISO 4217 says].
    #[arg(long, value_name = "PLACES")]
    pub(crate) exponent: Option<u8>,
    /// Leave the keys bare: the folder's permissions alone protect them.
    #[arg(long, conflicts_with = "password_file")]
    pub(crate) no_passphrase: bool,
    /// Make a test root, worth nothing: few rounds, cheap passphrase.
    #[arg(long, hide = true)]
    pub(crate) test: bool,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Enrol {
    /// The store's request, as `scrip-store init` wrote it.
    pub(crate) request: PathBuf,
    /// Write the store's certificates to this file.
    #[arg(long, value_name = "CERT")]
    pub(crate) out: PathBuf,
    /// Let codes and vouchers add up to this [default: 10,000,000 minor units].
    #[arg(long, value_name = "SUM")]
    pub(crate) quota: Option<String>,
    /// Let one voucher be worth this [default: as the policy allows top-ups].
    #[arg(long, value_name = "SUM")]
    pub(crate) max_single: Option<String>,
    /// Let the store sell so many vouchers [default: a quarter of the quota].
    #[arg(long, value_name = "COUNT")]
    pub(crate) vouchers: Option<u64>,
    /// Let the certificate last so many days [default: 730].
    #[arg(long)]
    pub(crate) days: Option<u64>,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Sign {
    /// The edition file, as `scrip-store build` wrote it.
    pub(crate) edition: PathBuf,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Blanks {
    /// Make so many blanks.
    pub(crate) count: u32,
    /// Make them for this store.
    #[arg(long, value_name = "ID")]
    pub(crate) store: StoreId,
    /// Write the sealed kit to this file.
    #[arg(long, value_name = "KIT")]
    pub(crate) out: PathBuf,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Sheets {
    /// The media's numbers, 12 digits each.
    #[arg(required = true, value_name = "MEDIUM")]
    pub(crate) media: Vec<MediumId>,
    /// Write the sealed kit to this file.
    #[arg(long, value_name = "KIT")]
    pub(crate) out: PathBuf,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct SecretArgs {
    /// The edition secret's file, as `scrip-store build --secret` made it.
    pub(crate) file: PathBuf,
    /// Seal it to this store.
    #[arg(long, value_name = "ID")]
    pub(crate) store: StoreId,
    /// Write the sealed secret to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Kit {
    /// The kit's name: 32 hex digits, as `blanks` and `stores` show it.
    #[arg(value_parser = identifier)]
    pub(crate) id: [u8; 16],
    /// Write the sealed kit to this file.
    #[arg(long, value_name = "KIT")]
    pub(crate) out: PathBuf,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Code {
    /// The medium's number, 12 digits.
    pub(crate) medium: MediumId,
    /// What the code is to add.
    pub(crate) amount: String,
    /// Name the sale: the same name again answers the same code.
    #[arg(long, value_name = "TEXT")]
    pub(crate) order: Option<String>,
    /// Say how many are left, sell nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Import {
    /// Exported journals, as `scrip-store journal export` wrote them.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Paid {
    /// The store's number.
    pub(crate) store: StoreId,
    /// What it paid.
    pub(crate) amount: String,
    /// Name the payment: the same name again is the same payment.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reference: String,
    /// Count it on this day, or at this time [default: now].
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct DuesArgs {
    /// Show this month or day, or from one to another, in UTC [default: this month].
    #[arg(long, value_name = "PERIOD")]
    pub(crate) period: Option<Period>,
    /// Print comma-separated values, for a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Args)]
pub(crate) struct Settle {
    /// The plan's file.
    pub(crate) plan: PathBuf,
    /// Write the checkpoints to this folder, which is made where there is none.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Don't ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct StatementArgs {
    /// The medium's number, 12 digits.
    pub(crate) medium: MediumId,
    /// Show this month or day, or from one to another, in UTC [default: all there is].
    #[arg(long, value_name = "PERIOD")]
    pub(crate) period: Option<Period>,
    /// Print comma-separated values, for a spreadsheet.
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Args)]
pub(crate) struct Simulate {
    /// Make this folder; one that exists is refused.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Let all choices follow from this number.
    #[arg(long, value_name = "N")]
    pub(crate) seed: u64,
    /// Make so many media.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) media: u32,
    /// Let them make so many records [default: 500 each].
    #[arg(long, value_name = "N")]
    pub(crate) events: Option<u64>,
    /// Let so many stores sell them [default: one for 500 media, at least 2].
    #[arg(long, value_name = "N")]
    pub(crate) stores: Option<u32>,
    /// Book the journals of so many of a thousand stores.
    #[arg(long, value_name = "RATE", default_value_t = 1000)]
    pub(crate) imported: u32,
    /// Say how much it would be, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) planted: Planted,
}

/// What is planted on simulated media.
#[derive(Args)]
#[command(next_help_heading = "Planted on so many of a thousand media, 10 unless said otherwise")]
pub(crate) struct Planted {
    /// Plant nothing but what is asked for.
    #[arg(long)]
    pub(crate) honest: bool,
    /// The newest record is lost; a computer that saw it has it.
    #[arg(long, value_name = "RATE")]
    pub(crate) yanks: Option<u32>,
    /// A transfer's start is lost; its receipt reached the sender.
    #[arg(long, value_name = "RATE")]
    pub(crate) lost_answers: Option<u32>,
    /// An older image is gone on with.
    #[arg(long, value_name = "RATE")]
    pub(crate) rewinds: Option<u32>,
    /// A copy is made, and all is spent on both.
    #[arg(long, value_name = "RATE")]
    pub(crate) clones: Option<u32>,
    /// A code or voucher is added that its store never sold.
    #[arg(long, value_name = "RATE")]
    pub(crate) stolen: Option<u32>,
    /// A receipt says more, or less, than its payer was charged for.
    #[arg(long, value_name = "RATE")]
    pub(crate) liars: Option<u32>,
    /// A record is made by a clock before all that was signed.
    #[arg(long, value_name = "RATE")]
    pub(crate) clocks: Option<u32>,
    /// A checkpoint was taken over that the records don't have.
    #[arg(long, value_name = "RATE")]
    pub(crate) restored: Option<u32>,
    /// A code is added whose sale was taken back.
    #[arg(long, value_name = "RATE")]
    pub(crate) voids: Option<u32>,
    /// A medium that holds value is used, and was never sold.
    #[arg(long, value_name = "RATE")]
    pub(crate) unsold: Option<u32>,
    /// The export is cut off, has a flipped bit or forged signature, or lacks a record.
    #[arg(long, value_name = "RATE")]
    pub(crate) damaged: Option<u32>,
    /// A transfer breaks off, and nothing goes wrong with it.
    #[arg(long, value_name = "RATE")]
    pub(crate) breaks: Option<u32>,
    /// A kiosk keeps what was shown; the record of it is lost.
    #[arg(long, value_name = "RATE")]
    pub(crate) kiosks: Option<u32>,
    /// A changed player signs a record that the rules refuse.
    #[arg(long, value_name = "RATE")]
    pub(crate) changed: Option<u32>,
    /// Two owners made a copy of one medium their own.
    #[arg(long, value_name = "RATE")]
    pub(crate) contested: Option<u32>,
    /// A store's key makes a second medium of a number.
    #[arg(long, value_name = "RATE")]
    pub(crate) rivals: Option<u32>,
    /// A store's key makes a medium of an invented number.
    #[arg(long, value_name = "RATE")]
    pub(crate) unknown: Option<u32>,
    /// The issuer blocks the medium.
    #[arg(long, value_name = "RATE")]
    pub(crate) revoked: Option<u32>,
    /// A store journals a second sale of one code.
    #[arg(long, value_name = "RATE")]
    pub(crate) resold: Option<u32>,
    /// Half-way the owner comes by, and is settled.
    #[arg(long, value_name = "RATE", default_value_t = 0)]
    pub(crate) visits: u32,
    /// Beside the export lies a file that is none.
    #[arg(long, value_name = "RATE")]
    pub(crate) foreign: Option<u32>,
}

impl Planted {
    fn rate(&self, dial: Dial) -> Option<u32> {
        match dial {
            Dial::Yanks => self.yanks,
            Dial::LostAnswers => self.lost_answers,
            Dial::Rewinds => self.rewinds,
            Dial::Clones => self.clones,
            Dial::Stolen => self.stolen,
            Dial::Liars => self.liars,
            Dial::Clocks => self.clocks,
            Dial::Restored => self.restored,
            Dial::Voids => self.voids,
            Dial::Unsold => self.unsold,
            Dial::Damaged => self.damaged,
            Dial::Breaks => self.breaks,
            Dial::Kiosks => self.kiosks,
            Dial::Changed => self.changed,
            Dial::Contested => self.contested,
            Dial::Rivals => self.rivals,
            Dial::Unknown => self.unknown,
            Dial::Revoked => self.revoked,
            Dial::Resold => self.resold,
        }
    }

    fn dials(&self) -> Dials {
        let usual = Dials::each(if self.honest { 0 } else { USUAL_RATE });
        let foreign = self.foreign.unwrap_or(usual.foreign);
        let turn = |dials: Dials, dial: &Dial| match self.rate(*dial) {
            Some(rate) => dials.with(*dial, rate),
            None => dials,
        };
        let mut dials = Dial::ALL.iter().fold(usual, turn);
        (dials.foreign, dials.visits) = (foreign, self.visits);
        dials
    }
}

impl Simulate {
    /// What is asked for; not checked yet.
    pub(crate) fn population(&self) -> Population {
        let media = self.media;
        Population {
            seed: self.seed,
            media,
            events: self.events.unwrap_or(u64::from(media) * EVENTS_EACH),
            stores: self.stores.unwrap_or(Population::usual_stores(media)),
            imported: self.imported,
            dials: self.planted.dials(),
        }
    }
}

#[derive(Args)]
pub(crate) struct Backup {
    /// Write to this file; one that exists is refused.
    pub(crate) file: PathBuf,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Restore {
    /// The file that `backup` wrote.
    pub(crate) file: PathBuf,
    /// Check everything, write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Args)]
pub(crate) struct Revoke {
    #[command(subcommand)]
    pub(crate) what: Revoked,
    /// Check everything, write nothing.
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
}

#[derive(Subcommand)]
pub(crate) enum Revoked {
    /// Revoke a medium: nothing is added to it any more.
    #[command(after_help = "Example: scrip-server revoke medium 482109376527")]
    Medium {
        /// The medium's number, 12 digits.
        medium: MediumId,
    },
    /// Revoke a sheet: none of its codes adds anything.
    #[command(after_help = "Example: scrip-server revoke sheet 00112233445566778899aabbccddeeff")]
    Sheet {
        /// The sheet's name: 32 hex digits.
        #[arg(value_parser = identifier)]
        sheet: [u8; 16],
    },
    /// Revoke a store: what it didn't sell adds nothing.
    #[command(after_help = "Example: scrip-server revoke store 1 --journal shop.journal")]
    Store(RevokedStore),
}

#[derive(Args)]
#[group(skip)]
pub(crate) struct RevokedStore {
    /// The store's number.
    pub(crate) store: StoreId,
    /// Let count what this exported journal of the store shows as sold.
    #[arg(long, value_name = "FILE", required_unless_present = "all")]
    pub(crate) journal: Option<PathBuf>,
    /// Let nothing count that the store sold: its journal is lost.
    #[arg(long, conflicts_with = "journal")]
    pub(crate) all: bool,
}

/// A name of 16 bytes in hex.
fn identifier(text: &str) -> Result<[u8; 16], String> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes());
    let named = bytes.ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    named.ok_or_else(|| "a name has 32 hex digits".to_owned())
}
