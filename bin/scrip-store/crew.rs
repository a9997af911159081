//! Burns side by side: a thread a target, and one that keeps the store's books for all.
//!
//! A target that fails or is slow never holds up the others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread::Scope;
use std::time::Duration;

use scrip::device::{FileDevice, Probe, Scrub};
use scrip::image::burn::{BurnError, Care, Follow, Held, Step};
use scrip::image::leaves::Watch;
use scrip::press::Prepared;
use scrip::tool::{Exit, Failure, Interrupt, Output, Progress};
use scrip::units::MediumId;

use crate::bench::Bench;
use crate::burn::{Burnt, Outcome, Source, fields};
use crate::targets::Target;

/// How often the feed is asked for more targets.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Where targets come from.
pub(crate) trait Feed {
    /// Targets to be begun now; so many burns are under way.
    fn next(&mut self, bench: &Bench<'_>, outcomes: &[Outcome], running: usize) -> Vec<Target>;

    /// Will no more come?
    fn is_dry(&self, bench: &Bench<'_>, outcomes: &[Outcome]) -> bool;
}

/// One target with its medium, ready to be written.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) is_disk: bool,
    pub(crate) prepared: Prepared,
    pub(crate) device: FileDevice,
    pub(crate) probe: Option<Probe>,
    pub(crate) scrub: Scrub,
}

/// What a thread says to the one that keeps the books.
enum Word {
    /// The body is right; may the medium become whole?
    Verified(usize, SyncSender<Result<(), String>>),
    /// The thread has ended.
    Ended(usize, Result<(), Failure>),
}

/// A burn under way.
struct Running {
    place: usize,
    job: Arc<Job>,
    burnt: Option<Burnt>,
}

/// Burn all that a feed gives.
pub(crate) fn burn(bench: &mut Bench<'_>, feed: &mut dyn Feed) -> Vec<Outcome> {
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        let (running, outcomes) = (vec![], vec![]);
        let mut crew = Crew { bench, scope, sender, running, outcomes, begun: 0 };
        loop {
            crew.begin(feed);
            if crew.running.is_empty()
                && (feed.is_dry(crew.bench, &crew.outcomes) || crew.is_interrupted())
            {
                return crew.outcomes;
            }
            crew.hear(&receiver);
        }
    })
}

struct Crew<'scope, 'env, 'b, 's> {
    bench: &'b mut Bench<'s>,
    scope: &'scope Scope<'scope, 'env>,
    sender: Sender<Word>,
    running: Vec<Running>,
    outcomes: Vec<Outcome>,
    begun: usize,
}

impl<'scope, 's: 'scope> Crew<'scope, '_, '_, 's> {
    fn is_interrupted(&self) -> bool {
        self.bench.interrupt.requested()
    }

    fn begin(&mut self, feed: &mut dyn Feed) {
        if self.is_interrupted() {
            return;
        }
        for target in feed.next(self.bench, &self.outcomes, self.running.len()) {
            match self.bench.job(&target) {
                Ok(job) => self.start(Arc::new(job)),
                Err(failure) => {
                    let failure = failure.during(format!("burning {}", target.name));
                    self.end(Outcome { target: target.name, result: Err(failure) });
                }
            }
        }
    }

    fn start(&mut self, job: Arc<Job>) {
        let place = self.begun;
        self.begun += 1;
        self.running.push(Running { place, job: Arc::clone(&job), burnt: None });
        let Bench { source, output, interrupt, .. } = *self.bench;
        let sender = self.sender.clone();
        self.scope.spawn(move || {
            let progress = Progress::start(output, &job.name);
            let worker = Worker { place, progress: &progress, interrupt, sender };
            let written = catch_unwind(AssertUnwindSafe(|| write(&job, source, &worker)));
            progress.end(if matches!(written, Ok(Ok(()))) {
                "written and read back"
            } else {
                "not burnt"
            });
            let bug = || Err(Failure::new(Exit::Bug, format!("burning {}: a bug", job.name)));
            let result = written.unwrap_or_else(|_| bug());
            // The device is to be closed before anybody is told to take it out.
            drop(job);
            // Nobody listens only when the listener itself has failed.
            let _ = worker.sender.send(Word::Ended(place, result));
        });
    }

    fn hear(&mut self, receiver: &Receiver<Word>) {
        match receiver.recv_timeout(LOOK_EVERY) {
            Ok(Word::Verified(place, reply)) => {
                let answer = self.verified(place).map_err(|failure| failure.message().to_owned());
                // A thread that no longer waits has failed, and says so itself.
                let _ = reply.send(answer);
            }
            Ok(Word::Ended(place, result)) => self.ended(place, result),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }

    fn verified(&mut self, place: usize) -> Result<(), Failure> {
        let running = self.running.iter_mut().find(|running| running.place == place);
        let running = running.expect("only burns under way say that their body is right");
        running.burnt = Some(self.bench.verified(&running.job)?);
        Ok(())
    }

    fn ended(&mut self, place: usize, result: Result<(), Failure>) {
        let index = self.running.iter().position(|running| running.place == place);
        let Running { job, burnt, .. } =
            self.running.swap_remove(index.expect("a burn ends once, while it is under way"));
        let result = result.and_then(|()| {
            let burnt = burnt.expect("a medium is whole only after its body was found right");
            self.bench.finish(&job, burnt).map(|()| burnt)
        });
        let (target, is_disk) = (job.name.clone(), job.is_disk);
        drop(job);
        if let Ok(Burnt { medium, label }) = result {
            let done = if is_disk { ": done, take it out" } else { "" };
            self.bench.output.line(format!("{target}{done}: medium {medium}, label {label}"));
        }
        self.end(Outcome { target, result });
    }

    fn end(&mut self, outcome: Outcome) {
        let output = self.bench.output;
        if let Err(failure) = &outcome.result {
            tell(output, failure);
        }
        output.event(if outcome.result.is_ok() { "burnt" } else { "failed" }, &fields(&outcome));
        self.outcomes.push(outcome);
    }
}

/// Say why one target was not burnt, while others may be.
fn tell(output: &Output, failure: &Failure) {
    output.note(format!("scrip-store: error: {}", failure.message()));
    if let Some(hint) = failure.hinted() {
        output.note(format!("hint: {hint}"));
    }
}

/// Shows a burn, and asks before its medium becomes whole.
struct Worker<'a> {
    place: usize,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
    sender: Sender<Word>,
}

impl Follow for Worker<'_> {
    fn step(&self, step: Step, total: u64) {
        self.progress.stage(doing(step), total);
    }

    fn watch(&self) -> &dyn Watch {
        self
    }

    fn verified(&self) -> Result<(), Held> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.sender.send(Word::Verified(self.place, reply))?;
        Ok(answer.recv()??)
    }
}

impl Watch for Worker<'_> {
    fn progress(&self, done: u64, _total: u64) {
        self.progress.at(done);
    }

    fn stopped(&self) -> bool {
        self.interrupt.requested()
    }
}

fn doing(step: Step) -> &'static str {
    match step {
        Step::Clearing => "clearing",
        Step::Probing => "probing",
        Step::Resuming => "resuming",
        Step::Writing => "writing",
        Step::ReadingBack => "reading back",
        Step::Finishing => "finishing",
    }
}

fn write(job: &Job, source: &Source, follow: &Worker<'_>) -> Result<(), Failure> {
    let care = Care { start: job.prepared.start, probe: job.probe.as_ref(), scrub: job.scrub };
    let burn = job.prepared.burn(&source.sealed, &source.device);
    burn.run(&job.device, &care, follow).map_err(|error| {
        let failure =
            Failure::of(Exit::from(&error), &error).during(format!("burning {}", job.name));
        failure.hint(hint(&error, job.prepared.medium()))
    })
}

fn hint(error: &BurnError, medium: MediumId) -> String {
    let again = format!("the same command goes on with medium {medium} where it stopped");
    let up = format!("`scrip-store abandon {medium}` gives the number up");
    match error {
        BurnError::TooSmall { .. } | BurnError::Sectors(_) => "take another target".to_owned(),
        BurnError::Probe(_) | BurnError::Wraps { .. } | BurnError::ReadBack { .. } => {
            format!("don't use this storage any more; {up}")
        }
        BurnError::OtherStorage { .. } => format!("put in the one it was burnt to; {up}"),
        BurnError::EditionChanged { .. } | BurnError::Edition(_) => {
            format!("check the disk that the edition lies on; {again}")
        }
        BurnError::Held(_) => format!("no partition is listed on it; {again}"),
        _ => format!("no partition is listed on it; {again}, {up}"),
    }
}
