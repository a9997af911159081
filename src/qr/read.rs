//! Reading QR codes from a picture: a photograph, a screenshot, a file that a shop sent.

use std::collections::BTreeSet;
use std::io::Cursor;

use png::{ColorType, Transformations};
use rqrr::PreparedImage;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The longest file that is read as a picture.
pub const PICTURE_BYTES_MAX: u64 = 32 << 20;
/// The most pixels of a picture; a photograph may take seven bytes of memory for each.
pub const PICTURE_PIXELS_MAX: usize = 40_000_000;
/// The longest side of a picture, in pixels.
const SIDE_PIXELS_MAX: usize = 16_384;
/// Scans of a progressive photograph, at most.
const SCANS_MAX: usize = 64;
/// A picture is looked at in these sizes, in pixels, the cheapest first: noise and moiré vanish as
/// it shrinks, small codes as well, and a dense one shows in some sizes and not in others.
const LOOKED_AT_PIXELS: [usize; 7] =
    [250_000, 500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000, SEEN_PIXELS_MAX];
/// In no size it has more pixels than this.
const SEEN_PIXELS_MAX: usize = 16_000_000;
/// A picture is enlarged at most so many times in each direction.
const ENLARGED_MAX: usize = 2;

const PNG_BEGINS: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG_BEGINS: &[u8] = b"\xff\xd8\xff";

/// Why nothing is read from a picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Another kind of file.
    #[error("neither a PNG nor a JPEG picture")]
    Kind,
    /// More than is looked at.
    #[error("a picture of {width} x {height} pixels is too large, at most {PICTURE_PIXELS_MAX}")]
    TooLarge {
        /// Pixels of a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// Cut off or damaged.
    #[error("the picture is damaged: {0}")]
    Damaged(String),
    /// A sound picture without a readable code.
    #[error("no QR code can be read in the picture of {width} x {height} pixels")]
    NoCode {
        /// Pixels of a row.
        width: usize,
        /// Rows.
        height: usize,
    },
}

impl PictureError {
    /// A decoder's own words, on one line.
    fn damaged(error: &dyn std::fmt::Display) -> Self {
        let words = error.to_string();
        let words: Vec<_> = words.split(|c: char| c.is_control() || c == ' ').collect();
        Self::Damaged(words.join(" ").trim().to_owned())
    }
}

/// Does this begin as a picture does that can be read here?
pub fn is_picture(bytes: &[u8]) -> bool {
    bytes.starts_with(PNG_BEGINS) || bytes.starts_with(JPEG_BEGINS)
}

/// What the QR codes of a PNG or JPEG picture say, each once.
pub fn read_picture(bytes: &[u8]) -> Result<Vec<Vec<u8>>, PictureError> {
    let picture = match bytes {
        _ if bytes.starts_with(PNG_BEGINS) => read_png(bytes)?,
        _ if bytes.starts_with(JPEG_BEGINS) => read_jpeg(bytes)?,
        _ => return Err(PictureError::Kind),
    };
    let mut found = picture.sizes().into_iter().map(|size| picture.resized(size).codes());
    let (width, height) = (picture.width, picture.height);
    let found = found.find(|codes| !codes.is_empty());
    Ok(found.ok_or(PictureError::NoCode { width, height })?.into_iter().collect())
}

/// Grey pixels, row by row.
struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Grey {
    /// The sizes in which it is looked at: as it is, and those between a few pixels and many.
    fn sizes(&self) -> Vec<(usize, usize)> {
        let (width, height) = (self.width, self.height);
        let of = |pixels: usize| {
            let wide = (pixels * width / height).isqrt().clamp(1, ENLARGED_MAX * width);
            (wide, (wide * height / width).max(1))
        };
        let mut sizes: Vec<_> = LOOKED_AT_PIXELS.iter().map(|pixels| of(*pixels)).collect();
        sizes.extend((width * height <= SEEN_PIXELS_MAX).then_some((width, height)));
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// The picture in another size: squares of pixels averaged, the rest drawn between neighbours.
    fn resized(&self, (width, height): (usize, usize)) -> Self {
        let step = (self.width / width).min(self.height / height).max(1);
        let from = self.shrunk(step);
        if (from.width, from.height) == (width, height) {
            return from;
        }
        let pixel = |at: usize| {
            let (x, across) = between(at % width, from.width, width);
            let (y, down) = between(at / width, from.height, height);
            let row = |y: usize| {
                let left = usize::from(from.pixels[y * from.width + x]);
                let right = (x + 1).min(from.width - 1);
                let right = usize::from(from.pixels[y * from.width + right]);
                left * (PARTS - across) + right * across
            };
            let below = (y + 1).min(from.height - 1);
            let sum = row(y) * (PARTS - down) + row(below) * down;
            u8::try_from(sum / (PARTS * PARTS)).expect("an average of bytes is one")
        };
        Self { width, height, pixels: (0..width * height).map(pixel).collect() }
    }

    /// The picture with the average of each square of pixels for one.
    fn shrunk(&self, step: usize) -> Self {
        let (width, height) = (self.width / step, self.height / step);
        let average = |at: usize| {
            let (x, y) = (at % width * step, at / width * step);
            let rows = (y..y + step).map(|y| &self.pixels[y * self.width + x..][..step]);
            let sum: usize = rows.flatten().map(|pixel| usize::from(*pixel)).sum();
            u8::try_from(sum / (step * step)).expect("an average of bytes is one")
        };
        Self { width, height, pixels: (0..width * height).map(average).collect() }
    }

    fn codes(&self) -> BTreeSet<Vec<u8>> {
        let pixel = |x: usize, y: usize| self.pixels[y * self.width + x];
        let mut image = PreparedImage::prepare_from_greyscale(self.width, self.height, pixel);
        let read = |grid: &rqrr::Grid<_>| {
            let mut text = vec![];
            grid.decode_to(&mut text).ok().map(|_| text)
        };
        image.detect_grids().iter().filter_map(read).collect()
    }
}

/// Parts of the way from one pixel to the next.
const PARTS: usize = 256;

/// Where the middle of pixel `at` of `to` lies among `from` pixels: behind which, and how far.
fn between(at: usize, from: usize, to: usize) -> (usize, usize) {
    let place = ((2 * at + 1) * from * PARTS / (2 * to)).saturating_sub(PARTS / 2);
    ((place / PARTS).min(from - 1), place % PARTS)
}

fn check_size(width: usize, height: usize) -> Result<(), PictureError> {
    let side = (1..=SIDE_PIXELS_MAX).contains(&width) && (1..=SIDE_PIXELS_MAX).contains(&height);
    if side && width * height <= PICTURE_PIXELS_MAX {
        return Ok(());
    }
    Err(PictureError::TooLarge { width, height })
}

fn read_png(bytes: &[u8]) -> Result<Grey, PictureError> {
    let damaged = |error: png::DecodingError| PictureError::damaged(&error);
    let limits = png::Limits { bytes: 4 * PICTURE_PIXELS_MAX };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let info = decoder.read_header_info().map_err(damaged)?;
    let (width, height) = (info.width as usize, info.height as usize);
    check_size(width, height)?;
    let mut reader = decoder.read_info().map_err(damaged)?;
    let too_large = || PictureError::TooLarge { width, height };
    let mut samples = vec![0; reader.output_buffer_size().ok_or_else(too_large)?];
    let frame = reader.next_frame(&mut samples).map_err(damaged)?;
    samples.truncate(frame.buffer_size());
    let pixels = match frame.color_type {
        ColorType::Grayscale => samples,
        ColorType::GrayscaleAlpha => {
            samples.chunks_exact(2).map(|pixel| on_white(pixel[0], pixel[1])).collect()
        }
        ColorType::Rgb => samples.chunks_exact(3).map(grey).collect(),
        ColorType::Rgba => {
            samples.chunks_exact(4).map(|pixel| on_white(grey(&pixel[..3]), pixel[3])).collect()
        }
        ColorType::Indexed => return Err(PictureError::Damaged("colours without names".into())),
    };
    Ok(Grey { width, height, pixels })
}

fn read_jpeg(bytes: &[u8]) -> Result<Grey, PictureError> {
    let damaged = |error: zune_jpeg::errors::DecodeErrors| PictureError::damaged(&error);
    let options = DecoderOptions::new_safe()
        .set_max_width(SIDE_PIXELS_MAX)
        .set_max_height(SIDE_PIXELS_MAX)
        .jpeg_set_max_scans(SCANS_MAX)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged)?;
    let none = || PictureError::Damaged("it states no size".to_owned());
    let info = decoder.info().ok_or_else(none)?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    check_size(width, height)?;
    let pixels = decoder.decode().map_err(damaged)?;
    if pixels.len() != width * height {
        let reason = format!("{} pixels, {width} x {height} expected", pixels.len());
        return Err(PictureError::Damaged(reason));
    }
    Ok(Grey { width, height, pixels })
}

/// Brightness of red, green and blue, as Rec. 601 weighs them.
fn grey(rgb: &[u8]) -> u8 {
    let weighed = 299 * u32::from(rgb[0]) + 587 * u32::from(rgb[1]) + 114 * u32::from(rgb[2]);
    u8::try_from(weighed / 1000).expect("the weights add up to 1000")
}

/// What shows of a pixel that lies on white paper.
fn on_white(grey: u8, alpha: u8) -> u8 {
    let (grey, alpha) = (u32::from(grey), u32::from(alpha));
    u8::try_from((grey * alpha + 255 * (255 - alpha)) / 255).expect("between the two")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: usize, height: usize) -> Grey {
        let pixel = |at: usize| u8::try_from(at % width * 255 / (width - 1)).unwrap();
        Grey { width, height, pixels: (0..width * height).map(pixel).collect() }
    }

    #[test]
    fn a_picture_keeps_its_shades_in_every_size() {
        let whole = ramp(64, 48);
        assert_eq!(whole.resized((64, 48)).pixels, whole.pixels);
        for size in [(32, 24), (47, 35), (128, 96), (21, 7)] {
            let other = whole.resized(size);
            assert_eq!((other.width, other.height), size);
            for (at, pixel) in other.pixels.iter().enumerate() {
                let expected = (2 * (at % size.0) + 1) * 255 / (2 * size.0);
                assert!(usize::from(*pixel).abs_diff(expected) < 10, "{size:?} at {at}: {pixel}");
            }
        }
    }

    #[test]
    fn sizes_rise_from_small_to_large_and_never_past_twice() {
        let sizes = ramp(800, 600).sizes();
        assert!(sizes.contains(&(800, 600)) && sizes.is_sorted());
        assert_eq!(sizes.last(), Some(&(1_600, 1_200)));
        assert_eq!(ramp(2, 1).sizes(), [(2, 1), (4, 2)]);
        assert!(ramp(6_000, 4_000).sizes().iter().all(|(w, h)| w * h <= 16_000_000));
    }

    #[test]
    fn sizes_beyond_every_limit_are_refused() {
        assert!(check_size(8_000, 5_000).is_ok());
        for (width, height) in [(0, 5), (16_385, 1), (16_000, 16_000)] {
            let error = check_size(width, height).unwrap_err();
            assert_eq!(error, PictureError::TooLarge { width, height });
        }
    }
}
