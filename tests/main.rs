//! The one integration test binary: a module per subject.
#![allow(clippy::disallowed_methods, reason = "tests touch files and the clock")]

#[cfg(feature = "store")]
mod build;
mod burn;
mod check;
#[cfg(all(feature = "server", feature = "verify"))]
mod crowd;
#[cfg(all(feature = "store", feature = "server"))]
mod corpus;
mod device;
mod domains;
mod emulator;
mod fat;
#[cfg(all(feature = "store", feature = "server", feature = "verify", feature = "wallet"))]
mod frauds;
mod goods;
#[cfg(feature = "server")]
mod issuing;
mod journal;
#[cfg(all(feature = "store", feature = "server", feature = "wallet"))]
mod kiosk;
mod loop_device;
#[cfg(feature = "server")]
mod plain_text;
#[cfg(feature = "wallet")]
mod owner;
#[cfg(feature = "server")]
mod settling;
mod shop;

#[cfg(feature = "server")]
mod postgres;
#[cfg(feature = "server")]
mod records;
#[cfg(all(feature = "server", feature = "verify", feature = "wallet"))]
mod reconcile;
#[cfg(all(feature = "server", feature = "verify", feature = "wallet"))]
mod report;
mod reseal;
#[cfg(feature = "store")]
mod restamp;
#[cfg(all(feature = "store", feature = "server", feature = "verify", feature = "wallet"))]
mod round;
mod second_reader;
#[cfg(feature = "server")]
mod simulate;
#[cfg(feature = "store")]
mod starter;
mod threats;
mod tidy;
#[cfg(feature = "wallet")]
mod topup;
#[cfg(all(feature = "store", feature = "server", feature = "verify", feature = "wallet"))]
#[cfg(feature = "manual")]
mod usage;
mod vectors;
#[cfg(feature = "wallet")]
mod wallet;
mod world;
#[cfg(all(feature = "store", feature = "server", feature = "verify"))]
mod quickstart;
