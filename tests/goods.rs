//! An edition that offers something: sealed items, and a free one that isn't sealed.

use scrip::crypto::Secret;
use scrip::crypto::chunks::{self, CHUNK_BYTES, Position};
use scrip::crypto::digest::sha256;
use scrip::format::Object;
use scrip::format::edition::{Catalogue, Item, ItemKind};
use scrip::image::layout::CATALOGUE_PATH;
use scrip::units::ByteCount;

use crate::world::{
    Files, Sample, World, edition_secret, files, minor, sealed_as, shape, stamped, yen,
};

/// The longest item: five chunks.
pub(crate) const DEAR: &str = "/players/linux-x86_64/scrip-wallet";

/// A medium of an edition with [`goods`].
pub(crate) fn sample(serial: u64) -> Sample {
    let world = World::new();
    let (sealed, edition) = sealed_as(&world, shape(), &goods());
    let stamped = stamped(&world, &sealed, &edition, serial);
    Sample { sealed, edition, stamped }
}

/// The usual files and a catalogue: a free item, and sealed ones that cost 400 and 501.
pub(crate) fn goods() -> Files {
    let mut files = files();
    let secret = edition_secret();
    let mut item = |id: &str, path: &str, price: u64| {
        let file = files.0.iter_mut().find(|(known, _)| known == path).unwrap();
        let content = (price > 0).then(|| sha256(&file.1));
        if let Some(content) = &content {
            file.1 = seal_whole(&secret.item_key(id, content), &file.1);
        }
        Item {
            id: id.to_owned(),
            title: format!("Title of {id}"),
            title_ja: None,
            kind: ItemKind::Text,
            path: path.to_owned(),
            size: ByteCount::from_bytes(file.1.len() as u64),
            price: minor(price),
            rights_holder: "somebody".to_owned(),
            content,
        }
    };
    let items = vec![
        item("gift", "/START.HTM", 0),
        item("fair", "/CONTENT/A long name with spaces.txt", 400),
        item("dear", DEAR, 501),
    ];
    let catalogue = Catalogue { currency: yen(), items, secret: Some(secret.id()) };
    files.0.push((CATALOGUE_PATH.to_owned(), catalogue.encode()));
    files
}

/// What an item of [`goods`] opens to.
pub(crate) fn plain(path: &str) -> Vec<u8> {
    files().0.into_iter().find(|(known, _)| known == path).unwrap().1
}

fn seal_whole(key: &Secret<32>, plain: &[u8]) -> Vec<u8> {
    let count = plain.chunks(CHUNK_BYTES).count();
    let parts = plain.chunks(CHUNK_BYTES).enumerate().map(|(at, chunk)| {
        let position = if at + 1 == count { Position::Last } else { Position::Inner };
        chunks::seal(key, at as u64, position, chunk)
    });
    parts.collect::<Vec<_>>().concat()
}
