//! What each fuzz target does with its bytes: fuzzers and `tests/corpus.rs` call the same functions.
//!
//! A body panics where something doesn't hold. Memory is bounded from outside, by the kernel.

mod device;
mod edition;
mod evidence;
mod funding;
mod input;
mod machine;
mod medium;
mod memory;
mod money;
mod object;
mod shop;
mod text;
mod trust;

pub use medium::PATCH_ANCHORS;
pub use object::TYPES;

use std::sync::OnceLock;

use crate::world::World;

/// What takes a target's bytes.
pub type Body = fn(&[u8]);

macro_rules! targets {
    ($( $module:ident :: $name:ident ),* $(,)?) => {
        $( pub use $module::$name; )*

        /// Every target by its name, which is also its corpus's.
        pub const ALL: &[(&str, Body)] = &[$( (stringify!($name), $name), )*];
    };
}

targets! {
    object::objects,
    object::envelope,
    object::cbor,
    trust::chain,
    trust::keyfile,
    trust::access,
    trust::kit,
    money::journal,
    money::ledger,
    funding::funding,
    evidence::evidence,
    memory::keyed,
    memory::remembered,
    shop::shop_log,
    shop::enrol_request,
    shop::kept_stamp,
    text::recipe,
    text::start_page,
    text::typed_code,
    text::topup_entry,
    text::topup_picture,
    text::units,
    device::gpt,
    device::fat_volume,
    device::elf_player,
    machine::machine,
    edition::edition_open,
    medium::image_take,
    medium::image_check,
}

/// The one small world whose keys sign what a target needs signed.
fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::new)
}
