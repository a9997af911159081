//! A run up to its plan: evidence is indexed, judged against the records, and the plan is written.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use scrip::crypto::digest::Sha256;
use scrip::device::{
    Access, Device, DeviceError, FileDevice, Folder, FolderLock, Keyed, KeyedError, Scratch,
};
use scrip::reconcile::{
    Index, PlanReader, Reading, Reconciled, Run, RunError, Signatures, Terms, reconcile_all,
};
use scrip::records::{Records, StorageError};
use scrip::tool::{Attendant, Classed, Exit, Explain, Failure, Interrupt, Output, Progress, clock};
use scrip::words::counted;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::cli::ReconcileArgs;
use crate::heap::{Unit, units};
use crate::reports::write_new;

/// What was found, in the folder of what is remembered.
const FOUND_FILE: &str = "found";

/// A plan in its file.
pub(crate) type Plan = PlanReader<FileDevice>;

/// What a run has made.
pub(crate) struct Made {
    pub(crate) plan: Plan,
    /// What each stage took.
    pub(crate) stages: Vec<Value>,
    /// Where the plan lies if it was not asked for; gone with this.
    _file: Option<NamedTempFile>,
}

/// Who sees a run.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) output: &'a Output,
    pub(crate) interrupt: &'a Interrupt,
}

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// Times of the stages, in seconds.
struct Stages {
    began: Instant,
    cpu: f64,
    all: Vec<Value>,
}

impl Stages {
    fn begin() -> Self {
        Self { began: Instant::now(), cpu: cpu_s(), all: vec![] }
    }

    fn ended(&mut self, stage: &str) {
        let (wall, cpu) = (self.began.elapsed().as_secs_f64(), cpu_s());
        self.all.push(json!({ "stage": stage, "wall": wall, "cpu": cpu - self.cpu }));
        (self.began, self.cpu) = (Instant::now(), cpu);
    }
}

/// Seconds that all threads of this process have computed.
fn cpu_s() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(spent).unwrap_or_default().as_secs_f64()
}

/// Index the evidence, hold it against the records, and write the plan.
pub(crate) fn make(
    args: &ReconcileArgs,
    index: &mut Index,
    books: &mut [Records],
    terms: &Terms,
    seen: Seen<'_>,
) -> Result<Made, Failure> {
    let mut stages = Stages::begin();
    let progress = Progress::start(seen.output, "reconciling");
    let memory = args.remember.as_ref().map(|folder| memory(folder, seen.output)).transpose()?;
    let memory = memory.flatten();
    if memory.is_some() {
        index.know_again(clock::now());
    }
    let every = args.every_signature;
    if every {
        index.check_every_signature();
    }
    gather(args, index, terms.threads, &progress, seen.interrupt)?;
    stages.ended("index");
    let folder = beside(args);
    let scratch = Scratch::in_folder(&folder)
        .or_exit_while(Exit::Failure, format!("making a file in {}", folder.display()))?;
    let watch = Attendant::new(&progress, seen.interrupt, "judging");
    let keyed = memory.as_ref().map(|memory| &memory.found);
    let (evidence, scratch, watch) = (&*index, &scratch, &watch);
    let signatures = if every { Signatures::Every } else { Signatures::New };
    let run = Run { evidence, books, terms, scratch, watch, memory: keyed, signatures };
    let found = reconcile_all(run).map_err(|error| ended(error, &folder, seen.output))?;
    stages.ended("judge");
    let (plan, file) = write(args, &found, &folder)?;
    stages.ended("write");
    progress.end("judged");
    if let Some(memory) = memory {
        memory.end(seen.output);
    }
    Ok(Made { plan, stages: stages.all, _file: file })
}

/// What earlier runs found, in a folder that this run alone uses.
struct Memory {
    found: Keyed,
    _lock: FolderLock,
}

/// What names this very program: another build may find by other rules.
fn program() -> Result<[u8; 32], Failure> {
    const PIECE_BYTES: usize = 1 << 20;
    let doing = "reading this program";
    let path = std::env::current_exe().or_exit_while(Exit::Failure, doing)?;
    let program = FileDevice::open(&path, Access::Read).or_fail()?;
    let (mut digest, mut piece) = (Sha256::new(), vec![0; PIECE_BYTES]);
    for at in (0..program.len_bytes()).step_by(PIECE_BYTES) {
        let rest = usize::try_from(program.len_bytes() - at).unwrap_or(PIECE_BYTES);
        piece.truncate(rest);
        program.read_at(at, &mut piece).or_exit_while(Exit::Failure, doing)?;
        digest.update(&piece);
    }
    Ok(digest.finish())
}

/// Open what was remembered; what isn't that is left alone, and nothing is remembered.
fn memory(path: &Path, output: &Output) -> Result<Option<Memory>, Failure> {
    let folder = Folder::open_or_create(path).or_fail()?;
    let lock = folder.lock("scrip-verify reconcile").or_fail()?;
    match Keyed::open(&path.join(FOUND_FILE), &program()?) {
        Ok(found) => Ok(Some(Memory { found, _lock: lock })),
        Err(error @ KeyedError::Foreign { .. }) => {
            output.note(format!("{error}: all is read, and nothing is remembered"));
            Ok(None)
        }
        Err(error) => Err(error).or_exit(Exit::Failure),
    }
}

impl Memory {
    fn end(self, output: &Output) {
        let damaged = self.found.damaged();
        if damaged > 0 {
            let parts = counted(damaged, "part", "parts");
            output.note(format!("{parts} of what was remembered: damaged, and read anew"));
        }
        if let Err(error) = self.found.tidy() {
            output.note(error.to_string());
        }
    }
}

fn gather(
    args: &ReconcileArgs,
    index: &mut Index,
    threads: NonZeroUsize,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<(), Failure> {
    let watch = Attendant::new(progress, interrupt, "reading");
    for (path, unit) in units(&args.evidence) {
        interrupt.check()?;
        match unit {
            Unit::File => index.add_file(&path, Reading { threads, watch: &watch }),
            Unit::ReadOnlyArea => index.add_read_only_area(&path),
            Unit::WritableArea => index.add_writable_area(&path),
            Unit::Unread(why) => index.add_unread(&path, why),
        }
    }
    interrupt.check()
}

/// Why a run has ended before its plan.
fn ended(error: RunError<StorageError>, folder: &Path, output: &Output) -> Failure {
    match error {
        RunError::Books(error) => Failure::of(Exit::from(&error), &error),
        RunError::Scratch(error) => Failure::of(Exit::from(&error), &error)
            .during(format!("putting what was found aside in {}", folder.display())),
        stopped @ RunError::Stopped { .. } => {
            output.note(stopped.to_string());
            Failure::interrupted()
        }
    }
}

/// What is put down meanwhile lies where the plan will, or where temporary files lie.
fn beside(args: &ReconcileArgs) -> std::path::PathBuf {
    let folder = args.plan.as_ref().and_then(|plan| plan.parent());
    match folder {
        Some(folder) if folder.as_os_str().is_empty() => ".".into(),
        Some(folder) => folder.to_path_buf(),
        None => std::env::temp_dir(),
    }
}

fn write(
    args: &ReconcileArgs,
    found: &Reconciled<'_>,
    folder: &Path,
) -> Result<(Plan, Option<NamedTempFile>), Failure> {
    if let Some(path) = &args.plan {
        write_new(path, |out| put(found, out))?;
        return Ok((open(path)?, None));
    }
    let doing = || format!("writing a plan in {}", folder.display());
    let file = NamedTempFile::new_in(folder).or_exit_while(Exit::Failure, doing())?;
    let mut out = BufWriter::new(file.as_file());
    put(found, &mut out).or_exit_while(Exit::Failure, doing())?;
    let flushed: io::Result<&File> = out.into_inner().map_err(io::IntoInnerError::into_error);
    flushed.or_exit_while(Exit::Failure, doing())?;
    Ok((open(file.path())?, Some(file)))
}

fn put(found: &Reconciled<'_>, out: &mut dyn Write) -> Result<(), WriteError> {
    found.write(&mut |bytes| Ok::<(), WriteError>(out.write_all(bytes)?)).map(drop)
}

fn open(path: &Path) -> Result<Plan, Failure> {
    PlanReader::open(FileDevice::open(path, Access::Read).or_fail()?).or_fail()
}
