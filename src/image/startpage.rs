//! The start page: three markers in it are filled with what the recipe says.
//!
//! `images/starter/README.md` describes the HTML that stands for each marker.

use std::fmt::{self, Display};

use super::player::Platform;
use super::recipe::{Item, Recipe, Words};
use crate::format::edition::ItemKind;
use crate::units::{Amount, CurrencyForm};

/// The page's file, relative to the top of the read-only area.
pub const START_PAGE: &str = "START.HTM";
/// The longest page that is filled in.
pub const START_PAGE_BYTES_MAX: u64 = 4 << 20;

/// Why a page can't be filled in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartPageError {
    /// Not text.
    #[error("byte {0} is not UTF-8")]
    Text(usize),
    /// A marker more than once.
    #[error("marker {marker} stands {count} times, at most once is allowed")]
    Repeated {
        /// The marker.
        marker: String,
        /// How often it was found.
        count: usize,
    },
    /// A marker beside other text.
    #[error("marker {marker} in line {line} does not stand on a line of its own")]
    Inline {
        /// The marker.
        marker: String,
        /// Where, from 1.
        line: usize,
    },
}

/// What a page tells beside the recipe.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Length of each player of the recipe; none if its file isn't there.
    pub players: Vec<Option<u64>>,
    /// Length of each item's file before it is sealed.
    pub items: Vec<u64>,
    /// Whether each item is sealed: no browser can open it then.
    pub sealed: Vec<bool>,
}

/// Fill in a page's markers; a page without them stays as it is.
pub fn fill(page: &[u8], recipe: &Recipe, facts: &Facts) -> Result<Vec<u8>, StartPageError> {
    let text =
        std::str::from_utf8(page).map_err(|error| StartPageError::Text(error.valid_up_to()))?;
    let parts: [(&str, &dyn Fn() -> String); 3] = [
        ("players", &|| players(recipe, facts)),
        ("catalogue", &|| catalogue(recipe, facts)),
        ("edition", &|| edition(recipe)),
    ];
    let places = parts.iter().map(|(name, filled)| Ok((place_of(text, name)?, filled)));
    let mut places: Vec<_> = places.collect::<Result<_, _>>()?;
    places.retain(|(place, _)| place.is_some());
    places.sort_by_key(|(place, _)| place.as_ref().map(|range| range.start));
    let (mut out, mut done) = (String::with_capacity(2 * text.len()), 0);
    for (place, filled) in places {
        let place = place.expect("others were dropped");
        out.push_str(&text[done..place.start]);
        out.push_str(&filled());
        done = place.end;
    }
    out.push_str(&text[done..]);
    Ok(out.into_bytes())
}

/// Where the one marker of this name stands.
fn place_of(page: &str, name: &str) -> Result<Option<std::ops::Range<usize>>, StartPageError> {
    let marker = format!("<!-- scrip:{name} -->");
    let count = page.matches(&marker).count();
    if count > 1 {
        return Err(StartPageError::Repeated { marker, count });
    }
    let Some(start) = page.find(&marker) else { return Ok(None) };
    let end = start + marker.len();
    let after = &page[end..];
    let alone = (start == 0 || page[..start].ends_with('\n'))
        && (after.is_empty() || after.starts_with('\n') || after.starts_with("\r\n"));
    if !alone {
        let line = 1 + page[..start].matches('\n').count();
        return Err(StartPageError::Inline { marker, line });
    }
    Ok(Some(start..end))
}

fn players(recipe: &Recipe, facts: &Facts) -> String {
    let rows = recipe.players.iter().zip(&facts.players);
    let rows = rows.map(|(player, bytes)| player_row(player.platform, *bytes));
    rows.collect::<Vec<_>>().join("\n")
}

fn player_row(platform: Platform, bytes: Option<u64>) -> String {
    let (word, name) = (platform.word(), platform_name(platform));
    let Some(bytes) = bytes else {
        let missing = Both("not on this stick", "このスティックには入っていません");
        return format!(
            r#"<li class="player missing" data-platform="{word}"><span class="name">{name}</span> <span class="how">{missing}</span></li>"#
        );
    };
    let (path, how) = (platform.player_path(), how_to_start(platform));
    let size = megabytes(bytes);
    format!(
        r#"<li class="player" data-platform="{word}"><a href="{path}">{name}</a> <span class="size">{size} MB</span> <span class="how">{how}</span></li>"#
    )
}

fn platform_name(platform: Platform) -> Both<&'static str> {
    match platform {
        Platform::LinuxX86_64 => Both("Linux, 64-bit PC", "Linux（64ビットPC）"),
        Platform::LinuxAarch64 => Both("Linux, 64-bit ARM", "Linux（64ビットARM）"),
        Platform::WindowsX86_64 => Both("Windows, 64-bit", "Windows（64ビット）"),
        Platform::MacosUniversal => Both("macOS", "macOS"),
    }
}

fn how_to_start(platform: Platform) -> Both<String> {
    let line = match platform {
        Platform::WindowsX86_64 => r"players\windows-x86_64\scrip-wallet.exe info",
        _ => "sh start.sh",
    };
    Both(
        format!("in a terminal here: <code>{line}</code>"),
        format!("このフォルダーの端末で <code>{line}</code>"),
    )
}

/// Millions of bytes to one place, a tie to the even one.
fn megabytes(bytes: u64) -> String {
    let (mut tenths, rest) = (bytes / 100_000, bytes % 100_000);
    if rest > 50_000 || (rest == 50_000 && tenths % 2 == 1) {
        tenths += 1;
    }
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn catalogue(recipe: &Recipe, facts: &Facts) -> String {
    let form = CurrencyForm::usual(recipe.currency);
    let cards = recipe.items.iter().zip(&facts.items).zip(&facts.sealed);
    cards
        .map(|((item, bytes), sealed)| card(item, *bytes, *sealed, form))
        .collect::<Vec<_>>()
        .join("\n")
}

fn card(item: &Item, bytes: u64, sealed: bool, form: CurrencyForm) -> String {
    let (kind, kind_words) = match item.kind {
        ItemKind::Audio => ("audio", Both("audio", "音楽")),
        ItemKind::Picture => ("picture", Both("picture", "絵")),
        _ => ("text", Both("text", "文章")),
    };
    let (id, path, title) = (&item.id, Href(&item.path), Escaped(&item.title.en));
    let mut lines = vec![format!(r#"<li class="item" data-kind="{kind}" id="item-{id}">"#)];
    if item.kind == ItemKind::Picture && !sealed {
        lines.push(format!(
            r#"<a class="view" href="{path}"><img src="{path}" alt="{title}" loading="lazy"></a>"#
        ));
    }
    let name = words(&item.title);
    let name = if sealed { name } else { format!(r#"<a href="{path}">{name}</a>"#) };
    lines.push(format!("<h3>{name}</h3>"));
    lines.extend(
        item.about.as_ref().map(|about| format!(r#"<p class="about">{}</p>"#, words(about))),
    );
    if item.kind == ItemKind::Audio && !sealed {
        lines.push(format!(
            r#"<audio controls preload="none" src="{path}" aria-label="{title}"></audio>"#
        ));
    }
    let (length, price) = (length(item, bytes), price(item.price, form));
    lines.push(format!(
        r#"<p class="facts"><span class="kind">{kind_words}</span> <span class="length">{length}</span> {price}</p>"#
    ));
    lines.extend(people(item));
    if !item.price.is_zero() {
        let buy = Both("Buy it with the player:", "プレーヤーで購入：");
        lines.push(format!(r#"<p class="buy">{buy} <code>buy {id}</code></p>"#));
    }
    if sealed {
        let play = Both("Then open it with the player:", "購入後はプレーヤーで開きます：");
        lines.push(format!(r#"<p class="buy">{play} <code>play {id}</code></p>"#));
    }
    lines.push("</li>".to_owned());
    lines.join("\n")
}

/// Who made it, and who is paid if that is somebody else.
fn people(item: &Item) -> Vec<String> {
    let (creator, holder) = (Escaped(&item.creator), Escaped(&item.rights_holder));
    let mut lines = vec![format!(r#"<p class="creator">{creator}</p>"#)];
    if item.creator != item.rights_holder {
        let rights = Both(format!("rights: {holder}"), format!("権利者：{holder}"));
        lines.push(format!(r#"<p class="rights">{rights}</p>"#));
    }
    lines
}

fn length(item: &Item, bytes: u64) -> String {
    match item.seconds {
        Some(seconds) => format!("{}:{:02}", seconds / 60, seconds % 60),
        None => format!("{} kB", bytes.div_ceil(1_000)),
    }
}

fn price(price: Amount, form: CurrencyForm) -> String {
    if price.is_zero() {
        return format!(r#"<span class="price free">{}</span>"#, Both("free", "無料"));
    }
    let text = form.show(price);
    format!(r#"<span class="price">{text}</span>"#)
}

fn edition(recipe: &Recipe) -> String {
    let (name, release, shape) = (&recipe.name, recipe.release, &recipe.shape);
    let area = |label: &str, bytes: u64| format!("{}, {} MiB", Escaped(label), bytes >> 20);
    let rows = [
        (
            Both("Edition", "エディション"),
            format!("{} ({name}, release {release})", words(&recipe.title)),
        ),
        (Both("Read-only area", "読み出し専用領域"), area(&shape.rom_label, shape.rom.bytes())),
        (Both("Your area", "あなたの領域"), area(&shape.ram_label, shape.ram.bytes())),
    ];
    let rows = rows.map(|(term, what)| format!("<div><dt>{term}</dt><dd>{what}</dd></div>"));
    rows.join("\n")
}

/// Words in the languages they have.
fn words(words: &Words) -> String {
    match &words.ja {
        Some(ja) => Both(Escaped(&words.en), Escaped(ja)).to_string(),
        None => Escaped(&words.en).to_string(),
    }
}

/// One thing in English and in Japanese, already HTML.
struct Both<T>(T, T);

impl<T: Display> Display for Both<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(en, ja) = self;
        write!(f, r#"<span lang="en">{en}</span><span lang="ja">{ja}</span>"#)
    }
}

/// Text within HTML, also within an attribute in double quotes.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(['&', '<', '>', '"']) {
            let (text, mark) = match part.char_indices().next_back() {
                Some((at, '&')) => (&part[..at], "&amp;"),
                Some((at, '<')) => (&part[..at], "&lt;"),
                Some((at, '>')) => (&part[..at], "&gt;"),
                Some((at, '"')) => (&part[..at], "&quot;"),
                _ => (part, ""),
            };
            f.write_str(text)?;
            f.write_str(mark)?;
        }
        Ok(())
    }
}

/// A path as a relative address: each segment percent-encoded (RFC 3986, section 2.3).
struct Href<'a>(&'a str);

impl Display for Href<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: &str = r#"
        schema = 1
        name = "odd"
        release = 3
        title = "A & B"
        language = "en"
        currency = "EUR"
        rom_label = "ROM"
        ram_label = "RAM"
        rom_mib = 34
        ram_mib = 40
        ram = "rewritable"
        journal_mib = 1
        files = "rom"
        [[player]]
        platform = "windows-x86_64"
        path = "x.exe"
        [[item]]
        id = "one"
        title = "<\"Title\">"
        kind = "text"
        path = "a b/ü.txt"
        price = 120
        creator = "C"
        rights_holder = "R & R"
    "#;

    fn filled(page: &str) -> Result<String, StartPageError> {
        let recipe = Recipe::parse(std::path::Path::new("recipe.toml"), RECIPE).unwrap();
        let facts =
            Facts { players: vec![Some(1_250_000)], items: vec![1_001], sealed: vec![false] };
        fill(page.as_bytes(), &recipe, &facts).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn text_is_escaped_and_addresses_encoded() {
        let page = filled("<ul>\n<!-- scrip:catalogue -->\n</ul>").unwrap();
        let expected = "<ul>\n<li class=\"item\" data-kind=\"text\" id=\"item-one\">\n\
            <h3><a href=\"a%20b/%C3%BC.txt\">&lt;&quot;Title&quot;&gt;</a></h3>\n\
            <p class=\"facts\"><span class=\"kind\"><span lang=\"en\">text</span>\
            <span lang=\"ja\">文章</span></span> <span class=\"length\">2 kB</span> \
            <span class=\"price\">€1.20</span></p>\n\
            <p class=\"creator\">C</p>\n\
            <p class=\"rights\"><span lang=\"en\">rights: R &amp; R</span>\
            <span lang=\"ja\">権利者：R &amp; R</span></p>\n\
            <p class=\"buy\"><span lang=\"en\">Buy it with the player:</span>\
            <span lang=\"ja\">プレーヤーで購入：</span> <code>buy one</code></p>\n</li>\n</ul>";
        assert_eq!(page, expected);
    }

    #[test]
    fn markers_stand_once_and_alone_in_any_order() {
        let page = "<!-- scrip:edition -->\r\n-\n<!-- scrip:players -->";
        let page = filled(page).unwrap();
        assert!(
            page.starts_with("<div><dt>") && page.contains("<dd>A &amp; B (odd, release 3)</dd>")
        );
        assert!(page.contains("<dd>RAM, 40 MiB</dd></div>\r\n-\n<li class=\"player\""), "{page}");
        assert!(page.contains(r"<code>players\windows-x86_64\scrip-wallet.exe info</code>"));
        assert_eq!(filled("no marker").unwrap(), "no marker");
        let inline = filled("a\nb <!-- scrip:players -->\n").unwrap_err().to_string();
        assert_eq!(
            inline,
            "marker <!-- scrip:players --> in line 2 does not stand on a line of its own"
        );
        let twice = filled("<!-- scrip:players -->\n<!-- scrip:players -->").unwrap_err();
        assert_eq!(
            twice.to_string(),
            "marker <!-- scrip:players --> stands 2 times, at most once is allowed"
        );
        let recipe = Recipe::parse(std::path::Path::new("recipe.toml"), RECIPE).unwrap();
        assert_eq!(fill(b"ab\xff", &recipe, &Facts::default()), Err(StartPageError::Text(2)));
    }

    #[test]
    fn sizes_are_rounded_as_described() {
        for (bytes, text) in [(0, "0.0"), (49_999, "0.0"), (50_000, "0.0"), (50_001, "0.1")] {
            assert_eq!(megabytes(bytes), text);
        }
        assert_eq!((megabytes(4_149_999), megabytes(150_000)), ("4.1".into(), "0.2".into()));
    }
}
