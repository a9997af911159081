//! A terminal with a person at it: a tool runs under `script`, on a pseudo-terminal.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use super::desk::{Said, wait_until};

/// What a terminal makes of Ctrl-C.
const CTRL_C: &str = "\x03";

/// What a terminal makes of Ctrl-D: the end of input.
const CTRL_D: &str = "\x04";

/// How long words may take to be shown.
const PATIENCE: Duration = Duration::from_mins(1);

/// A terminal on which one tool runs.
pub(crate) struct Terminal {
    running: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<String>>,
    screen: Option<JoinHandle<()>>,
}

/// A command line under `script`; whatever shell starts it, it ends as the tool does.
pub(crate) fn scripted(line: &str) -> Command {
    let mut command = Command::new("script");
    let line = format!("exec {line}");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    command.env("SHELL", "/bin/sh").env("TERM", "xterm");
    command
}

impl Terminal {
    /// Start what [`scripted`] made; it hands on what is typed and what is shown, in colour only
    /// if `NO_COLOR` was set to nothing.
    pub(crate) fn over(command: &mut Command) -> Self {
        if !command.get_envs().any(|(name, _)| name == "NO_COLOR") {
            command.env("NO_COLOR", "1");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = command
            .spawn()
            .unwrap_or_else(|error| panic!("script: {error}; apt-get install bsdutils"));
        let (keys, mut out) = (running.stdin.take().unwrap(), running.stdout.take().unwrap());
        let shown = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&shown);
        let screen = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let len = out.read(&mut bytes).unwrap();
                if len == 0 {
                    return;
                }
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..len]));
            }
        });
        Self { running, keys, shown, screen: Some(screen) }
    }

    /// All that was shown so far.
    pub(crate) fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    /// Wait until these words were shown so often.
    #[track_caller]
    pub(crate) fn shows(&mut self, words: &str, times: usize) {
        let shown = || self.shown.lock().unwrap().matches(words).count() >= times;
        let began = Instant::now();
        while !shown() {
            let waits = self.running.try_wait().unwrap().is_none() && began.elapsed() < PATIENCE;
            assert!(waits || shown(), "{words:?}, {times} times: missing in {}", self.shown());
            sleep(Duration::from_millis(1));
        }
    }

    /// Type a line.
    pub(crate) fn types(&mut self, line: &str) {
        self.press(&format!("{line}\n"));
    }

    /// Press Ctrl-C.
    pub(crate) fn interrupts(&mut self) {
        self.press(CTRL_C);
    }

    /// Does its terminal show what is typed?
    pub(crate) fn echoes(&self, tool: &str) -> bool {
        let tool = below(self.running.id(), tool).unwrap_or_else(|| panic!("no {tool} runs"));
        let terminal = fs::File::open(format!("/proc/{tool}/fd/0")).unwrap();
        tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Send a signal to the tool of this name, and to nobody else on the terminal.
    pub(crate) fn signals(&self, tool: &str, signal: Signal) {
        let tool = below(self.running.id(), tool).unwrap_or_else(|| panic!("no {tool} runs"));
        kill_process(Pid::from_raw(i32::try_from(tool).unwrap()).unwrap(), signal).unwrap();
    }

    /// Press Ctrl-D.
    /// Press keys.
    pub(crate) fn presses_end(&mut self) {
        self.press(CTRL_D);
    }

    /// Press keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Wait for the tool to end by itself.
    #[track_caller]
    pub(crate) fn ends(mut self) -> Said {
        wait_until("the end", || self.running.try_wait().unwrap().is_some());
        let exit = self.running.wait().unwrap().code().unwrap_or(-1);
        self.screen.take().unwrap().join().unwrap();
        Said { exit, out: self.shown(), err: String::new() }
    }
}

/// The process of this name below another one.
fn below(parent: u32, name: &str) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().find_map(|child| {
        let child: u32 = child.parse().ok()?;
        let is_named = fs::read_to_string(format!("/proc/{child}/comm")).ok()?.trim() == name;
        if is_named { Some(child) } else { below(child, name) }
    })
}

impl Drop for Terminal {
    /// A test that failed leaves no station behind that burns the devices of others.
    fn drop(&mut self) {
        // The tool hears that its terminal is gone; one that has ended can't be killed.
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}
