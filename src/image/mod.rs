//! Recipe to plan to bytes to verdict: partition table, hash tree, stamping, burning, checking.

mod body;
#[cfg(feature = "store")]
pub mod build;
pub mod burn;
#[cfg(feature = "store")]
pub mod collect;
pub mod check;
pub mod edition;
mod foreign;
pub mod gpt;
pub mod items;
pub mod layout;
pub mod leaves;
pub mod manifest;
pub mod papers;
#[cfg(feature = "store")]
pub mod player;
#[cfg(feature = "store")]
pub mod recipe;
mod passes;
mod relay;
pub mod reseal;
pub mod ring;
#[cfg(feature = "store")]
pub mod restamp;
pub mod sealed;
#[cfg(feature = "store")]
mod sealing;
pub mod stamp;
#[cfg(feature = "store")]
pub mod startpage;
pub mod tree;
