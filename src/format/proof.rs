//! A proof that a key signed two histories, which anyone can check without any records.

use super::certificate::Chain;
use super::field::{Bytes, record};
use super::objects;

record! {
    /// A settler's word for which key is a medium's.
    pub struct NamedHolder {
        /// The signed checkpoint.
        1 => checkpoint: Bytes,
        /// The settler's certificate, by the issuer above the medium's store.
        2 => certificate: Bytes,
    }
}

record! {
    /// Two signed objects that can't both stand, with all that says whose key signed them. Not
    /// signed itself, since each part is.
    pub struct ForkProof {
        /// The store's certificate first; the root last, or left out for length.
        1 => chain: Chain,
        /// The signed medium certificate; absent where both objects are the store's own entries.
        2 => certificate: Option<Bytes>,
        /// The rekey that gave the key that signed; absent where that is the store-made one.
        3 => rekey: Option<Bytes>,
        /// A settler's word for that key, where the rekey isn't at hand.
        4 => holder: Option<NamedHolder>,
        /// A signed record, or entry of the store's journal.
        5 => one: Bytes,
        /// Another one of the same sequence.
        6 => other: Bytes,
    }
}

objects! {
    ForkProof => ForkProof,
}
