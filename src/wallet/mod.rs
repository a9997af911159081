//! A medium opened by its owner.
