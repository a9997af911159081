//! A store at its press: targets are chosen, media begun, labelled and journalled.

use std::path::{Path, PathBuf};

use scrip::crypto::SystemRandom;
use scrip::crypto::password::Cost;
use scrip::device::{Device, FolderError, Privacy, Probe, read_file, replace_file};
use scrip::format::certificate::Purpose;
use scrip::image::burn::Start;
use scrip::image::items::ItemKeysError;
use scrip::press::{PressError, Wish, broken_off, check, finish, prepare, verified};
use scrip::shop::Shop;
use scrip::shop::labels::{Label, add_label, check_labels, labels_page};
use scrip::tool::{Classed, Exit, Explain, Failure, Interrupt, Output, clock};
use scrip::units::{Amount, ByteCount};
use serde_json::json;

use crate::burn::{Burnt, Outcome, Source};
use crate::cli::BurnArgs;
use crate::crew::{self, Feed, Job};
use crate::session::told;
use crate::targets::{self, Target, Terms};

/// A page of labels is at most so long: some thousands of them.
const LABELS_BYTES_MAX: u64 = 64 << 20;

/// A store at its press.
pub(crate) struct Bench<'a> {
    pub(crate) source: &'a Source,
    pub(crate) args: &'a BurnArgs,
    pub(crate) output: &'a Output,
    pub(crate) interrupt: &'a Interrupt,
    shop: &'a mut Shop,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        shop: &'a mut Shop,
        source: &'a Source,
        args: &'a BurnArgs,
        output: &'a Output,
        interrupt: &'a Interrupt,
    ) -> Self {
        Self { source, args, output, interrupt, shop }
    }

    /// What a medium needs, in bytes.
    pub(crate) fn needs_bytes(&self) -> u64 {
        self.source.sealed.layout.medium_bytes()
    }

    /// What targets have to satisfy.
    pub(crate) fn terms(&self) -> Result<Terms<'a>, Failure> {
        let broken_off = broken_off(self.shop, &self.source.sealed.id).map_err(told)?;
        Ok(Terms {
            needs_bytes: self.needs_bytes(),
            edition: &self.source.path,
            lifted: &self.args.lifted,
            resumable: broken_off.into_iter().map(|burn| burn.target).collect(),
        })
    }

    /// Let named targets pass the guards; tell every refusal.
    pub(crate) fn choose(&self, names: &[PathBuf]) -> Result<Vec<Target>, Failure> {
        targets::choose(names, &self.terms()?, self.output)
    }

    /// Are so many blanks left?
    pub(crate) fn check_blanks(&self, needed: usize) -> Result<(), Failure> {
        self.shop.check_blanks(needed).map_err(told)
    }

    /// Refuse, before anything is written, what could not be done for these targets.
    pub(crate) fn check(&self, chosen: &[Target]) -> Result<(), Failure> {
        self.labels()?;
        let begun = chosen.iter().filter(|target| !target.resumable).count();
        check(self.shop, &self.source.sealed, begun, self.balance()?).map_err(press_told)
    }

    pub(crate) fn dry_run(&mut self, chosen: &[Target]) -> Result<Exit, Failure> {
        self.check(chosen)?;
        let needs = ByteCount::from_bytes(self.needs_bytes());
        let mut lines = vec![];
        for target in chosen {
            let medium = self.prepare(target)?.medium();
            let name = &target.name;
            self.output.line(format!("{name}: would become medium {medium} ({needs})"));
            lines.push(json!({ "target": name, "medium": medium.to_string() }));
        }
        self.output.result(Exit::Done, &json!({ "targets": lines, "dry_run": true }));
        Ok(Exit::Done)
    }

    /// Burn to chosen targets, side by side.
    pub(crate) fn burn(&mut self, chosen: Vec<Target>) -> Result<Vec<Outcome>, Failure> {
        self.check(&chosen)?;
        Ok(crew::burn(self, &mut Once(chosen)))
    }

    /// Begin a target's medium, or take it up again, and open the target.
    pub(crate) fn job(&mut self, target: &Target) -> Result<Job, Failure> {
        self.check(std::slice::from_ref(target))?;
        let device = targets::open(target)?;
        let prepared = self.prepare(target).inspect_err(|_| targets::forget(target))?;
        let probes = target.is_disk() && !self.args.no_probe && prepared.start != Start::Verified;
        let probe = probes.then(|| Probe::new(&target.cleared, &device, &mut SystemRandom::new()));
        debug_assert!(device.len_bytes() >= self.needs_bytes());
        let (name, is_disk) = (target.name.clone(), target.is_disk());
        Ok(Job { name, is_disk, prepared, device, probe, scrub: self.args.scrub })
    }

    fn prepare(&mut self, target: &Target) -> Result<scrip::press::Prepared, Failure> {
        let wish = Wish {
            target: target.description.clone(),
            hardware: target.hardware.clone(),
            balance: self.balance()?,
        };
        let purpose = self.shop.signer().map_err(told)?.certificate().purpose;
        let cost = if purpose == Purpose::Test { Cost::MINIMAL } else { Cost::LIVE_FLOOR };
        let source = (&self.source.sealed, &self.source.device as &dyn Device);
        let rng = &mut SystemRandom::new();
        prepare(self.shop, source, wish, cost, clock::now(), rng).map_err(press_told)
    }

    fn balance(&self) -> Result<Option<Amount>, Failure> {
        let form = self.shop.form().map_err(told)?;
        self.args.balance.as_ref().map(|text| form.parse(text)).transpose().or_fail()
    }

    /// A body was read back: keep that, and write the medium's label, before it can look whole.
    pub(crate) fn verified(&mut self, job: &Job) -> Result<Burnt, Failure> {
        let medium = job.prepared.medium();
        let label = verified(self.shop, &job.prepared).map_err(told)?;
        let own = Label {
            medium,
            place: label,
            edition: &self.source.sealed.manifest.name,
            store: self.shop.name(),
            root: self.shop.signer().map_err(told)?.anchor().fingerprint(),
            password: &job.prepared.password,
        };
        let file = &self.args.labels;
        let page = match self.labels()? {
            None => labels_page(&[own]),
            Some(page) => add_label(&page, &own).or_exit_while(Exit::Refusal, file.display())?,
        };
        let doing = format!("writing the label of medium {medium}");
        replace_file(file, page.as_bytes(), Privacy::Secret)
            .or_fail()
            .map_err(|failure| failure.during(doing))?;
        Ok(Burnt { medium, label })
    }

    /// Journal a medium that is whole.
    pub(crate) fn finish(&mut self, job: &Job, burnt: Burnt) -> Result<(), Failure> {
        let finished =
            finish(self.shop, &self.source.sealed, &job.prepared, burnt.label, clock::now());
        finished.map(|_| ()).map_err(|error| {
            told(error).during(format!("journalling medium {}, which is whole", burnt.medium))
        })
    }

    /// The page of labels as it is; none yet if there is no file.
    fn labels(&self) -> Result<Option<String>, Failure> {
        let file = &self.args.labels;
        let bytes = match read_file(file, LABELS_BYTES_MAX) {
            Err(FolderError::Missing { .. }) => {
                let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty());
                scrip::device::Folder::open(folder.unwrap_or(Path::new("."))).or_fail()?;
                return Ok(None);
            }
            read => read.or_fail()?,
        };
        let page = String::from_utf8_lossy(&bytes).into_owned();
        let checked = check_labels(&page).or_exit_while(Exit::Refusal, file.display());
        checked.map_err(|failure| failure.hint("name another file with --labels"))?;
        Ok(Some(page))
    }
}

/// Targets that were named.
struct Once(Vec<Target>);

impl Feed for Once {
    fn next(&mut self, _: &Bench<'_>, _: &[Outcome], _: usize) -> Vec<Target> {
        std::mem::take(&mut self.0)
    }

    fn is_dry(&self, _: &Bench<'_>, _: &[Outcome]) -> bool {
        self.0.is_empty()
    }
}

fn press_told(error: PressError) -> Failure {
    match error {
        PressError::Shop(error) => told(error),
        PressError::Items(ItemKeysError::NoSecret { .. }) => Failure::of(Exit::Refusal, &error)
            .hint(
                "have it sealed to this store: `scrip-server secret FILE --store ID --out FILE`, \
                 then `scrip-store accept` that",
            ),
        error => Failure::of(Exit::from(&error), &error),
    }
}
