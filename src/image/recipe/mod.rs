//! Recipes: what an edition is made of, read strictly from `recipe.toml`.
//!
//! `images/starter/recipe.toml` documents each key beside its limits.

mod raw;
mod rules;

use std::path::{Path, PathBuf};

use super::layout::{Layout, LayoutError};
use super::player::Platform;
use crate::device::{FolderError, read_file};
use crate::format::edition::{Destination, ItemKind, PaperRoom, RamKind, Shape};
use crate::units::{Amount, ByteCount, Currency};
use raw::{RawDisplay, RawItem, RawRecipe};
use rules::{Place, Rules};

/// The file that a recipe's folder holds.
pub const RECIPE_NAME: &str = "recipe.toml";
/// The longest recipe that is read.
const RECIPE_BYTES_MAX: u64 = 8 << 20;
/// The schema's version that this code reads.
const SCHEMA: i64 = 1;
const NAME_MAX: usize = 32;
const TITLE_MAX: usize = 80;
const ABOUT_MAX: usize = 200;
const SECONDS_MAX: i64 = 86_400;
const DESTINATIONS_MAX: usize = 16;
const PLAYERS_MAX: usize = 16;
const ITEMS_MAX: usize = 4_096;

/// Why a recipe is no recipe.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// It could not be read.
    #[error("{0}")]
    File(#[from] FolderError),
    /// Not text.
    #[error("{}: byte {at} is not UTF-8", file.display())]
    Text {
        /// The recipe.
        file: PathBuf,
        /// The first byte that isn't.
        at: usize,
    },
    /// Not TOML, an unknown key, a missing key or a value of another type.
    #[error("{}: line {line}: `{text}`: {reason}", file.display())]
    Form {
        /// The recipe.
        file: PathBuf,
        /// Where, from 1.
        line: usize,
        /// The line.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// A value outside its limits.
    #[error("{}: {key} is {found}, expected {expected}", file.display())]
    Value {
        /// The recipe.
        file: PathBuf,
        /// Which value, as `rom_mib` or `item 3, price`.
        key: String,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// Sizes that give no medium.
    #[error("{}: {source}", file.display())]
    Layout {
        /// The recipe.
        file: PathBuf,
        /// What is wrong.
        source: LayoutError,
    },
}

/// Words in English, and in Japanese if there are any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// In English.
    pub en: String,
    /// In Japanese.
    pub ja: Option<String>,
}

/// A player that the edition carries if its file is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Player {
    /// What it runs on.
    pub platform: Platform,
    /// Where its file lies.
    pub path: PathBuf,
}

/// One thing of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What an owner types to buy it; unique.
    pub id: String,
    /// Its title.
    pub title: Words,
    /// What it is: text, audio or picture.
    pub kind: ItemKind,
    /// Its file, relative to the tree; unique.
    pub path: String,
    /// In minor units; nothing is free.
    pub price: Amount,
    /// Who made it.
    pub creator: String,
    /// Who is paid.
    pub rights_holder: String,
    /// A sentence for the start page.
    pub about: Option<Words>,
    /// Playing time, of audio alone.
    pub seconds: Option<u32>,
}

/// A recipe whose every value is within its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The file it was read from.
    pub file: PathBuf,
    /// Short name.
    pub name: String,
    /// Release number.
    pub release: u16,
    /// What people see.
    pub title: Words,
    /// BCP 47 tag of the language that the player begins with.
    pub language: &'static str,
    /// Currency of the prices.
    pub currency: Currency,
    /// Sizes and labels.
    pub shape: Shape,
    /// The folder whose tree becomes the read-only area.
    pub files: PathBuf,
    /// Display conditions as `name=value`.
    pub display: Vec<String>,
    /// Where the player may connect.
    pub destinations: Vec<Destination>,
    /// Players, each platform once.
    pub players: Vec<Player>,
    /// Catalogue, in its order.
    pub items: Vec<Item>,
}

impl Recipe {
    /// Read `recipe.toml` in `folder`.
    pub fn read(folder: &Path) -> Result<Self, RecipeError> {
        let file = folder.join(RECIPE_NAME);
        let bytes = read_file(&file, RECIPE_BYTES_MAX)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Self::parse(&file, text),
            Err(error) => Err(RecipeError::Text { file, at: error.valid_up_to() }),
        }
    }

    /// Read the text of the recipe that lies at `file`.
    pub fn parse(file: &Path, text: &str) -> Result<Self, RecipeError> {
        let raw: RawRecipe =
            toml::from_str(text).map_err(|error| form_error(file, text, &error))?;
        let rules = Rules::of(file);
        rules.number::<i64>("schema", raw.schema, SCHEMA, SCHEMA)?;
        let shape = shape(rules, &raw)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        Ok(Self {
            file: file.to_path_buf(),
            name: rules.name("name", &raw.name, NAME_MAX)?,
            release: rules.number("release", raw.release, 1, u16::MAX.into())?,
            title: rules.words(["title", "title_ja"], raw.title, raw.title_ja, TITLE_MAX)?,
            language: rules.choice("language", &raw.language, &[("en", "en"), ("ja", "ja")])?,
            currency: rules.currency("currency", &raw.currency)?,
            shape,
            files: folder.join(rules.path("files", &raw.files)?),
            display: display(rules, &raw.display)?,
            destinations: rules.each(
                "destination",
                raw.destination,
                DESTINATIONS_MAX,
                |at, raw| destination(&at, raw),
            )?,
            players: players(rules, folder, raw.player)?,
            items: items(rules, raw.item)?,
        })
    }

    /// The edition's name as media carry it: name and release.
    pub fn edition_name(&self) -> String {
        format!("{} release {}", self.name, self.release)
    }
}

/// What the parser complains about, with the line it stands in.
fn form_error(file: &Path, text: &str, error: &toml::de::Error) -> RecipeError {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).map_or(0, |before| before.matches('\n').count());
    let line = text.lines().nth(before).unwrap_or("").trim();
    // Neither is quoted, so a terminal would obey what control characters say.
    let plain = |text| rules::shortened(text).replace(char::is_control, "\u{fffd}");
    RecipeError::Form {
        file: file.to_path_buf(),
        line: before + 1,
        text: plain(line),
        reason: plain(error.message()),
    }
}

fn shape(rules: Rules, raw: &RawRecipe) -> Result<Shape, RecipeError> {
    let mib = |key, value, min, max| {
        rules.number(key, value, min, max).map(|count: u64| ByteCount::from_bytes(count << 20))
    };
    let kinds = RamKind::ALL.iter().map(|kind| (kind.word(), *kind)).collect::<Vec<_>>();
    let ram_kind = rules.choice("ram", &raw.ram, &kinds)?;
    let shape = Shape {
        rom: mib("rom_mib", raw.rom_mib, 34, 1 << 20)?,
        ram: mib("ram_mib", raw.ram_mib, 34, 1 << 20)?,
        rom_label: rules.label("rom_label", &raw.rom_label)?,
        ram_label: rules.label("ram_label", &raw.ram_label)?,
        ram_kind,
        journal: mib("journal_mib", raw.journal_mib, 1, 64)?,
        // What is kept takes the place of what was kept before.
        papers: (ram_kind == RamKind::Rewritable).then_some(PaperRoom::Beside),
    };
    match Layout::new(&shape) {
        Ok(_) => Ok(shape),
        // All else was held to its limits above.
        Err(LayoutError::Size { what: "journal copy", max, .. }) => {
            let expected = format!("1 to {}, twice in {} MiB of ram_mib", max >> 20, raw.ram_mib);
            Err(rules.wrong("journal_mib", raw.journal_mib, expected))
        }
        Err(source) => Err(RecipeError::Layout { file: rules.file().to_path_buf(), source }),
    }
}

fn display(rules: Rules, raw: &RawDisplay) -> Result<Vec<String>, RecipeError> {
    let colours = raw.colours.as_deref().unwrap_or("auto");
    let prices = raw.prices.as_deref().unwrap_or("shown");
    rules.choice("display.colours", colours, &[("auto", ()), ("light", ()), ("dark", ())])?;
    rules.choice("display.prices", prices, &[("shown", ()), ("hidden", ())])?;
    Ok(vec![format!("colours={colours}"), format!("prices={prices}")])
}

fn destination(at: &Place, raw: raw::RawDestination) -> Result<Destination, RecipeError> {
    Ok(Destination {
        name: at.text("name", raw.name, TITLE_MAX)?,
        url: at.url("url", raw.url)?,
        pin: raw.key.map(|key| at.pin("key", &key)).transpose()?,
    })
}

fn players(
    rules: Rules,
    folder: &Path,
    raw: Vec<raw::RawPlayer>,
) -> Result<Vec<Player>, RecipeError> {
    let platforms = Platform::ALL.map(|platform| (platform.word(), platform));
    let players = rules.each("player", raw, PLAYERS_MAX, |at, raw| {
        let platform = at.choice("platform", &raw.platform, &platforms)?;
        Ok(Player { platform, path: folder.join(at.text("path", raw.path, rules::PATH_MAX)?) })
    })?;
    rules.unique("player", "platform", players.iter().map(|player| player.platform.word()))?;
    Ok(players)
}

fn items(rules: Rules, raw: Vec<RawItem>) -> Result<Vec<Item>, RecipeError> {
    let items = rules.each("item", raw, ITEMS_MAX, |at, raw| item(&at, raw))?;
    rules.unique("item", "id", items.iter().map(|item| &*item.id))?;
    rules.unique("item", "path", items.iter().map(|item| &*item.path))?;
    Ok(items)
}

fn item(at: &Place, raw: RawItem) -> Result<Item, RecipeError> {
    let kinds =
        [ItemKind::Text, ItemKind::Audio, ItemKind::Picture].map(|kind| (kind.word(), kind));
    let kind = at.choice("kind", &raw.kind, &kinds)?;
    let seconds = match (kind, raw.seconds) {
        (ItemKind::Audio, Some(seconds)) => Some(at.number("seconds", seconds, 1, SECONDS_MAX)?),
        (ItemKind::Audio, None) => {
            return Err(at.wrong("seconds", "missing", format!("1 to {SECONDS_MAX} for audio")));
        }
        (_, Some(seconds)) => return Err(at.wrong("seconds", seconds, "none but for audio")),
        (_, None) => None,
    };
    let rights_holder = at.text("rights_holder", raw.rights_holder, TITLE_MAX)?;
    let creator = raw.creator.map(|creator| at.text("creator", creator, TITLE_MAX)).transpose()?;
    let about = match raw.about {
        Some(about) => Some(at.words(["about", "about_ja"], about, raw.about_ja, ABOUT_MAX)?),
        None if raw.about_ja.is_some() => {
            return Err(at.wrong("about_ja", "there alone", "an `about` beside it"));
        }
        None => None,
    };
    Ok(Item {
        id: at.name("id", &raw.id, NAME_MAX)?,
        title: at.words(["title", "title_ja"], raw.title, raw.title_ja, TITLE_MAX)?,
        kind,
        path: at.path("path", &raw.path)?,
        price: at.price("price", raw.price)?,
        creator: creator.unwrap_or_else(|| rights_holder.clone()),
        rights_holder,
        about,
        seconds,
    })
}
