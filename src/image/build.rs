//! From a recipe's folder to an unsigned edition file.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::collect::{self, CollectError, Collected};
use super::edition::{EditionError, Placed};
use super::layout::{LayoutError, MANIFEST_PATH};
use super::leaves::Watch;
use super::recipe::{Player, Recipe, RecipeError};
use super::sealing::Sealing;
use super::tree::Digest;
use crate::device::{Existing, OpenError, UnfinishedFile};
use crate::format::Kind;
use crate::format::edition::EditionId;
use crate::format::text::TEXT_BYTES_MAX;
use crate::trust::EditionSecret;

/// Why an edition can't be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The recipe can't be read or breaks a rule.
    #[error("{0}")]
    Recipe(#[from] RecipeError),
    /// Its files can't be collected.
    #[error("{0}")]
    Collect(#[from] CollectError),
    /// Its files fit no volume.
    #[error("{}: {source}", folder.display())]
    Layout {
        /// The top of the tree.
        folder: PathBuf,
        /// What is wrong.
        source: LayoutError,
    },
    /// A path longer than the manifest can say.
    #[error("path of {found} bytes, limit {TEXT_BYTES_MAX}: {path:?}")]
    LongPath {
        /// The path.
        path: String,
        /// Its length in bytes.
        found: usize,
    },
    /// A manifest longer than is read.
    #[error("manifest of {found} bytes for {files} files, limit {limit}")]
    LongManifest {
        /// Its length with room for the signature, in bytes.
        found: u64,
        /// How many files it lists.
        files: usize,
        /// The longest, in bytes.
        limit: usize,
    },
    /// The edition file can't be made.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// It can't be written, or a file can't be read.
    #[error("{}: {source}", out.display())]
    Author {
        /// Where the edition was to stand.
        out: PathBuf,
        /// What went wrong.
        source: EditionError,
    },
}

/// A recipe and everything it names, found and checked: nothing is left but to write.
#[derive(Debug)]
pub struct Prepared {
    recipe: Recipe,
    collected: Collected,
    placed: Placed,
    secret: Held,
}

/// The secret that items are sealed under, which is never shown.
struct Held(Option<EditionSecret>);

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "a secret" } else { "no secret" })
    }
}

/// What an edition file holds.
#[derive(Debug, Clone)]
pub struct Built {
    /// Names the edition.
    pub edition: EditionId,
    /// The hash tree's root before the manifest is signed.
    pub root: Digest,
}

impl Prepared {
    /// Read the recipe in `folder`, find its files and check that they give a medium.
    ///
    /// Players in `named` go before the recipe's own paths, and have to be there.
    ///
    /// Under a secret the items that cost something are sealed; without one all lie open.
    pub fn read(
        folder: &Path,
        named: &[Player],
        secret: Option<EditionSecret>,
    ) -> Result<Self, BuildError> {
        let recipe = Recipe::read(folder)?;
        let id = secret.as_ref().map(EditionSecret::id);
        let collected = collect::collect(&recipe, named, id)?;
        let draft = &collected.draft;
        if let Some((path, _)) = draft.files.iter().find(|(path, _)| path.len() > TEXT_BYTES_MAX) {
            return Err(BuildError::LongPath { found: path.len(), path: path.clone() });
        }
        let in_folder = |source| BuildError::Layout { folder: recipe.files.clone(), source };
        let placed = draft.place().map_err(in_folder)?;
        let manifest = placed.manifest();
        let own = manifest.files.iter().find(|file| file.path == MANIFEST_PATH);
        let found = own.map_or(0, |file| file.size.bytes());
        let limit = Kind::Manifest.bytes_max();
        if found > limit as u64 {
            let files = manifest.files.len();
            return Err(BuildError::LongManifest { found, files, limit });
        }
        placed.layout().ram_plan(0).map_err(in_folder)?;
        Ok(Self { recipe, collected, placed, secret: Held(secret) })
    }

    /// The recipe.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What a person should know before the edition is used.
    pub fn warnings(&self) -> &[String] {
        &self.collected.warnings
    }

    /// How many items are sealed, and how many that cost something are not.
    pub fn sealed(&self) -> (usize, usize) {
        let sold = self.recipe.items.iter().filter(|item| !item.price.is_zero()).count();
        if self.secret.0.is_some() { (sold, 0) } else { (0, sold) }
    }

    /// How many files the recipe puts onto the read-only area.
    pub fn files(&self) -> usize {
        self.collected.draft.files.len()
    }

    /// How many bytes those files have together.
    pub fn content_bytes(&self) -> u64 {
        self.collected.draft.files.iter().map(|(_, size)| size).sum()
    }

    /// Length of the edition file.
    pub fn edition_bytes(&self) -> u64 {
        self.placed.layout().edition_bytes()
    }

    /// Length of the shortest medium that takes the edition.
    pub fn medium_bytes(&self) -> u64 {
        self.placed.layout().medium_bytes()
    }

    /// Whether the edition file could be made at `out`.
    pub fn check_target(&self, out: &Path, existing: Existing) -> Result<(), BuildError> {
        Ok(UnfinishedFile::check(out, self.edition_bytes(), existing)?)
    }

    /// Author the edition file at `out`, which has this name only when it is whole.
    ///
    /// It is not flushed: signing reads every byte again, and flushes.
    pub fn write(
        &self,
        out: &Path,
        existing: Existing,
        threads: NonZeroUsize,
        watch: &dyn Watch,
    ) -> Result<Built, BuildError> {
        let file = UnfinishedFile::create(out, self.edition_bytes(), existing)?;
        let failed = |source| BuildError::Author { out: out.to_path_buf(), source };
        let Collected { sources, draft, .. } = &self.collected;
        let catalogue = draft.catalogue.as_ref().expect("every recipe gives a catalogue");
        let secret = self.secret.0.as_ref();
        let sealing =
            Sealing::prepare(sources, catalogue, secret, threads, watch).map_err(failed)?;
        let authored = self.placed.author(&sealing, &file, threads, watch).map_err(failed)?;
        file.finish()?;
        Ok(Built { edition: authored.edition, root: authored.root })
    }
}
