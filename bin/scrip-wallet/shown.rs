//! Where a played item goes: standard output, a program, or a private copy for the program that
//! shows its kind.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use scrip::format::item::ItemEntry;
use scrip::phrases;
use scrip::tool::{Exit, Failure, Interrupt, Output, told};
use scrip::wallet::Playing;
use scrip::words::Phrase;
use tempfile::{Builder, TempDir};

use crate::cli::PlayArgs;
use crate::play::{pour, program};

/// What private copies lie in begins so.
const PREFIX: &str = "scrip-play-";
/// Held while a private copy is in use.
const LOCK: &str = "lock";
/// How often Ctrl-C is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The longest ending that a private copy keeps of its name.
const ENDING_MAX: usize = 8;

phrases! {
    fn starting(program) { en: "starting {program}", ja: "{program}の起動" }
    fn waiting_for(program) { en: "waiting for {program}", ja: "{program}の終了待ち" }
    fn ended_with(program, status) {
        en: "{program} ended with {status}",
        ja: "{program}が失敗しました（{status}）",
    }
    fn making_copy(place) { en: "making a private copy in {place}", ja: "{place}での一時コピーの作成" }
    fn writing(file) { en: "writing {file}", ja: "{file}への書き込み" }
    fn removing(file) { en: "removing {file}", ja: "{file}の削除" }
    fn name_a_program() {
        en: "name a program yourself: `scrip-wallet play ITEM --with PROGRAM`",
        ja: "`scrip-wallet play 品目ID --with プログラム` で指定してください",
    }
    fn press_enter() {
        en: "it is opened from a private copy; press Enter when you have closed it:",
        ja: "一時コピーから開きました。閉じたらEnterキーを押してください：",
    }
}

/// The system's own words for what went wrong.
fn failed(doing: Phrase) -> impl FnOnce(io::Error) -> Failure {
    |error| Failure::new(Exit::Failure, told(&error)).during(doing)
}

/// A program and what it takes.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
}

/// Where an item goes.
pub(crate) enum Shown {
    Stdout,
    Program(Program, Child),
    Copy(Copy),
}

/// A private copy of an item, which goes when it is let go.
pub(crate) struct Copy {
    folder: TempDir,
    file: PathBuf,
    // Unlocked by its end.
    _lock: File,
}

impl Shown {
    /// Start the program, or make the place for a private copy, before anything is paid.
    pub(crate) fn prepare(args: &PlayArgs, item: &ItemEntry) -> Result<Self, Failure> {
        if args.stdout {
            return Ok(Self::Stdout);
        }
        match program(args) {
            Some(program) => {
                let child = start(&program)?;
                Ok(Self::Program(program, child))
            }
            None => Ok(Self::Copy(Copy::prepare(item)?)),
        }
    }

    /// What the journal says that the item was played by.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Stdout => "standard output",
            Self::Program(..) => "a program of the owner's",
            Self::Copy(_) => "the program for its kind",
        }
    }

    /// Hand the item's bytes on; returns how many.
    pub(crate) fn run(
        self,
        playing: &Playing<'_>,
        output: &Output,
        interrupt: &Interrupt,
    ) -> Result<u64, Failure> {
        match self {
            Self::Stdout => pour(playing, &mut io::stdout().lock(), interrupt),
            Self::Program(program, child) => feed(&program, child, playing, interrupt),
            Self::Copy(copy) => copy.show(playing, output, interrupt),
        }
    }
}

fn start(program: &Program) -> Result<Child, Failure> {
    // What it says is talk: standard output is for the result.
    let said = Stdio::from(io::stderr());
    let started = Command::new(&program.path)
        .args(&program.arguments)
        .stdin(Stdio::piped())
        .stdout(said)
        .spawn();
    started.map_err(failed(starting(program.path.display())))
}

fn feed(
    program: &Program,
    mut child: Child,
    playing: &Playing<'_>,
    interrupt: &Interrupt,
) -> Result<u64, Failure> {
    let mut input = child.stdin.take().expect("it was piped");
    let poured = pour(playing, &mut input, interrupt);
    drop(input);
    if poured.is_err() {
        // Part of an item is not left to be taken for the whole.
        let _ = child.kill();
    }
    let ended = child.wait().map_err(failed(waiting_for(program.path.display())));
    let bytes = poured?;
    let ended = ended?;
    if ended.success() {
        return Ok(bytes);
    }
    Err(Failure::new(Exit::Failure, ended_with(program.path.display(), ended)))
}

impl Copy {
    #[expect(clippy::disallowed_methods, reason = "a tool reads the environment")]
    fn prepare(item: &ItemEntry) -> Result<Self, Failure> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let base = runtime.filter(|base| base.is_dir()).unwrap_or_else(std::env::temp_dir);
        sweep(&base);
        let doing = || making_copy(base.display());
        let made = Builder::new().prefix(PREFIX).tempdir_in(&base);
        let folder = made.map_err(failed(doing()))?;
        let lock = File::create_new(folder.path().join(LOCK)).and_then(|lock| {
            lock.lock()?;
            Ok(lock)
        });
        let lock = lock.map_err(failed(doing()))?;
        let file = folder.path().join(format!("item{}", ending(&item.name)));
        Ok(Self { folder, file, _lock: lock })
    }

    fn show(
        self,
        playing: &Playing<'_>,
        output: &Output,
        interrupt: &Interrupt,
    ) -> Result<u64, Failure> {
        let doing = || writing(self.file.display());
        let mut file = File::create_new(&self.file).map_err(failed(doing()))?;
        let bytes = pour(playing, &mut file, interrupt)?;
        file.flush().map_err(failed(doing()))?;
        drop(file);
        let opener = opener(&self.file);
        let mut command = Command::new(&opener.path);
        command.args(&opener.arguments).stdin(Stdio::null()).stdout(Stdio::from(io::stderr()));
        let ended = command.status().map_err(failed(starting(opener.path.display())))?;
        if !ended.success() {
            let message = ended_with(opener.path.display(), ended);
            return Err(Failure::new(Exit::Failure, message).hint(name_a_program()));
        }
        output.note(press_enter());
        wait_for_enter(interrupt)?;
        let doing = removing(self.folder.path().display());
        self.folder.close().map_err(failed(doing))?;
        Ok(bytes)
    }
}

/// A private copy's ending tells programs what it is; nothing else of its name is kept.
fn ending(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((_, ending))
            if (1..=ENDING_MAX).contains(&ending.len())
                && ending.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            format!(".{ending}")
        }
        _ => String::new(),
    }
}

/// The system's way to open a file in the program for its kind.
fn opener(file: &Path) -> Program {
    let (path, before): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &["-W"])
    } else if cfg!(windows) {
        ("cmd", &["/C", "start", "/WAIT", ""])
    } else {
        ("xdg-open", &[])
    };
    let arguments = before.iter().map(OsString::from).chain([file.into()]).collect();
    Program { path: path.into(), arguments }
}

/// Remove private copies whose player was killed.
#[expect(clippy::disallowed_methods, reason = "a tool touches its own private copies")]
fn sweep(base: &Path) {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let lock = File::open(entry.path().join(LOCK));
        if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn wait_for_enter(interrupt: &Interrupt) -> Result<(), Failure> {
    let (said, heard) = channel();
    thread::spawn(move || {
        let mut line = String::new();
        let _ = io::stdin().read_line(&mut line);
        let _ = said.send(());
    });
    loop {
        match heard.recv_timeout(LOOK_EVERY) {
            Err(RecvTimeoutError::Timeout) => interrupt.check()?,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}
