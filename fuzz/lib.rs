//! The bodies of the fuzz targets, by name.

#![allow(dead_code, reason = "the world of the tests offers more than is used here")]

mod bodies;
#[path = "../tests/world.rs"]
mod world;

/// Give an input to a target's body.
///
/// # Panics
///
/// If there is no such target, or the input is a finding.
pub fn run(target: &str, data: &[u8]) {
    let body = bodies::BODIES.iter().find(|(name, _)| *name == target);
    body.expect("a target has a body").1(data);
}
