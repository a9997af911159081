//! What fuzz targets share: their bodies, and the small world that they sign with.

pub mod bodies;
#[path = "../tests/world.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod world;
