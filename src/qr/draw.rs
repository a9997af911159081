//! Drawing a QR code: as SVG, or as a PNG of whole pixels.

use std::path::Path;

use qrcode::render::svg;
use qrcode::types::{Color, QrError as Fault};
use qrcode::{EcLevel, QrCode};

/// Modules of white around a code, which readers need.
const QUIET_MODULES: usize = 4;
/// Pixels of a PNG's module: large enough for screens and printers of 300 dots an inch.
const MODULE_PIXELS: usize = 8;
/// Pixels that an SVG states as its least width; it scales.
const SVG_PIXELS: u32 = 240;

/// A QR code, ready to be drawn.
pub struct Drawing {
    code: QrCode,
}

/// How much of a code may be hidden or dirty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// A twelfth: for much text.
    Low,
    /// A quarter: for short text on paper.
    High,
}

/// Why no QR code is drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// More than the largest code holds.
    #[error("{bytes} characters don't fit a QR code")]
    TooLong {
        /// How many there are.
        bytes: usize,
    },
    /// A file name that says neither form.
    #[error("{name}: a QR code is written as .png or .svg")]
    Form {
        /// The file.
        name: String,
    },
}

/// The forms of a file with a QR code in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QrFile {
    /// Pixels.
    Png,
    /// Lines.
    Svg,
}

impl QrFile {
    /// The form that a file's name asks for.
    pub fn of(path: &Path) -> Result<Self, QrError> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("png") => Ok(Self::Png),
            Some("svg") => Ok(Self::Svg),
            _ => Err(QrError::Form { name: path.display().to_string() }),
        }
    }
}

impl Drawing {
    /// Lay out a text; capital letters and digits take the least room.
    pub fn new(text: &str, strength: Strength) -> Result<Self, QrError> {
        let level = match strength {
            Strength::Low => EcLevel::L,
            Strength::High => EcLevel::Q,
        };
        let code = QrCode::with_error_correction_level(text, level).map_err(|fault| {
            debug_assert_eq!(fault, Fault::DataTooLong);
            QrError::TooLong { bytes: text.len() }
        })?;
        Ok(Self { code })
    }

    /// Modules of one side, without the white around it.
    pub fn modules(&self) -> usize {
        self.code.width()
    }

    /// The bytes of a file of this form.
    pub fn file(&self, form: QrFile) -> Vec<u8> {
        match form {
            QrFile::Png => self.png(),
            QrFile::Svg => self.svg().into_bytes(),
        }
    }

    /// SVG, with the declaration that a file begins with.
    pub fn svg(&self) -> String {
        self.code.render::<svg::Color<'_>>().min_dimensions(SVG_PIXELS, SVG_PIXELS).build()
    }

    /// SVG to stand inside a page.
    pub fn svg_element(&self) -> String {
        let image = self.svg();
        let body = image.find("<svg").unwrap_or_default();
        image[body..].to_owned()
    }

    /// A grey PNG.
    pub fn png(&self) -> Vec<u8> {
        let side = (self.modules() + 2 * QUIET_MODULES) * MODULE_PIXELS;
        let width = u32::try_from(side).expect("at most 185 modules");
        let mut bytes = vec![];
        let mut encoder = png::Encoder::new(&mut bytes, width, width);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().expect("memory takes every write");
        writer.write_image_data(&self.pixels(side)).expect("the rows are as many as stated");
        writer.finish().expect("memory takes every write");
        bytes
    }

    fn pixels(&self, side: usize) -> Vec<u8> {
        let module = |pixel: usize| (pixel / MODULE_PIXELS).checked_sub(QUIET_MODULES);
        let dark = |x: usize, y: usize| {
            let place = module(x).zip(module(y));
            let inside = |(x, y): &(usize, usize)| (*x).max(*y) < self.modules();
            place.filter(inside).is_some_and(|place| self.code[place] == Color::Dark)
        };
        (0..side * side).map(|at| if dark(at % side, at / side) { 0 } else { 255 }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_digits_make_a_small_strong_code() {
        let drawing = Drawing::new("07123456789012345667", Strength::High).unwrap();
        assert_eq!(drawing.modules(), 21);
        let svg = drawing.svg();
        assert!(svg.starts_with("<?xml") && drawing.svg_element().starts_with("<svg"));
        let png = drawing.file(QrFile::Png);
        assert!(png.starts_with(b"\x89PNG") && png.len() < 4_000, "{} bytes", png.len());
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let error = Drawing::new(&"A".repeat(5_000), Strength::Low).err().unwrap();
        assert_eq!(error.to_string(), "5000 characters don't fit a QR code");
    }

    #[test]
    fn a_files_name_says_its_form() {
        let form = |name: &str| QrFile::of(Path::new(name));
        assert_eq!((form("a.png"), form("b.SVG")), (Ok(QrFile::Png), Ok(QrFile::Svg)));
        for name in ["code", "code.gif", ".png"] {
            let error = form(name).unwrap_err().to_string();
            assert_eq!(error, format!("{name}: a QR code is written as .png or .svg"));
        }
    }
}
