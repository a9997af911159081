//! Chromium without a window, driven through a pipe: what a page does, asks for and prints.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

/// However loaded this computer is, an answer takes no longer.
const PATIENCE: Duration = Duration::from_mins(5);

/// The browser takes its commands from 3 and answers on 4; it ends when they are closed.
const PIPED: &str = "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
    --no-first-run --disable-background-networking --user-data-dir=\"$0\" \
    --remote-debugging-pipe about:blank 3<&0 4>&1 >/dev/null 2>&1";

pub(super) struct Browser {
    child: Child,
    commands: ChildStdin,
    answers: Receiver<Value>,
    count: u64,
    session: Option<String>,
    /// All that it told unasked.
    pub(super) events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    pub(super) fn open(page: &Path) -> Self {
        let there = Command::new("chromium").arg("--version").output();
        assert!(there.is_ok_and(|ran| ran.status.success()), "apt-get install chromium");
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", PIPED]).arg(profile.path()).env("HOME", profile.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (commands, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (told, answers) = channel();
        thread::spawn(move || {
            for message in BufReader::new(out).split(0) {
                let Ok(message) = message else { return };
                let message = serde_json::from_slice(&message).unwrap();
                if told.send(message).is_err() {
                    return;
                }
            }
        });
        let (session, events) = (None, vec![]);
        let mut browser =
            Self { child, commands, answers, count: 0, session, events, _profile: profile };
        browser.attach();
        browser.load(page);
        browser
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", &target);
        self.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Network", "Runtime", "Log"] {
            self.call(&format!("{domain}.enable"), &json!({}));
        }
    }

    fn load(&mut self, page: &Path) {
        let url = format!("file://{}", page.display());
        self.call("Page.navigate", &json!({ "url": url }));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.answers.recv_timeout(PATIENCE).unwrap();
            self.events.push(event);
        }
    }

    pub(super) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.count += 1;
        let mut command = json!({ "id": self.count, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).unwrap();
        loop {
            let answer = self.answers.recv_timeout(PATIENCE).unwrap();
            if answer["id"] == self.count {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    /// What an expression comes to in the page.
    pub(super) fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", &asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Wait until an expression comes to this.
    #[track_caller]
    pub(super) fn until(&mut self, expression: &str, expected: &Value) {
        let begun = std::time::Instant::now();
        loop {
            let found = self.value(expression);
            if found == *expected {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{expression} is {found}, expected {expected}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// How wide the screen is, and which colours its user wants.
    pub(super) fn screen(&mut self, width: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let scheme = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call("Emulation.setEmulatedMedia", &json!({ "features": [scheme] }));
    }

    /// The page on paper, as a PDF.
    pub(super) fn print(&mut self) -> Vec<u8> {
        let asked = json!({ "preferCSSPageSize": true });
        let printed = self.call("Page.printToPDF", &asked);
        BASE64.decode(printed["data"].as_str().unwrap().as_bytes()).unwrap()
    }

    /// Every address that was asked for.
    pub(super) fn requests(&self) -> Vec<&str> {
        let sent = self.events.iter();
        let sent = sent.filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.map(|event| event["params"]["request"]["url"].as_str().unwrap()).collect()
    }

    /// What went wrong in the page, or was refused to it.
    pub(super) fn complaints(&self) -> Vec<&Value> {
        let bad = ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"];
        let told = self.events.iter();
        told.filter(|event| bad.iter().any(|method| event["method"] == *method)).collect()
    }
}

impl Drop for Browser {
    /// It is asked to end, so that it ends its own processes first.
    fn drop(&mut self) {
        let _ = self.commands.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        for _ in 0..500 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
