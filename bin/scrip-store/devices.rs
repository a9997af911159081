//! `devices`: what could be burnt, and what is refused and why.

use std::path::Path;

use scrip::device::{Aim, Check, Disk, Machine, Refusal, Request, refusals};
use scrip::tool::{Exit, Failure, Output};
use scrip::units::ByteCount;
use serde::Serialize;

use crate::targets::observe;

#[derive(Serialize)]
struct Line<'a> {
    path: &'a Path,
    title: String,
    size_bytes: u64,
    identity: String,
    refused: Vec<Against>,
}

#[derive(Serialize)]
struct Against {
    check: &'static str,
    reason: String,
    liftable: bool,
}

/// List the disks of this machine.
pub(crate) fn devices(output: &Output) -> Result<Exit, Failure> {
    let machine = observe()?;
    let lines: Vec<Line<'_>> = machine.disks.iter().map(|disk| line(&machine, disk)).collect();
    if lines.is_empty() {
        output.note("no disk is attached to this machine");
    }
    for line in &lines {
        let size = ByteCount::from_bytes(line.size_bytes);
        let word = if line.refused.is_empty() { "can be burnt" } else { "refused" };
        output.line(format!("{}  {size}  {}  {word}", line.path.display(), line.title));
        for Against { check, reason, liftable } in &line.refused {
            let how = if *liftable { format!(" (--override {check})") } else { String::new() };
            output.line(format!("    {check}: {reason}{how}"));
        }
    }
    output.result(Exit::Done, &serde_json::json!({ "devices": lines }));
    Ok(Exit::Done)
}

fn line<'a>(machine: &Machine, disk: &'a Disk) -> Line<'a> {
    let reason = |refusal: Refusal| Against {
        check: refusal.check.name(),
        liftable: Check::LIFTABLE.contains(&refusal.check),
        reason: refusal.reason,
    };
    Line {
        path: &disk.path,
        title: disk.title(),
        size_bytes: disk.size_bytes,
        identity: disk.hardware.to_string(),
        refused: standing(machine, disk, 0, &[]).into_iter().map(reason).collect(),
    }
}

/// What stands against burning a disk, whatever the edition, but for what was lifted.
pub(crate) fn standing(
    machine: &Machine,
    disk: &Disk,
    needs_bytes: u64,
    lifted: &[Check],
) -> Vec<Refusal> {
    let aim = Aim::Block { path: disk.path.clone(), number: disk.number };
    let request = Request { aim: &aim, needs_bytes, edition: Path::new(""), lifted };
    refusals(machine, &request)
}
