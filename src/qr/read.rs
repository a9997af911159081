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
/// The most pixels of a picture.
pub const PICTURE_PIXELS_MAX: usize = 64_000_000;
/// The longest side of a picture, in pixels.
const SIDE_PIXELS_MAX: usize = 16_384;
/// Scans of a progressive photograph, at most.
const SCANS_MAX: usize = 64;
/// A picture is looked at in these sizes, in pixels, the cheapest first: noise and moiré vanish as
/// it shrinks, small codes as well.
const LOOKED_AT_PIXELS: [usize; 4] = [500_000, 2_000_000, 8_000_000, PICTURE_PIXELS_MAX];

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
    let mut steps: Vec<_> = LOOKED_AT_PIXELS.iter().map(|most| picture.step_for(*most)).collect();
    steps.dedup();
    let mut found = steps.into_iter().map(|step| picture.shrunk(step).codes());
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
    /// How many pixels become one, in each direction, so that at most so many are left.
    fn step_for(&self, most: usize) -> usize {
        let fits = |step: &usize| (self.width / step) * (self.height / step) <= most;
        (1..=SIDE_PIXELS_MAX).find(fits).unwrap_or(1)
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

fn check_size(width: usize, height: usize) -> Result<(), PictureError> {
    let side = (1..=SIDE_PIXELS_MAX).contains(&width) && (1..=SIDE_PIXELS_MAX).contains(&height);
    if side && width * height <= PICTURE_PIXELS_MAX {
        return Ok(());
    }
    Err(PictureError::TooLarge { width, height })
}

fn read_png(bytes: &[u8]) -> Result<Grey, PictureError> {
    let damaged = |error: png::DecodingError| PictureError::Damaged(error.to_string());
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
    let damaged = |error: zune_jpeg::errors::DecodeErrors| PictureError::Damaged(error.to_string());
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
