//! The one integration test binary: a module per subject.
mod emulator;
mod fat;

#[cfg(feature = "server")]
mod postgres;
#[cfg(feature = "server")]
mod records;
#[cfg(feature = "store")]
mod starter;
