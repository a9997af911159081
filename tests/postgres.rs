//! A throwaway `PostgreSQL` cluster: made by `initdb`, reached by a socket in its own folder.

#![allow(clippy::disallowed_methods, reason = "a server needs files and a search path")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use postgres::NoTls;
use tempfile::TempDir;

const HINT: &str = "install it: apt-get install postgresql";
const START_MS_MAX: u64 = 30_000;
const POLL_MS: u64 = 20;
/// The account that the cluster runs as when the test runs as root, which it refuses to.
const ACCOUNT: &str = "postgres";

/// A running cluster; dropping it stops it and removes its files.
///
/// It also stops when the thread that started it ends.
pub(crate) struct Cluster {
    server: Child,
    folder: TempDir,
    databases: u32,
    #[allow(dead_code, reason = "benches share this file and never stop it")]
    settings: Vec<String>,
}

impl Cluster {
    /// Make a cluster with these server settings (`fsync=off`) and wait until it answers.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a folder for the data");
        give_to_account(folder.path(), &data);
        init(&data);
        let server = serve(folder.path(), &data, settings);
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let mut cluster = Self { server, folder, databases: 0, settings };
        cluster.wait();
        cluster
    }

    /// Make an empty database; its URL.
    pub(crate) fn database(&mut self) -> String {
        self.databases += 1;
        let name = format!("test{}", self.databases);
        let mut client = postgres::Client::connect(&self.url("postgres"), NoTls).expect("connects");
        client.batch_execute(&format!("CREATE DATABASE {name}")).expect("makes a database");
        self.url(&name)
    }

    /// End it at once, as `pg_ctl stop -m immediate` does: whoever is connected is cut off.
    #[allow(dead_code, reason = "benches share this file and never stop it")]
    pub(crate) fn stop_at_once(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.server);
        rustix::process::kill_process(pid, rustix::process::Signal::QUIT).expect("it runs");
        self.server.wait().expect("it ends");
    }

    /// Start it again on the same data, and wait until it answers.
    #[allow(dead_code, reason = "benches share this file and never stop it")]
    pub(crate) fn start_again(&mut self) {
        let settings: Vec<&str> = self.settings.iter().map(String::as_str).collect();
        self.server = serve(self.folder.path(), &self.folder.path().join("data"), &settings);
        self.wait();
    }

    fn url(&self, database: &str) -> String {
        let socket = self.folder.path().join("data").display().to_string().replace('/', "%2F");
        format!("postgres://scrip@{socket}/{database}")
    }

    fn wait(&mut self) {
        for _ in 0..START_MS_MAX / POLL_MS {
            if postgres::Client::connect(&self.url("postgres"), NoTls).is_ok() {
                return;
            }
            let ended = self.server.try_wait().expect("the server's state");
            assert!(ended.is_none(), "the cluster ended with {ended:?}: {}", self.log());
            sleep(Duration::from_millis(POLL_MS));
        }
        panic!("no answer from the cluster in {START_MS_MAX} ms: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The server ends on SIGQUIT at once; SIGKILL would leave its children to find out.
        let quit = rustix::process::Signal::QUIT;
        if let Some(pid) = rustix::process::Pid::from_raw(self.server.id().cast_signed()) {
            rustix::process::kill_process(pid, quit).ok();
        }
        self.server.wait().ok();
    }
}

fn init(data: &Path) {
    let made = as_account(&program("initdb"))
        .args(["--auth=trust", "--username=scrip", "--encoding=UTF8", "--no-locale", "--no-sync"])
        .arg("--pgdata")
        .arg(data)
        .output()
        .unwrap_or_else(|error| panic!("running initdb: {error}; {HINT}"));
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
}

fn serve(folder: &Path, data: &Path, settings: &[&str]) -> Child {
    let log = fs::File::create(folder.join("log")).expect("a log file");
    let mut command = as_account(&program("postgres"));
    command.arg("-D").arg(data).arg("-k").arg(data).args(["-c", "listen_addresses="]);
    for setting in settings {
        command.args(["-c", setting]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("starts")
}

/// A command that runs as somebody else than root, and ends with the calling thread.
fn as_account(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if rustix::process::geteuid().is_root() {
        command.args(["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"]);
    }
    command.arg("--").arg(program).current_dir("/");
    command
}

fn give_to_account(folder: &Path, data: &Path) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let found = Command::new("id").args(["-u", ACCOUNT]).output().expect("id runs");
    assert!(found.status.success(), "there is no account {ACCOUNT}; {HINT}");
    let uid = String::from_utf8_lossy(&found.stdout).trim().parse().expect("a number");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("opens the folder");
    chown(data, Some(uid), None).expect("gives the folder away");
}

/// Find a program of the newest installed `PostgreSQL`.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|entry| entry.path().join("bin").join(name)).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.retain(|program| program.is_file());
    found.sort();
    let on_path =
        || std::env::split_paths(&path).map(|folder| folder.join(name)).find(|p| p.is_file());
    found.pop().or_else(on_path).unwrap_or_else(|| panic!("{name} is not installed; {HINT}"))
}
