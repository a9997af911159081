//! An office with its issuer's folder, and the tools on it.

use std::fs;
use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use scrip::crypto::password::Cost;
use scrip::crypto::sign::SecretKey;
use scrip::crypto::{Random, SeededRandom};
use scrip::format::Object;
use scrip::format::certificate::{Certificate, Chain};
use scrip::format::policy::Policy;
use scrip::trust::{Passphrase, Root, lock_key, sign};
use scrip::units::Timestamp;

use super::made::Ground;
use super::office::Office;
use crate::owner::bench::{Answer, answer};
use crate::world::World;

/// An office whose issuer's keys lie beside its records, as the tools want them.
pub(super) fn founded(policy: &Policy) -> Office {
    let office = Office::of(Ground::of(World::new().under(policy)));
    let world = &office.ground.world;
    let folder = office.folder.as_ref().unwrap().path();
    // The world's certificates begin later than this computer's clock.
    let above = Root::read(&world.root).unwrap();
    let root = SecretKey::generate(&mut SeededRandom::new([7; 32]));
    assert!(above.certificate().key.0 == root.public());
    let known = Certificate::clone(office.ground.issuer.certificate());
    let issued = Timestamp::from_seconds(1).unwrap();
    let own = sign(&root, &Certificate { issued, ..known });
    let chain = Chain(vec![own, world.root.clone()]);
    let mut rng = SeededRandom::new([9; 32]);
    let mut lock = |role: &str, key: &SecretKey| {
        lock_key(role, &key.seed(), Passphrase::None, Cost::MINIMAL, &mut rng as &mut dyn Random)
    };
    let files = [
        ("trust.cbr", world.root.clone()),
        ("issuer.cbr", chain.encode()),
        ("issuer.key", lock("issuer", &world.issuer).unwrap()),
        ("settler.cbr", world.settler_chain.encode()),
        ("settler.key", lock("settler", &world.settler).unwrap()),
        ("policy.cbr", world.policy.clone()),
    ];
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    office
}

pub(super) fn server(office: &Office, place: &Path, arguments: &[&str]) -> Answer {
    let mut command = Command::new(cargo_bin("scrip-server"));
    let issuer = office.folder.as_ref().unwrap().path();
    command.arg("--dir").arg(issuer).args(arguments).current_dir(place);
    answer(command.env_remove("SCRIP_SERVER_RECORDS"))
}
