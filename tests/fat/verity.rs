//! The hash tree over a volume as veritysetup sees it.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use data_encoding::HEXLOWER;
use scrip::fat::Options;
use scrip::image::tree::{self, HashTree};
use tempfile::NamedTempFile;

use super::{MIB, planned, run, varied, written};

#[test]
fn veritysetup_agrees_with_the_tree_and_each_file_root_with_the_leaves() {
    let tree = varied();
    for volume_bytes in [34 * MIB, 300 * MIB] {
        let plan = planned(volume_bytes, &tree, &Options::sealed("/SCRIP/RESERVE.BIN"));
        let volume = written(&plan, &tree);
        let bytes = fs::read(volume.path()).expect("the volume");
        let mut leaves = Vec::new();
        tree::push_leaves(&mut leaves, &bytes);
        for (path, bytes) in &tree {
            let mut own = Vec::new();
            tree::push_leaves(&mut own, bytes);
            if let Some(offset) = plan.locate(path) {
                let first = usize::try_from(offset / 4_096).expect("a small volume");
                assert_eq!(leaves[first..first + own.len()], own, "{path}");
            }
        }
        let hashes = HashTree::from_leaves(leaves).expect("leaves");
        let blocks = usize::try_from(hashes.stored_blocks()).expect("a small tree");
        let mut stored = vec![0xA5; blocks * tree::BLOCK_BYTES];
        hashes.fill(&[0x5A; 16], 0, &mut stored);
        let seal = NamedTempFile::new().expect("a temporary file");
        seal.as_file().write_all_at(&stored, 0).expect("the tree");
        verify(volume.path(), seal.path(), &HEXLOWER.encode(&hashes.root()));
        assert_same_as_veritysetup_writes(volume.path(), &stored);
    }
}

fn verify(volume: &Path, seal: &Path, root: &str) {
    let mut command = Command::new("/usr/sbin/veritysetup");
    run("cryptsetup-bin", command.arg("verify").arg(volume).arg(seal).arg(root));
}

fn assert_same_as_veritysetup_writes(volume: &Path, stored: &[u8]) {
    let theirs = NamedTempFile::new().expect("a temporary file");
    let mut command = Command::new("/usr/sbin/veritysetup");
    command.args(["format", "--salt=-", "--uuid=5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a"]);
    run("cryptsetup-bin", command.arg(volume).arg(theirs.path()));
    assert!(fs::read(theirs.path()).expect("their tree") == stored, "the stored trees differ");
}
