//! Plain tar archives: what is sent in together.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

const BLOCK: usize = 512;

/// A file of a bundle.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Write a bundle: plain ustar, members in this order.
pub(crate) fn write<'m>(path: &Path, members: impl IntoIterator<Item = &'m Member>) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).expect("makes a bundle"));
    for member in members {
        file.write_all(&head(&member.name, member.bytes.len())).expect("writes");
        file.write_all(&member.bytes).expect("writes");
        let padding = member.bytes.len().next_multiple_of(BLOCK) - member.bytes.len();
        file.write_all(&[0; BLOCK][..padding]).expect("writes");
    }
    file.write_all(&[0; 2 * BLOCK]).expect("writes");
    file.flush().expect("writes");
}

/// Read a bundle that [`write`] wrote.
pub(crate) fn read(path: &Path) -> Vec<Member> {
    let bytes = std::fs::read(path).expect("reads a bundle");
    let (mut rest, mut members) = (bytes.as_slice(), vec![]);
    while let Some((head, behind)) = rest.split_at_checked(BLOCK) {
        if head[0] == 0 {
            break;
        }
        let text = |field: &[u8]| {
            let text = field.split(|byte| *byte == 0).next().unwrap_or_default();
            String::from_utf8(text.to_vec()).expect("names and numbers are ASCII")
        };
        let length = usize::from_str_radix(&text(&head[124..136]), 8).expect("a length");
        let (name, bytes) = (text(&head[..100]), behind[..length].to_vec());
        members.push(Member { name, bytes });
        rest = &behind[length.next_multiple_of(BLOCK)..];
    }
    members
}

fn head(name: &str, length: usize) -> [u8; BLOCK] {
    let mut head = [0; BLOCK];
    let mut put =
        |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    assert!(name.len() < 100, "names here are short");
    put(0, name);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{length:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    let sum: u64 = head.iter().map(|byte| u64::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head
}
