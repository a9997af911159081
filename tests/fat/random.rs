//! Random trees.

use std::os::unix::fs::FileExt;

use proptest::prelude::*;
use scrip::fat::{Options, plan};

use super::{
    Bytes, MIB, Tree, assert_clean, entries, geometry, noise, planned, read_by_fatfs, written,
};

fn name() -> impl Strategy<Value = String> {
    let plain = "[A-Z0-9]{1,8}(\\.[A-Z]{1,3})?";
    let long = "[a-zA-Zà-ÿα-ωЀ-ӿ一-丕 +,;=\\[\\]._-]{1,40}";
    prop_oneof![plain, long, "[a-c]{1,3}"].prop_map(|name| {
        let name = name.trim_matches(['.', ' ']).to_owned();
        if name.is_empty() { "x".to_owned() } else { name }
    })
}

fn random_tree() -> impl Strategy<Value = Tree> {
    let path =
        prop::collection::vec(name(), 1..5).prop_map(|names| format!("/{}", names.join("/")));
    let size = prop_oneof![0_usize..6, 500_usize..520, 4_090_usize..4_100, 0_usize..40_000];
    prop::collection::vec((path, size), 0..60).prop_map(|files| {
        let noisy = |(seed, (path, len))| (path, noise(seed, len));
        files.into_iter().enumerate().map(noisy).collect()
    })
}

/// The paths of a random tree that don't stand in each other's way.
fn without_collisions(tree: Tree) -> Tree {
    let mut kept = Tree::new();
    for (path, bytes) in tree {
        kept.insert(path.clone(), bytes);
        if plan(&geometry(34 * MIB), entries(&kept), &Options::sealed("/R.BIN")).is_err() {
            kept.remove(&path);
        }
    }
    kept
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_trees_are_clean_read_back_and_ignore_order(
        tree in random_tree().prop_map(without_collisions),
        wide in any::<bool>(),
        sealed in any::<bool>(),
        turn in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let volume_bytes = if wide { 260 * MIB } else { 34 * MIB };
        let options = if sealed { Options::sealed("/R.BIN") } else { Options::writable() };
        let first_plan = planned(volume_bytes, &tree, &options);
        let volume = written(&first_plan, &tree);
        assert_clean(volume.path());
        prop_assert!(read_by_fatfs(&volume, &first_plan) == tree);

        let mut shuffled = entries(&tree);
        if !shuffled.is_empty() {
            let middle = turn.index(shuffled.len());
            shuffled.rotate_left(middle);
            shuffled[middle..].reverse();
        }
        let again = plan(&geometry(volume_bytes), shuffled, &options).expect("a plan");
        let first = usize::try_from(first_plan.geometry().data_offset()).expect("small") + (1 << 20);
        let mut whole = vec![0; first];
        volume.as_file().read_exact_at(&mut whole, 0).expect("the volume");
        let contents = Bytes::of(&tree);
        for cut in cuts {
            let start = cut.index(first);
            let mut part = vec![0xA5; (first - start).min(70_001)];
            again.read_at(start as u64, &mut part, &contents).expect("a part");
            prop_assert!(part == whole[start..start + part.len()], "bytes from {start} differ");
        }
    }
}
