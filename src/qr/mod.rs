//! QR codes: drawn for receipts and labels, read from pictures of them.

#[cfg(feature = "store")]
mod draw;
#[cfg(feature = "wallet")]
mod read;

#[cfg(feature = "store")]
pub use draw::{Drawing, QrError, QrFile, Strength};
#[cfg(feature = "wallet")]
pub use read::{PICTURE_BYTES_MAX, PICTURE_PIXELS_MAX, PictureError, is_picture, read_picture};
