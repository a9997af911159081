//! Edition files: one whole edition with patches, and bare headers and manifests.

use std::num::NonZeroUsize;

use scrip::image::edition::{self, open};
use scrip::image::leaves::Unwatched;
use scrip::image::sealed::open_sealed;

use super::input::Input;
use super::medium::{Patched, burnt};
use super::world;

/// First byte 0: a manifest's slot; 7: patches over the signed edition, which is read whole; else
/// patches over it, of which the header, the manifest and the seal are read.
pub fn edition_open(data: &[u8]) {
    let mut input = Input::new(data);
    let form = input.byte();
    if form == 0 {
        let _ = edition::read_manifest(input.rest());
        return;
    }
    let layout = &burnt().layout;
    let anchors = [
        0,
        layout.rom().start,
        layout.rom().start + burnt().rom.geometry().data_offset(),
        layout.rom().start + burnt().rom.locate("/SCRIP/MANIFEST.CBR").expect("it has one"),
        layout.seal().start,
        layout.edition_seal().start,
        layout.medium_seal().start,
        layout.edition_bytes() - 4_096,
    ];
    let device = Patched::read(&burnt().edition, &anchors, input);
    let opened = open(&device);
    if let Ok(opened) = &opened {
        assert_eq!(opened.layout.edition_bytes(), layout.edition_bytes());
    }
    let changed = device.changed();
    if form == 7 {
        let sealed = open_sealed(&device, &world().trust(), NonZeroUsize::MIN, &Unwatched);
        assert_eq!(sealed.is_ok(), changed.is_empty(), "{changed:?}: {:?}", sealed.err());
    }
    assert!(opened.is_ok() || !changed.is_empty(), "{:?}", opened.err());
}
