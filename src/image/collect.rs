//! From a recipe to what an edition is authored from: every file, on disk or made here.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use super::edition::Draft;
use super::layout::{CATALOGUE_PATH, SETTINGS_PATH};
use super::player::{self, Platform, PlayerError};
use super::recipe::{Player, Recipe};
use super::startpage::{self, Facts, START_PAGE, START_PAGE_BYTES_MAX, StartPageError};
use crate::crypto::chunks;
use crate::crypto::digest::Sha256;
use crate::device::{SourceFile, Tree, TreeError};
use crate::fat::Contents;
use crate::format::edition::{Catalogue, FILES_MAX, Item, Settings};
use crate::format::{Kind, Object};
use crate::trust::SecretId;
use crate::units::{ByteCount, CurrencyForm};

/// Hashed at a time.
const PIECE_BYTES: usize = 1 << 20;
/// Files that the build, the signature and the stamp add themselves.
const OWN_FILES: usize = 32;
/// What the build itself puts at the top of the tree.
const OWN_NAMES: [&str; 2] = ["SCRIP", "players"];

/// Why a recipe's files can't be collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The tree can't be listed.
    #[error("{0}")]
    Tree(#[from] TreeError),
    /// The tree holds what the build adds itself.
    #[error("{}: holds {name:?}, which the build adds itself", folder.display())]
    OwnName {
        /// The top of the tree.
        folder: PathBuf,
        /// What it holds.
        name: String,
    },
    /// A player that can't run everywhere.
    #[error("{0}")]
    Player(#[from] PlayerError),
    /// A player was named for a platform that the recipe doesn't list.
    #[error("player for {platform}: the recipe lists players for {listed}", platform = platform.word())]
    Unlisted {
        /// The platform named.
        platform: Platform,
        /// Those of the recipe.
        listed: String,
    },
    /// An item whose file isn't there.
    #[error("item {id:?}: there is no file {path:?} in {}", folder.display())]
    NoFile {
        /// The item.
        id: String,
        /// The file, relative to the tree.
        path: String,
        /// The top of the tree.
        folder: PathBuf,
    },
    /// The start page can't be filled in.
    #[error("{}: {source}", path.display())]
    StartPage {
        /// The page.
        path: PathBuf,
        /// What is wrong.
        source: StartPageError,
    },
    /// The start page can't be read.
    #[error("reading {}: {source}", path.display())]
    Read {
        /// The page.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// More than the object can hold.
    #[error("{what} of {found} bytes, limit {limit}")]
    TooLong {
        /// Which object.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The limit of its kind.
        limit: usize,
    },
}

/// Everything an edition is authored from.
#[derive(Debug)]
pub(super) struct Collected {
    pub(super) draft: Draft,
    pub(super) sources: Sources,
    pub(super) warnings: Vec<String>,
}

/// Where the bytes of a draft's files come from, in the draft's order.
#[derive(Debug)]
pub(super) struct Sources(Vec<Source>);

#[derive(Debug)]
enum Source {
    Disk(SourceFile),
    Memory(Vec<u8>),
    /// To be sealed as this item of the catalogue.
    Sealed(SourceFile, usize),
    /// Written anew when the items are sealed, at the same length.
    Catalogue(Vec<u8>),
}

/// SHA-256 over a file.
pub(super) fn hash_source(file: &SourceFile) -> io::Result<[u8; 32]> {
    let (mut hash, mut offset) = (Sha256::new(), 0);
    let mut bytes = vec![0; PIECE_BYTES];
    while offset < file.len_bytes() {
        let left = usize::try_from(file.len_bytes() - offset).unwrap_or(usize::MAX);
        let piece = &mut bytes[..left.min(PIECE_BYTES)];
        file.read_at(offset, piece)?;
        hash.update(piece);
        offset += piece.len() as u64;
    }
    Ok(hash.finish())
}

/// A part of what is in memory.
pub(super) fn read_memory(bytes: &[u8], offset: u64, buf: &mut [u8]) -> io::Result<()> {
    let from = usize::try_from(offset).map_err(io::Error::other)?;
    let part = bytes.get(from..).and_then(|rest| rest.get(..buf.len()));
    buf.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
    Ok(())
}

impl Sources {
    /// Files that are to be sealed, with the item each is.
    pub(super) fn sealed(&self) -> impl Iterator<Item = (usize, &SourceFile)> {
        (0..self.0.len()).filter_map(|file| self.sealed_item(file))
    }

    /// The item that a file is to be sealed as.
    pub(super) fn sealed_item(&self, file: usize) -> Option<(usize, &SourceFile)> {
        match &self.0[file] {
            Source::Sealed(source, item) => Some((*item, source)),
            _ => None,
        }
    }

    /// Is it the catalogue?
    pub(super) fn is_catalogue(&self, file: usize) -> bool {
        matches!(self.0[file], Source::Catalogue(_))
    }
}

impl Source {
    fn len_bytes(&self) -> u64 {
        match self {
            Self::Disk(file) => file.len_bytes(),
            Self::Sealed(file, _) => chunks::sealed_len(file.len_bytes()),
            Self::Memory(bytes) | Self::Catalogue(bytes) => bytes.len() as u64,
        }
    }
}

impl Contents for Sources {
    fn read_at(&self, file: usize, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        match &self.0[file] {
            Source::Disk(file) | Source::Sealed(file, _) => file.read_at(offset, buf),
            Source::Memory(bytes) | Source::Catalogue(bytes) => read_memory(bytes, offset, buf),
        }
    }
}

/// Find every file of an edition; `named` players go before the recipe's own paths.
///
/// Under a secret of this id items that cost something are to be sealed.
pub(super) fn collect(
    recipe: &Recipe,
    named: &[Player],
    secret: Option<SecretId>,
) -> Result<Collected, CollectError> {
    let tree = Tree::list(&recipe.files, FILES_MAX - OWN_FILES)?;
    refuse_own_names(recipe, &tree)?;
    let mut warnings: Vec<_> =
        tree.empty.iter().map(|name| format!("folder {name:?} is empty and is left out")).collect();
    let players = players(recipe, named, &mut warnings)?;
    let sizes: HashMap<&str, u64> =
        tree.files.iter().map(|file| (&*file.name, file.source.len_bytes())).collect();
    let facts = Facts {
        players: players.iter().map(|file| file.as_ref().map(SourceFile::len_bytes)).collect(),
        items: item_sizes(recipe, &sizes)?,
        sealed: recipe.items.iter().map(|item| secret.is_some() && is_sold(item)).collect(),
    };
    let catalogue = catalogue(recipe, &facts, secret);
    let mut files = vec![
        (SETTINGS_PATH.to_owned(), Source::Memory(settings(recipe)?)),
        (
            CATALOGUE_PATH.to_owned(),
            Source::Catalogue(bounded("catalogue", Kind::Catalogue, catalogue.encode())?),
        ),
    ];
    for (player, file) in recipe.players.iter().zip(players) {
        let path = format!("/{}", player.platform.player_path());
        files.extend(file.map(|file| (path, Source::Disk(file))));
    }
    for file in tree.files {
        let path = format!("/{}", file.name);
        let source = match &*file.name {
            START_PAGE => Source::Memory(start_page(&file.source, recipe, &facts)?),
            _ => source_of(file.source, &file.name, recipe, &facts),
        };
        files.push((path, source));
    }
    let draft = Draft {
        name: recipe.edition_name(),
        shape: recipe.shape.clone(),
        currency: recipe.currency,
        files: files.iter().map(|(path, source)| (path.clone(), source.len_bytes())).collect(),
        catalogue: Some(catalogue),
    };
    let sources = Sources(files.into_iter().map(|(_, source)| source).collect());
    Ok(Collected { draft, sources, warnings })
}

/// What costs nothing is open to everybody, so there is nothing to seal.
fn is_sold(item: &super::recipe::Item) -> bool {
    !item.price.is_zero()
}

/// A file of the tree, sealed if it is an item to be sealed.
fn source_of(file: SourceFile, name: &str, recipe: &Recipe, facts: &Facts) -> Source {
    let place = recipe.items.iter().position(|item| item.path == name);
    match place.filter(|place| facts.sealed[*place]) {
        Some(place) => Source::Sealed(file, place),
        None => Source::Disk(file),
    }
}

fn refuse_own_names(recipe: &Recipe, tree: &Tree) -> Result<(), CollectError> {
    let tops = tree.files.iter().map(|file| &file.name).chain(&tree.empty);
    for name in tops {
        let top = name.split('/').next().unwrap_or(name);
        if OWN_NAMES.iter().any(|own| own.eq_ignore_ascii_case(top)) {
            let (folder, name) = (recipe.files.clone(), top.to_owned());
            return Err(CollectError::OwnName { folder, name });
        }
    }
    Ok(())
}

/// The file of each player of the recipe; one that isn't there is a warning, unless it was named.
fn players(
    recipe: &Recipe,
    named: &[Player],
    warnings: &mut Vec<String>,
) -> Result<Vec<Option<SourceFile>>, CollectError> {
    let listed = |platform| recipe.players.iter().any(|player| player.platform == platform);
    if let Some(other) = named.iter().find(|player| !listed(player.platform)) {
        let words: Vec<_> = recipe.players.iter().map(|player| player.platform.word()).collect();
        let listed = if words.is_empty() { "no platform".to_owned() } else { words.join(", ") };
        return Err(CollectError::Unlisted { platform: other.platform, listed });
    }
    let mut files = Vec::with_capacity(recipe.players.len());
    for player in &recipe.players {
        let platform = player.platform;
        let given = named.iter().rev().find(|given| given.platform == platform);
        let file = match SourceFile::at(&given.unwrap_or(player).path) {
            Ok(file) => file,
            Err(TreeError::Missing { path }) if given.is_none() => {
                let (word, path) = (platform.word(), path.display());
                warnings.push(format!("no player for {word}: {path} isn't there"));
                files.push(None);
                continue;
            }
            Err(source) => return Err(PlayerError::File { platform, source }.into()),
        };
        player::check(platform, &file)?;
        files.push(Some(file));
    }
    Ok(files)
}

fn item_sizes(recipe: &Recipe, sizes: &HashMap<&str, u64>) -> Result<Vec<u64>, CollectError> {
    let size = |item: &super::recipe::Item| {
        sizes.get(&*item.path).copied().ok_or_else(|| CollectError::NoFile {
            id: item.id.clone(),
            path: item.path.clone(),
            folder: recipe.files.clone(),
        })
    };
    recipe.items.iter().map(size).collect()
}

fn start_page(file: &SourceFile, recipe: &Recipe, facts: &Facts) -> Result<Vec<u8>, CollectError> {
    let path = || file.path().to_path_buf();
    let page = file
        .read_whole(START_PAGE_BYTES_MAX)
        .map_err(|source| CollectError::Read { path: path(), source })?;
    startpage::fill(&page, recipe, facts)
        .map_err(|source| CollectError::StartPage { path: path(), source })
}

fn settings(recipe: &Recipe) -> Result<Vec<u8>, CollectError> {
    let settings = Settings {
        language: recipe.language.to_owned(),
        currency: recipe.currency,
        exponent: CurrencyForm::usual(recipe.currency).exponent(),
        destinations: recipe.destinations.clone(),
        display: recipe.display.clone(),
    };
    bounded("settings", Kind::Settings, settings.encode())
}

/// The catalogue; contents of what is to be sealed are put in when they are known.
fn catalogue(recipe: &Recipe, facts: &Facts, secret: Option<SecretId>) -> Catalogue {
    let item = |((item, size), sealed): ((&super::recipe::Item, &u64), &bool)| Item {
        id: item.id.clone(),
        title: item.title.en.clone(),
        title_ja: item.title.ja.clone(),
        kind: item.kind,
        path: format!("/{}", item.path),
        size: ByteCount::from_bytes(if *sealed { chunks::sealed_len(*size) } else { *size }),
        price: item.price,
        rights_holder: item.rights_holder.clone(),
        content: sealed.then_some([0; 32]),
    };
    let items = recipe.items.iter().zip(&facts.items).zip(&facts.sealed).map(item).collect();
    let secret = secret.filter(|_| facts.sealed.contains(&true));
    Catalogue { currency: recipe.currency, items, secret }
}

fn bounded(what: &'static str, kind: Kind, bytes: Vec<u8>) -> Result<Vec<u8>, CollectError> {
    let (found, limit) = (bytes.len(), kind.bytes_max());
    if found > limit {
        return Err(CollectError::TooLong { what, found, limit });
    }
    Ok(bytes)
}
