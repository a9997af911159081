//! The built tool in an owner's hands.
