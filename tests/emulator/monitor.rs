//! QEMU's machine protocol: one JSON object a line.

use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

/// A talk with the emulator.
pub(crate) struct Monitor {
    answers: BufReader<UnixStream>,
    deleted: HashSet<String>,
}

impl Monitor {
    /// Opens the talk: a greeting, answered by the wish for commands.
    pub(crate) fn new(stream: UnixStream) -> Self {
        let mut monitor = Self { answers: BufReader::new(stream), deleted: HashSet::new() };
        monitor.next_object();
        monitor.execute("qmp_capabilities", &json!({}));
        monitor
    }

    /// Runs a command and waits for its answer.
    pub(crate) fn execute(&mut self, command: &str, arguments: &Value) {
        let question = json!({ "execute": command, "arguments": arguments });
        writeln!(self.answers.get_mut(), "{question}").expect("the emulator listens");
        loop {
            let answer = self.next_object();
            assert!(answer.get("error").is_none(), "{question}: {answer}");
            if answer.get("return").is_some() {
                return;
            }
        }
    }

    /// Takes a device out of the running machine and waits until it is gone.
    pub(crate) fn delete(&mut self, device: &str) {
        self.execute("device_del", &json!({ "id": device }));
        while !self.deleted.remove(device) {
            self.next_object();
        }
    }

    /// The next answer or event; a device that is gone is noted.
    fn next_object(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the emulator answers in time");
        let object: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        if object["event"] == "DEVICE_DELETED"
            && let Some(device) = object["data"]["device"].as_str()
        {
            self.deleted.insert(device.to_owned());
        }
        object
    }
}
