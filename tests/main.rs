//! The one integration test binary: a module per subject.
mod emulator;
mod fat;
