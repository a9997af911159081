//! A burnt medium in its owner's hands: used, resealed, and its own player started from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use scrip::image::layout::Layout;

use super::{DESKTOP, End, READ, use_medium, written};
use crate::burn::tool;
use crate::world::{Files, Sample, World, files, sealed_as, shape, stamped};

/// Where the sample edition carries its player.
const PLAYER: &str = "/players/linux-x86_64/scrip-wallet";

/// The player as it goes onto media: statically linked. Built once and kept.
pub(super) static STATIC_PLAYER: LazyLock<PathBuf> = LazyLock::new(|| {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("lies in the target");
    let triple = "x86_64-unknown-linux-gnu";
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", triple, "--no-default-features"])
        .args(["--features", "wallet", "--bin", "scrip-wallet", "--target-dir"])
        .arg(target)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs this test");
    assert!(built.success(), "the static player isn't built: {built}");
    target.join(triple).join("release/scrip-wallet")
});

/// A medium of a live root that carries the real player and the script that starts it.
fn medium(world: &World) -> Sample {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("images/starter/rom/start.sh");
    let mut files = files();
    for (path, bytes) in &mut files.0 {
        match path.as_str() {
            PLAYER => *bytes = fs::read(&*STATIC_PLAYER).unwrap(),
            "/start.sh" => *bytes = fs::read(&script).unwrap(),
            _ => {}
        }
    }
    let Files(kept) = &files;
    assert!(kept.iter().any(|(path, bytes)| path == PLAYER && bytes.starts_with(b"\x7fELF")));
    let (sealed, edition) = sealed_as(world, shape(), &files);
    let stamped = stamped(world, &sealed, &edition, 81);
    Sample { sealed, edition, stamped }
}

fn wallet(folder: &Path, image: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_scrip-wallet"))
        .arg("--medium")
        .arg(image)
        .args(arguments)
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .env("XDG_STATE_HOME", folder.join("state"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Have veritysetup check the read-only area against the root that the medium's seal states.
fn verify(folder: &Path, medium: &[u8], layout: &Layout, root: &[u8; 32]) {
    let part = |name: &str, range: std::ops::Range<u64>| {
        let path = folder.join(name);
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        fs::write(&path, &medium[range]).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (rom, seal) = (part("rom", layout.rom()), part("seal", layout.seal()));
    tool("veritysetup", &["verify", &rom, &seal, &data_encoding::HEXLOWER.encode(root)]);
}

#[test]
fn what_a_kernel_touched_is_resealed_and_veritysetup_agrees() {
    let world = World::live(12);
    let sample = Sample::of(&world, 82);
    let burnt = sample.burnt().into_bytes();
    let layout = &sample.sealed.layout;
    let read_only = usize::try_from(layout.seal().end).unwrap();
    let synced = format!("{READ}; sync");
    for (script, end) in [(READ, End::Unmounted), (&synced, End::Pulled)] {
        let folder = tempfile::tempdir().unwrap();
        let image = written(&burnt);
        use_medium(&image, DESKTOP, script, end);
        let (exit, said) = wallet(folder.path(), &image, &["doctor"]);
        assert!(exit == Some(0) && said.contains("Computers left notes on it"), "{exit:?}: {said}");
        let (exit, said) = wallet(folder.path(), &image, &["doctor", "--reseal"]);
        assert!(exit == Some(0) && said.contains("Resealed: "), "{exit:?}: {said}");
        let (exit, said) = wallet(folder.path(), &image, &["info"]);
        assert!(
            exit == Some(0) && said.contains("sealed: as the shop made it"),
            "{exit:?}: {said}"
        );
        let resealed = fs::read(&image).unwrap();
        assert!(resealed[..read_only] == burnt[..read_only], "not the bytes that were burnt");
        verify(folder.path(), &resealed, layout, &sample.stamped.root);
    }
}

#[test]
fn an_owner_starts_the_player_from_the_stick() {
    let world = World::live(13);
    let sample = medium(&world);
    let image = written(&sample.burnt().into_bytes());
    let script = "chmod 1777 /tmp; su owner -c \"sh $ROM/start.sh\"";
    let said = use_medium(&image, DESKTOP, script, End::Unmounted).console;
    for words in ["files intact; seal not checked", "¥500", "first seen here"] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (exit, said) = wallet(folder.path(), &image, &["info"]);
    assert!(exit == Some(0) && said.contains("touched by ordinary use"), "{exit:?}: {said}");
}
