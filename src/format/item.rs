//! An item apart from its edition: what is sold, for how much, for whom, and which bytes it is.

use super::certificate::Chain;
use super::edition::ItemKind;
use super::field::{Bytes, record};
use super::objects;
use crate::units::{Amount, ByteCount, Currency};

record! {
    /// An entry of the catalogue as the rom-signer signs it, so that it holds away from its edition.
    pub struct ItemEntry {
        /// Its id in the catalogue.
        1 => id: String,
        /// Title.
        2 => title: String,
        /// Title in Japanese, if it has one.
        3 => title_ja: Option<String>,
        /// What it is.
        4 => kind: ItemKind,
        /// The last name of its path, for a person and for the program that shows it.
        5 => name: String,
        /// Length of its file, as it lies on the read-only volume.
        6 => size: ByteCount,
        /// Price in minor units; 0 is free.
        7 => price: Amount,
        /// Who is paid.
        8 => rights_holder: String,
        /// SHA-256 over what its file holds once it is opened; absent where the file isn't sealed.
        9 => content: Option<[u8; 32]>,
        /// Currency of the price.
        10 => currency: Currency,
        /// Tree hash over the 4,096-byte leaves of its file, as in the manifest.
        11 => root: [u8; 32],
    }
}

record! {
    /// What proves an item to somebody who has not seen its edition; its file goes beside it.
    pub struct Package {
        /// The signed [`ItemEntry`].
        1 => item: Bytes,
        /// The rom-signer's certificate first.
        2 => chain: Chain,
    }
}

objects! {
    ItemEntry => Item,
    Package => Package,
}
