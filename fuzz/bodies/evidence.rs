//! Evidence: each file is read or says why not, and what was read is the same in any order.

use std::num::NonZeroUsize;

use scrip::device::MemoryDevice;
use scrip::format::Object;
use scrip::image::leaves::Unwatched;
use scrip::journal::first_frames;
use scrip::reconcile::{Heap, Ruling, branches};

use super::funding::made;
use super::input::Input;
use super::world;

/// 0 and a file; or 1 and what `funding` takes: a payer's papers, and its records alone.
pub fn evidence(data: &[u8]) {
    let mut input = Input::new(data);
    if input.byte() == 0 {
        let mut heap = Heap::new(world().trust());
        let file = MemoryDevice::from_bytes(input.rest().to_vec());
        if let Err(skipped) = heap.take(&file, NonZeroUsize::MIN, &Unwatched) {
            assert!(!skipped.to_string().is_empty());
        }
        heads(&heap);
        return;
    }
    let shown = made(&mut input);
    let records: Vec<Vec<u8>> = shown.records.iter().map(|record| record.0.clone()).collect();
    let Ok(frames) = first_frames(&records[records.len() / 2..]) else { return };
    let files = [shown.encode(), frames];
    let found = [[0, 1], [1, 0]].map(|order| {
        let mut heap = Heap::new(world().trust());
        for file in order {
            let _ = heap.take_bytes(&files[file]);
        }
        heads(&heap)
    });
    assert_eq!(found[0], found[1], "the order of files changes what they say");
}

/// The newest record of each branch.
fn heads(heap: &Heap) -> Vec<[u8; 32]> {
    let rulings = heap
        .media()
        .values()
        .filter_map(|pieces| Some((Ruling::of(pieces, &[0; 32], &heap.revoked())?, pieces)));
    let found = rulings.flat_map(|(ruling, pieces)| branches(&ruling, pieces).branches);
    found.map(|branch| branch.state.head).collect()
}
