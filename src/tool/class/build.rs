//! Classes of what can go wrong with recipes and their files.

use crate::device::TreeError;
use crate::image::build::BuildError;
use crate::image::collect::CollectError;
use crate::image::player::PlayerError;
use crate::image::recipe::RecipeError;
use crate::tool::Exit;

impl From<&TreeError> for Exit {
    fn from(error: &TreeError) -> Self {
        match error {
            TreeError::Missing { .. } | TreeError::Io { .. } => Self::Failure,
            _ => Self::Refusal,
        }
    }
}

impl From<&RecipeError> for Exit {
    fn from(error: &RecipeError) -> Self {
        match error {
            RecipeError::File(error) => Self::from(error),
            _ => Self::Refusal,
        }
    }
}

impl From<&PlayerError> for Exit {
    fn from(error: &PlayerError) -> Self {
        match error {
            PlayerError::File { source, .. } => Self::from(source),
            PlayerError::Read { .. } => Self::Failure,
            PlayerError::Kind { .. } | PlayerError::Dynamic { .. } => Self::Refusal,
        }
    }
}

impl From<&CollectError> for Exit {
    fn from(error: &CollectError) -> Self {
        match error {
            CollectError::Tree(error) => Self::from(error),
            CollectError::Player(error) => Self::from(error),
            CollectError::Read { .. } => Self::Failure,
            _ => Self::Refusal,
        }
    }
}

impl From<&BuildError> for Exit {
    fn from(error: &BuildError) -> Self {
        match error {
            BuildError::Recipe(error) => Self::from(error),
            BuildError::Collect(error) => Self::from(error),
            BuildError::Open(error) => Self::from(error),
            BuildError::Author { source, .. } => Self::from(source),
            BuildError::Layout { .. }
            | BuildError::LongPath { .. }
            | BuildError::LongManifest { .. } => Self::Refusal,
        }
    }
}
