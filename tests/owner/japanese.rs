//! What is told in Japanese is told in Japanese: no English word is left but names, paths, options.

/// Words that have no other form in Japanese: tools, codes, names of files, and what the sample
/// media, their issuers and items are called.
const NAMES: &[&str] = &[
    "scrip",
    "wallet",
    "verify",
    "store",
    "SCRIP",
    "ROM",
    "OUTBOX",
    "INBOX",
    "UTF",
    "JPEG",
    "PNG",
    "JPY",
    "EUR",
    "USD",
    "SHA",
    "SCRIP_LANG",
    "USB",
    "BRANCH",
    "UTC",
];

/// English words in a text, but for what is quoted, paths, options, hex and names.
pub(super) fn english_in(text: &str, known: &[&str]) -> Vec<String> {
    let unquoted: String = text.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let is_part = |c: char| c.is_ascii_graphic() && !"\"'(),;:!?[]<>".contains(c);
    let tokens = unquoted.split(|c| !is_part(c)).filter(|token| !token.is_empty());
    let named = |word: &str| {
        NAMES.contains(&word)
            || known.iter().any(|name| name.split(is_separator).any(|n| n == word))
    };
    let is_path = |token: &str| token.contains('/') || token.contains('.') && token.len() > 3;
    let is_hex = |word: &str| word.len() >= 4 && word.chars().all(|c| c.is_ascii_hexdigit());
    let words = tokens
        .filter(|token| !is_path(token) && !token.starts_with("--") && !is_hex(token))
        .flat_map(|token| token.split(|c: char| !c.is_ascii_alphabetic() && c != '_'))
        .filter(|word| word.len() >= 3 && !is_hex(word) && !named(word));
    words.map(str::to_owned).collect()
}

fn is_separator(c: char) -> bool {
    !c.is_ascii_alphabetic() && c != '_'
}

#[test]
fn english_is_found_between_names_paths_and_options() {
    assert_eq!(english_in("媒体を開けません：no such file（a.img）", &[]), ["such", "file"]);
    let fine =
        "ヒント：`log in` には --password-file か /mnt/x を、SCRIP/OUTBOX/a.jrn、4F2A-11CC、song";
    assert_eq!(english_in(fine, &["song"]), Vec::<String>::new());
}
