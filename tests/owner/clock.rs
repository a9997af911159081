//! Computers whose clock is decades off, before and behind.

use std::process::{Command, Stdio};

use super::SERIAL;
use super::bench::{Answer, Bench, answer};
use super::refused::{topup, voucher};
use crate::world::{Sample, World};

const HINT: &str = "apt-get install faketime";

/// A run of the tool on a computer that takes this for the time.
fn run_at(time: &str, bench: &Bench, arguments: &[&str]) -> Answer {
    let tool = bench.command("scrip-wallet", &[&["--medium", bench.medium], arguments].concat());
    let mut command = Command::new("faketime");
    command.arg(time).arg(tool.get_program()).args(tool.get_args()).stdin(Stdio::null());
    command.current_dir(bench.folder.path());
    for (name, value) in tool.get_envs() {
        command.env(name, value.expect("the bench takes nothing away"));
    }
    assert!(Command::new("faketime").arg("--version").output().is_ok(), "{HINT}");
    answer(&mut command)
}

const PAST: &str = "1971-03-04 05:06:07";
const FUTURE: &str = "2117-03-04 05:06:07";

#[test]
fn a_clock_decades_off_neither_stops_nor_costs_anybody() {
    for bench in [Bench::image(), Bench::directories_of(&Sample::new(SERIAL))] {
        let login = ["login", "--password-file", "first", "--new-password-file", "own"];
        run_at(PAST, &bench, &login).says(0, "is yours now");
        // By its own date this voucher has long expired; a host's clock says nothing of that.
        bench.put("own.voucher", voucher(&World::new(), |_| {}));
        run_at(FUTURE, &bench, &topup("own.voucher")).says(0, "Balance: ¥1,200");
        run_at(PAST, &bench, &topup(&bench.code(0))).says(0, "Balance: ¥1,700");
        run_at(FUTURE, &bench, &topup(&bench.code(1))).says(0, "Balance: ¥2,200");
        bench.topup(&bench.code(2)).says(0, "Balance: ¥2,700");
        run_at(PAST, &bench, &topup(&bench.code(1))).says(0, "Already added: ¥500 on 2117-03-04");
        let history = bench.run(&["history", "--accounting"]);
        history.says(0, "1971-03-04");
        history.says(0, "2117-03-04");
        bench.run(&["doctor"]).says(0, "");
        assert_eq!(bench.balance(), "2700");
    }
}
