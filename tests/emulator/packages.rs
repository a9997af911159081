//! Debian's kernel and busybox, fetched as packages and kept under the target directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules that a stick with FAT volumes needs; what they depend on is found in them.
/// The tables of characters are those which desktops name when they mount a stick.
const MODULES: [&str; 8] = [
    "vfat",
    "nls_cp437",
    "nls_ascii",
    "nls_iso8859_1",
    "nls_utf8",
    "xhci_pci",
    "sd_mod",
    "usb_storage",
];
/// Where in the kernel's package those modules and what they depend on lie.
const FOLDERS: [&str; 7] =
    ["fs/fat", "fs/nls", "drivers/usb", "drivers/scsi", "block", "lib", "crypto"];
/// What a person does when a package can't be had.
const HINT: &str = "on Debian run: apt-get update && apt-get install qemu-system-x86 xz-utils";

/// The files a guest boots from.
pub(crate) struct Packages {
    /// Debian's kernel, as its package holds it.
    pub(crate) kernel: PathBuf,
    /// A shell and its commands in one static program.
    pub(crate) busybox: PathBuf,
    /// Kernel modules in the order in which they load.
    pub(crate) modules: Vec<PathBuf>,
}

impl Packages {
    /// The files from an earlier run, or else fetched now.
    pub(crate) fn fetched() -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = target.with_file_name("emulator");
        Self::kept(&folder).unwrap_or_else(|| {
            let fresh = tempfile::tempdir_in(target).expect("the target directory takes files");
            fetch(fresh.path());
            let _ = fs::remove_dir_all(&folder);
            fs::rename(fresh.path().join("kept"), &folder).expect("same file system");
            Self::kept(&folder).expect("what was fetched is whole")
        })
    }

    fn kept(folder: &Path) -> Option<Self> {
        let mut modules: Vec<PathBuf> =
            fs::read_dir(folder.join("modules")).ok()?.map(|file| file.unwrap().path()).collect();
        modules.sort();
        let has = |name: &&str| modules.iter().any(|path| module_name(path) == **name);
        let (kernel, busybox) = (folder.join("kernel"), folder.join("busybox"));
        let whole = kernel.exists() && busybox.exists() && MODULES.iter().all(has);
        whole.then_some(Self { kernel, busybox, modules })
    }
}

/// Leaves `kernel`, `busybox` and `modules/<order>-<name>` in `folder/kept`.
fn fetch(folder: &Path) {
    let package = kernel_package();
    run(folder, "apt-get", &["-q", "download", &package, "busybox-static"]);
    let unpack = format!(
        "for package in *.deb; do dpkg-deb --fsys-tarfile \"$package\" |
           tar -x --wildcards './boot/vmlinuz-*' './bin/busybox' './usr/bin/busybox' {} 2>/dev/null
         done; mkdir -p kept/modules; mv boot/vmlinuz-* kept/kernel
         mv bin/busybox kept/busybox 2>/dev/null || mv usr/bin/busybox kept/busybox",
        FOLDERS.map(|part| format!("'./*lib/modules/*/kernel/{part}/*'")).join(" ")
    );
    run(folder, "sh", &["-c", &unpack]);
    keep_modules(folder);
}

/// The package that `linux-image-amd64` stands for today.
fn kernel_package() -> String {
    let said = run(Path::new("/"), "apt-cache", &["depends", "linux-image-amd64"]);
    let package = said.lines().find_map(|line| line.trim().strip_prefix("Depends: linux-image-"));
    format!("linux-image-{}", package.unwrap_or_else(|| panic!("no kernel in {said:?}; {HINT}")))
}

fn keep_modules(folder: &Path) {
    let found: BTreeMap<String, PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(|entry| Some(entry.ok()?.into_path()))
        .filter(|path| path.to_string_lossy().contains(".ko"))
        .map(|path| (module_name(&path), path))
        .collect();
    let mut order = Vec::new();
    for name in MODULES {
        place(name, &found, &mut order);
    }
    for (place, (name, bytes)) in order.iter().enumerate() {
        let kept = folder.join(format!("kept/modules/{place:02}-{name}.ko"));
        fs::write(kept, bytes).expect("the target directory takes files");
    }
}

/// Puts a module into the order, behind those it depends on.
fn place(name: &str, found: &BTreeMap<String, PathBuf>, order: &mut Vec<(String, Vec<u8>)>) {
    if order.iter().any(|(placed, _)| placed == name) {
        return;
    }
    let path = found.get(name).unwrap_or_else(|| panic!("the kernel's package has no {name}"));
    let bytes = unpacked(path);
    for needed in dependencies(&bytes) {
        place(&needed, found, order);
    }
    order.push((name.to_owned(), bytes));
}

/// A module's `depends=` line: the package holds no `modules.dep`, its installation writes that.
fn dependencies(module: &[u8]) -> Vec<String> {
    let key = b"\0depends=";
    let start = module.windows(key.len()).position(|window| window == key);
    let rest = start.map_or(&[][..], |start| &module[start + key.len()..]);
    let line = rest.split(|&byte| byte == 0).next().unwrap_or(&[]);
    let names = String::from_utf8_lossy(line).replace('-', "_");
    names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Newer packages hold their modules compressed.
fn unpacked(path: &Path) -> Vec<u8> {
    if path.extension().is_some_and(|extension| extension == "xz") {
        let output = Command::new("xz").arg("-dc").arg(path).output().expect(HINT);
        assert!(output.status.success(), "xz does not unpack {}", path.display());
        return output.stdout;
    }
    fs::read(path).expect("just unpacked")
}

/// `07-usb-storage.ko.xz` is the module `usb_storage`.
fn module_name(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
    let name = file.split(".ko").next().unwrap_or_default();
    name.trim_start_matches(|sign: char| sign.is_ascii_digit()).trim_start_matches('_').to_owned()
}

/// Runs a command to its end and hands back what it printed.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; {HINT}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {}: {said}{HINT}", arguments.join(" "));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
