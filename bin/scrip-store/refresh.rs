//! `refresh`, and `sell` of a medium that is at hand: stamping in place.

use std::path::Path;

use scrip::device::{Access, FileDevice};
use scrip::image::check::{CheckError, Identity, Reading, Report};
use scrip::image::layout::{
    CERTIFICATE_SLOT, POLICY_SLOT, REVOKED_SLOT, SHEETS_SLOT, SLOTS, USER_SLOT,
};
use scrip::image::restamp::Planned;
use scrip::press::{InHand, RefreshError, Refreshed, SaleWish};
use scrip::shop::{Receipt, Shop};
use scrip::tool::{
    Attendant, Classed, Exit, Failure, Interrupt, Output, Progress, clock, open_unmounted, threads,
};
use serde_json::{Value, json};

use crate::cli::Common;
use crate::receipt;
use crate::session::{open, told};

/// What stands in each slot, in the order of their paths.
const WORDS: [&str; SLOTS.len()] =
    ["certificates", "policy", "revocation list", "sheets", "user information"];
const _: () = assert!(SLOTS.len() == 5);

/// Bring a medium up to what this store has.
pub(crate) fn refresh(
    common: &Common,
    path: &Path,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let stand = Stand { common, path, output, interrupt };
    let during = |failure: Failure| failure.during(format!("refreshing {}", path.display()));
    let mut shop = open(common, output)?;
    stand.refresh(&mut shop).map_err(during)
}

/// A medium at the counter.
pub(crate) struct Stand<'a> {
    pub(crate) common: &'a Common,
    pub(crate) path: &'a Path,
    pub(crate) output: &'a Output,
    pub(crate) interrupt: &'a Interrupt,
}

/// What was or would be done to the medium.
struct Outcome {
    exit: Exit,
    fields: Value,
}

impl Stand<'_> {
    fn refresh(&self, shop: &mut Shop) -> Result<Exit, Failure> {
        let (device, identity) = self.open()?;
        let hand = self.examine(shop, &device, &identity)?;
        let planned = hand.refresh(shop, clock::now()).map_err(refused)?;
        let Outcome { exit, fields } = self.carry_out(shop, hand, planned)?;
        self.output.result(exit, &fields);
        Ok(exit)
    }

    /// Sell the medium: journal the sale, then stamp it.
    pub(crate) fn sell(&self, shop: &mut Shop, wish: &SaleWish) -> Result<Exit, Failure> {
        let during = |failure: Failure| failure.during(format!("selling {}", self.path.display()));
        let (device, identity) = self.open().map_err(during)?;
        let hand = self.examine(shop, &device, &identity).map_err(during)?;
        self.interrupt.check()?;
        let (receipt, planned) =
            hand.sell(shop, wish, clock::now()).map_err(|error| during(refused(error)))?;
        let outcome = self.carry_out(shop, hand, planned);
        let Outcome { exit, fields } =
            outcome.map_err(|failure| during(self.journalled(&receipt, failure)))?;
        let owner = wish.owner.as_deref();
        receipt::print(&receipt, owner, self.output);
        let mut told = receipt::fields(&receipt, owner);
        told["stamp"] = fields;
        self.output.result(exit, &told);
        Ok(exit)
    }

    /// The stamp failed after its sale was journalled.
    fn journalled(&self, receipt: &Receipt, failure: Failure) -> Failure {
        if self.common.dry_run {
            return failure;
        }
        let number = receipt.number;
        failure.hint(format!(
            "the sale is journalled as receipt {number}; the same command stamps it, once"
        ))
    }

    fn open(&self) -> Result<(FileDevice, Identity), Failure> {
        let access = if self.common.dry_run { Access::Read } else { Access::Write };
        open_unmounted(self.path, access)
    }

    /// Read and judge the medium.
    fn examine<'d>(
        &self,
        shop: &Shop,
        device: &'d FileDevice,
        identity: &'d Identity,
    ) -> Result<InHand<'d>, Failure> {
        let progress = Progress::start(self.output, &self.path.display().to_string());
        let attendant = Attendant::new(&progress, self.interrupt, "checking");
        let reading = Reading::take(device, threads(), &attendant).map_err(CheckError::from);
        progress.end(if reading.is_ok() { "checked" } else { "not checked" });
        InHand::examine(shop, device, identity, reading.or_fail()?).map_err(refused)
    }

    /// Write what was planned, or say what would be written.
    fn carry_out(
        &self,
        shop: &mut Shop,
        hand: InHand<'_>,
        planned: Planned,
    ) -> Result<Outcome, Failure> {
        let medium = hand.medium();
        let bytes = hand.bytes(shop, &planned).map_err(refused)?;
        let cut_off = hand.is_cut_off();
        let changes = changes(&planned, hand.report(), cut_off);
        for change in &changes {
            self.output.line(format!("- {change}"));
        }
        let tell = |report: &Report, written: u64, entry: Option<u64>| Outcome {
            exit: Exit::from(report.grade()),
            fields: json!({
                "medium": medium.to_string(),
                "changes": changes,
                "cut_off": cut_off,
                "written_bytes": written,
                "entry": entry,
                "dry_run": self.common.dry_run,
                "check": report.fields(),
            }),
        };
        if self.common.dry_run {
            self.output.line(format!("medium {medium}: {bytes} bytes would be written"));
            return Ok(tell(hand.report(), 0, None));
        }
        // From here on it takes milliseconds, and whatever ends it is mended by doing it again.
        self.interrupt.check()?;
        let done = hand.carry_out(shop, planned, clock::now());
        let Refreshed { report, bytes, entry } = done.map_err(|error| again(&error))?;
        self.output.line(match bytes {
            0 => format!("medium {medium}: it is as new as this store, nothing was written"),
            _ => format!("medium {medium}: {bytes} bytes written, read back and checked"),
        });
        self.output.line(format!("medium {medium}: {}", report.headline()));
        Ok(tell(&report, bytes, entry))
    }
}

/// What changes on a medium, for a person.
fn changes(planned: &Planned, report: &Report, cut_off: bool) -> Vec<String> {
    let slots = [CERTIFICATE_SLOT, POLICY_SLOT, REVOKED_SLOT, SHEETS_SLOT, USER_SLOT];
    let named = slots.iter().zip(WORDS).filter(|(slot, _)| planned.changed.contains(&slot.path));
    let cut = cut_off.then(|| "a stamping that was cut off, to its end".to_owned());
    let stamped = named.map(|(_, word)| word.to_owned());
    let touched = report.touches.iter().map(|touch| format!("restored: {}", touch.what.en()));
    cut.into_iter().chain(stamped).chain(touched).collect()
}

fn refused(error: RefreshError) -> Failure {
    match error {
        RefreshError::Shop(error) => told(error),
        error => Failure::of(Exit::from(&error), &error),
    }
}

/// Writing failed: what stands there now is mended by the same command.
fn again(error: &RefreshError) -> Failure {
    Failure::of(Exit::from(error), error)
        .hint("it may read as altered until the same command has ended what began; do it again")
}
