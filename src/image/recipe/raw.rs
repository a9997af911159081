//! A recipe as it is written: the keys and their types.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRecipe {
    pub(super) schema: i64,
    pub(super) name: String,
    pub(super) release: i64,
    pub(super) title: String,
    pub(super) title_ja: Option<String>,
    pub(super) language: String,
    pub(super) currency: String,
    pub(super) rom_label: String,
    pub(super) ram_label: String,
    pub(super) rom_mib: i64,
    pub(super) ram_mib: i64,
    pub(super) ram: String,
    pub(super) journal_mib: i64,
    pub(super) files: String,
    #[serde(default)]
    pub(super) display: RawDisplay,
    #[serde(default)]
    pub(super) destination: Vec<RawDestination>,
    #[serde(default)]
    pub(super) player: Vec<RawPlayer>,
    #[serde(default)]
    pub(super) item: Vec<RawItem>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDisplay {
    pub(super) colours: Option<String>,
    pub(super) prices: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDestination {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) key: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPlayer {
    pub(super) platform: String,
    pub(super) path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawItem {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) title_ja: Option<String>,
    pub(super) kind: String,
    pub(super) path: String,
    pub(super) price: i64,
    pub(super) creator: Option<String>,
    pub(super) rights_holder: String,
    pub(super) about: Option<String>,
    pub(super) about_ja: Option<String>,
    pub(super) seconds: Option<i64>,
}
