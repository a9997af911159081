//! The same recipe gives the same bytes, whatever the machine is like.

use std::fs;
use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use super::{Kitchen, RECIPE, small_tree};

/// Shuffles with a fixed seed.
fn shuffled<T>(mut items: Vec<T>, seed: u64) -> Vec<T> {
    let mut state = seed;
    for at in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
        items.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
    }
    items
}

#[test]
fn neither_order_nor_threads_nor_folder_nor_day_shows() {
    let first = Kitchen::new();
    first.build("out", NonZeroUsize::MIN).unwrap();
    let expected = fs::read(first.path("out")).unwrap();
    for threads in 1..=8 {
        let kitchen = Kitchen::stocked(RECIPE, &shuffled(small_tree(), threads));
        let day = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 * 3_000 * threads);
        for (name, _) in small_tree() {
            let file = fs::File::options().write(true).open(kitchen.in_tree(&name)).unwrap();
            file.set_modified(day).unwrap();
        }
        let threads = NonZeroUsize::new(usize::try_from(threads).unwrap()).unwrap();
        kitchen.build("another name", threads).unwrap();
        assert!(fs::read(kitchen.path("another name")).unwrap() == expected, "{threads} threads");
    }
}

#[test]
fn a_changed_byte_or_price_shows() {
    let edition = |recipe: &str, files: &[(String, Vec<u8>)]| {
        Kitchen::stocked(recipe, files).build("out", NonZeroUsize::MIN).unwrap().edition
    };
    let same = edition(RECIPE, &small_tree());
    assert_eq!(edition(RECIPE, &small_tree()), same);
    assert_ne!(edition(&RECIPE.replace("price = 50", "price = 51"), &small_tree()), same);
    assert_ne!(edition(&RECIPE.replace("release = 2", "release = 3"), &small_tree()), same);
    let mut files = small_tree();
    files[10].1[0] ^= 1;
    assert_ne!(edition(RECIPE, &files), same);
}
