//! What to try next, as commands that can be pasted.

use std::path::{Path, PathBuf};

use scrip::tool::Output;
use scrip::units::MediumId;

use super::places::Places;

/// Say what to try next.
pub(super) fn tell(
    places: &Places,
    target: &Path,
    (medium, item): (MediumId, Option<&str>),
    output: &Output,
) {
    let Places { issuer, store, edition, trust, folder, .. } = places;
    let [target, issuer, store, edition, trust] =
        [target, issuer, store, edition, trust].map(shown);
    let [verify, wallet, shop, server] =
        ["scrip-verify", "scrip-wallet", "scrip-store", "scrip-server"].map(tool);
    let another = shown(&folder.join("another.img"));
    output.note("keys lie without a passphrase, for trying out: a real issuer locks them");
    output.note("what to try next:");
    output.note(format!("  {verify} check --trust {trust} {target}"));
    output.note(format!("  {wallet} --medium {target} info"));
    output.note(format!("  {wallet} --medium {target} login"));
    if let Some(item) = item {
        output.note(format!("  {wallet} --medium {target} buy {item}"));
        output.note(format!("  {wallet} --medium {target} play {item}"));
    }
    output.note(format!("  {shop} --dir {store} status"));
    output.note(format!("  {shop} --dir {store} topup {medium} 3000"));
    output.note(format!("  {server} --dir {issuer} code {medium} 1000"));
    output.note(format!("  {shop} --dir {store} burn {edition} --to {another}"));
}

/// One of the tools, where this one lies.
fn tool(name: &str) -> String {
    let own = std::env::current_exe().ok();
    own.map_or_else(|| name.to_owned(), |own| shown(&own.with_file_name(name)))
}

/// A path as a shell takes it, from the present folder if it lies below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).map_or_else(|_| path.to_path_buf(), PathBuf::from);
    quoted(&path.display().to_string())
}

fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+:@%,=".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_takes_a_path_as_one_word() {
        let table = [
            ("a/b-1.img", "a/b-1.img"),
            ("my stick.img", "'my stick.img'"),
            ("it's $1", "'it'\\''s $1'"),
            ("", "''"),
        ];
        for (text, expected) in table {
            assert_eq!(quoted(text), expected);
        }
    }
}
