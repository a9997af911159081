//! `burn`: an edition onto one or several targets, side by side.

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use scrip::crypto::SystemRandom;
use scrip::crypto::password::Cost;
use scrip::device::{Aim, Device, FileDevice, Privacy, Probe, create_file};
use scrip::format::certificate::Purpose;
use scrip::image::burn::{BurnError, Care, Start};
use scrip::image::sealed::{SealError, SealedEdition, open_sealed};
use scrip::press::{Prepared, PressError, Wish, finish, prepare};
use scrip::shop::Shop;
use scrip::shop::labels::{Label, labels_page};
use scrip::tool::{Exit, Explain, Failure, Interrupt, Output, Progress, clock};
use scrip::units::{Amount, ByteCount};
use serde_json::json;

use crate::cli::{BurnArgs, Common};
use crate::follow::Bar;
use crate::session::{self, told};
use crate::targets::{self, Target, Terms};

/// An edition that is ready to be burnt.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) device: FileDevice,
    pub(crate) sealed: SealedEdition,
}

/// What became of one target.
pub(crate) struct Outcome {
    pub(crate) target: String,
    pub(crate) result: Result<scrip::units::MediumId, Failure>,
}

/// One target with its medium, ready to be written.
struct Job {
    name: String,
    prepared: Prepared,
    device: FileDevice,
    probe: Option<Probe>,
}

/// Burn.
pub(crate) fn burn(
    common: &Common,
    args: &BurnArgs,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Exit, Failure> {
    let mut shop = session::open(common, output)?;
    let source = open_edition(&shop, &args.edition, output, interrupt)?;
    let mut bench =
        Bench { shop: &mut shop, source: &source, args, output, interrupt, labelled: 0 };
    if args.station {
        return crate::station::station(&mut bench);
    }
    let names = if args.to.is_empty() { crate::station::ask(&bench)? } else { args.to.clone() };
    let chosen = bench.choose(&names)?;
    if common.dry_run {
        return bench.dry_run(&chosen);
    }
    let outcomes = bench.burn_all(chosen);
    Ok(report(output, &outcomes))
}

/// Open and verify an edition: every byte is read.
pub(crate) fn open_edition(
    shop: &Shop,
    path: &Path,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<Source, Failure> {
    let device = FileDevice::open(path, scrip::device::Access::Read).or_exit(Exit::Failure)?;
    let trust = shop.trust().map_err(told)?;
    let progress = Progress::start(output, "edition");
    let bar = Bar::new(&progress, interrupt);
    bar.begin("verifying", device.len_bytes());
    let sealed = open_sealed(&device, trust, scrip::tool::threads(), &bar).map_err(refused)?;
    progress.end("verified");
    let path = std::fs::canonicalize(path).or_exit(Exit::Failure)?;
    Ok(Source { path, device, sealed })
}

fn refused(error: SealError) -> Failure {
    match error {
        SealError::Interrupted => Failure::interrupted(),
        SealError::Unsigned(_) => Failure::of(Exit::Refusal, &error)
            .hint("have the issuer sign it: `scrip-server sign EDITION`"),
        SealError::Device(_) => Failure::of(Exit::Failure, &error),
        error => Failure::of(Exit::Damage, &error),
    }
}

/// A store at its press.
pub(crate) struct Bench<'a> {
    pub(crate) shop: &'a mut Shop,
    pub(crate) source: &'a Source,
    pub(crate) args: &'a BurnArgs,
    pub(crate) output: &'a Output,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) labelled: u64,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        shop: &'a mut Shop,
        source: &'a Source,
        args: &'a BurnArgs,
        output: &'a Output,
        interrupt: &'a Interrupt,
    ) -> Self {
        Self { shop, source, args, output, interrupt, labelled: 0 }
    }

    /// Targets of burns of this edition that broke off.
    fn broken_off(&self) -> Result<Vec<String>, Failure> {
        let begun = self.shop.unfinished_burns().map_err(told)?;
        let secrets = begun.iter().filter_map(|medium| self.shop.burn_secrets(*medium).ok());
        let left = secrets.filter(|secrets| secrets.edition == self.source.sealed.id);
        Ok(left.map(|secrets| secrets.target.clone()).collect())
    }

    /// Let named targets pass the guards.
    pub(crate) fn choose(&self, names: &[PathBuf]) -> Result<Vec<Target>, Failure> {
        let terms = Terms {
            needs_bytes: self.source.sealed.layout.medium_bytes(),
            edition: &self.source.path,
            lifted: &self.args.lifted,
        };
        let left = self.broken_off()?;
        targets::choose(names, &terms, &|name| left.iter().any(|left| left == name), self.output)
    }

    fn dry_run(&mut self, chosen: &[Target]) -> Result<Exit, Failure> {
        let needs = ByteCount::from_bytes(self.source.sealed.layout.medium_bytes());
        for target in chosen {
            let prepared = self.prepare(target)?;
            self.output.line(format!(
                "{}: would become medium {} ({needs})",
                target.name,
                prepared.medium()
            ));
        }
        Ok(Exit::Done)
    }

    /// What a target's medium is to be.
    pub(crate) fn prepare(&mut self, target: &Target) -> Result<Prepared, Failure> {
        let form = self.shop.form().map_err(told)?;
        let parse = |text: &String| form.parse(text).or_exit(Exit::Usage);
        let balance: Option<Amount> = self.args.balance.as_ref().map(parse).transpose()?;
        let wish = Wish {
            target: target.description.clone(),
            hardware: target.hardware.clone(),
            balance,
            label: Some(self.args.first_label + self.labelled),
        };
        let purpose = self.shop.signer().map_err(told)?.certificate().purpose;
        let cost = if purpose == Purpose::Test { Cost::MINIMAL } else { Cost::LIVE_FLOOR };
        let source = (&self.source.sealed, &self.source.device as &dyn Device);
        let rng = &mut SystemRandom::new();
        let prepared = prepare(self.shop, source, wish, cost, clock::now(), rng);
        let prepared = prepared.map_err(press_told)?;
        self.labelled += 1;
        Ok(prepared)
    }

    /// Burn to named targets.
    pub(crate) fn burn_named(&mut self, names: &[PathBuf]) -> Result<Vec<Outcome>, Failure> {
        let chosen = self.choose(names)?;
        Ok(self.burn_all(chosen))
    }

    /// Burn side by side. A target that fails never holds up the others.
    pub(crate) fn burn_all(&mut self, chosen: Vec<Target>) -> Vec<Outcome> {
        let mut outcomes = vec![];
        let mut jobs = vec![];
        for target in chosen {
            let name = target.name.clone();
            match self.job(target) {
                Ok(job) => jobs.push(job),
                Err(failure) => {
                    tell(self.output, &failure);
                    outcomes.push(Outcome { target: name, result: Err(failure) });
                }
            }
        }
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            for job in jobs {
                let (sender, source) = (sender.clone(), self.source);
                let (output, interrupt, scrub) = (self.output, self.interrupt, self.args.scrub);
                scope.spawn(move || {
                    let written = write(&job, source, scrub, output, interrupt);
                    // The receiver outlives every sender.
                    let _ = sender.send((job, written));
                });
            }
            drop(sender);
            for (job, written) in receiver {
                let result = written.and_then(|()| self.keep(&job));
                if let Err(failure) = &result {
                    tell(self.output, failure);
                }
                outcomes.push(Outcome { target: job.name, result });
            }
        });
        outcomes
    }

    fn job(&mut self, target: Target) -> Result<Job, Failure> {
        let prepared = self.prepare(&target)?;
        let device = targets::open(&target, prepared.start == Start::Resumed)?;
        let is_disk = matches!(target.cleared.aim(), Aim::Block { .. });
        let probe = (is_disk && !self.args.no_probe)
            .then(|| Probe::new(&target.cleared, &device, &mut SystemRandom::new()));
        Ok(Job { name: target.name, prepared, device, probe })
    }

    /// Write the label, then journal the medium, which erases its secrets.
    fn keep(&mut self, job: &Job) -> Result<scrip::units::MediumId, Failure> {
        let medium = job.prepared.medium();
        let place = job.prepared.wish.label.unwrap_or_default();
        let page = labels_page(&[self.label(&job.prepared)?]);
        let path = self.label_path(medium);
        create_file(&path, page.as_bytes(), Privacy::Secret)
            .or_exit_while(Exit::Failure, format!("writing the label of medium {medium}"))?;
        finish(self.shop, &self.source.sealed, &job.prepared, clock::now()).map_err(told)?;
        self.output.line(format!(
            "{}: medium {medium}, label {place} in {}",
            job.name,
            path.display()
        ));
        let fields = json!({ "target": job.name, "medium": medium.to_string(), "label": place });
        self.output.event("burnt", &fields);
        Ok(medium)
    }

    fn label<'b>(&'b self, prepared: &'b Prepared) -> Result<Label<'b>, Failure> {
        Ok(Label {
            medium: prepared.medium(),
            place: prepared.wish.label.unwrap_or_default(),
            edition: &self.source.sealed.manifest.name,
            store: self.shop.name(),
            root: self.shop.signer().map_err(told)?.anchor().fingerprint(),
            password: &prepared.password,
        })
    }

    fn label_path(&self, medium: scrip::units::MediumId) -> PathBuf {
        self.args.labels.join(format!("label-{medium}.html"))
    }
}

fn write(
    job: &Job,
    source: &Source,
    scrub: scrip::device::Scrub,
    output: &Output,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let progress = Progress::start(output, &job.name);
    let bar = Bar::new(&progress, interrupt);
    let care = Care { start: job.prepared.start, probe: job.probe.as_ref(), scrub };
    let burn = job.prepared.burn(&source.sealed, &source.device);
    let written = burn.run(&job.device, &care, &bar);
    progress.end(if written.is_ok() { "done" } else { "not burnt" });
    written.map_err(|error| burn_told(job, &error))
}

fn burn_told(job: &Job, error: &BurnError) -> Failure {
    let exit = match error {
        BurnError::Interrupted => Exit::Interrupted,
        BurnError::TooSmall { .. } | BurnError::Sectors(_) => Exit::Refusal,
        _ => Exit::Failure,
    };
    let medium = job.prepared.medium();
    let failure = Failure::new(exit, format!("burning {}: {error}", job.name));
    failure.hint(format!(
        "it reads as blank; the same command goes on with medium {medium} where it stopped"
    ))
}

fn press_told(error: PressError) -> Failure {
    match error {
        PressError::Shop(error) => told(error),
        PressError::Stamp(error) => Failure::of(Exit::Failure, &error),
        error => Failure::of(Exit::Refusal, &error),
    }
}

fn tell(output: &Output, failure: &Failure) {
    output.warn(failure.message());
    if let Some(hint) = failure.hinted() {
        output.note(format!("hint: {hint}"));
    }
}

/// The list of good and bad, and the exit code of the gravest.
pub(crate) fn report(output: &Output, outcomes: &[Outcome]) -> Exit {
    let good = outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
    let exits = outcomes.iter().map(|outcome| match &outcome.result {
        Ok(_) => Exit::Done,
        Err(failure) => failure.exit(),
    });
    let exit = Exit::worst(exits);
    output.note(format!("{good} of {} burnt", outcomes.len()));
    let line = |outcome: &Outcome| match &outcome.result {
        Ok(medium) => json!({ "target": outcome.target, "medium": medium.to_string() }),
        Err(failure) => json!({ "target": outcome.target, "error": failure.message() }),
    };
    let lines: Vec<_> = outcomes.iter().map(line).collect();
    output.result(exit, &json!({ "targets": lines }));
    exit
}
