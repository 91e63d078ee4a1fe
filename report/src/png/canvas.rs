//! A canvas of twice the size, so that lines come out smooth when it is made small.

use crate::error::ReportError;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::sync::Once;

/// DejaVu Sans, whose licence lies beside it.
const FONT: &[u8] = include_bytes!("../../assets/DejaVuSans.ttf");
const FONT_NAME: &str = "squall";

/// Pixels of the canvas to one of the picture, each way.
const SCALE: u32 = 2;

pub type Colour = (u8, u8, u8);
pub const INK: Colour = (22, 25, 29);
pub const SOFT: Colour = (85, 96, 107);
pub const LINE: Colour = (213, 218, 224);

/// Where a text stands to its point; always below it, but for `Middle`, which is right of it and centred on its height.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    Left,
    Centre,
    Right,
    /// Ends at the point and is centred on its height.
    RightMiddle,
}

pub struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Canvas {
    pub fn new(width: u32, height: u32) -> Result<Self, ReportError> {
        static REGISTERED: Once = Once::new();
        REGISTERED.call_once(|| {
            // A font that cannot be read shows as an error at the first text.
            let _ = plotters::style::register_font(FONT_NAME, FontStyle::Normal, FONT);
        });
        let bytes = (width * SCALE) as usize * (height * SCALE) as usize * 3;
        Ok(Self {
            width,
            height,
            pixels: vec![255; bytes],
        })
    }

    fn draw<'a, E>(&'a mut self, element: &'a E) -> Result<(), ReportError>
    where
        for<'b> &'b E: plotters::element::PointCollection<'b, (i32, i32)>,
        E: plotters::element::Drawable<BitMapBackend<'a>>,
    {
        let size = (self.width * SCALE, self.height * SCALE);
        let backend = BitMapBackend::with_buffer(&mut self.pixels, size);
        let area = backend.into_drawing_area();
        area.draw(element).map_err(|error| failed(&error))
    }

    pub fn text(
        &mut self,
        text: &str,
        at: (f64, f64),
        size: f64,
        colour: Colour,
        anchor: Anchor,
    ) -> Result<(), ReportError> {
        let pos = match anchor {
            Anchor::Left => Pos::new(HPos::Left, VPos::Top),
            Anchor::Centre => Pos::new(HPos::Center, VPos::Top),
            Anchor::Right => Pos::new(HPos::Right, VPos::Top),
            Anchor::RightMiddle => Pos::new(HPos::Right, VPos::Center),
        };
        let font = (FONT_NAME, size * f64::from(SCALE)).into_font();
        let colour = rgb(colour);
        let style = TextStyle::from(font).color(&colour).pos(pos);
        self.draw(&Text::new(text.to_owned(), point(at), style))
    }

    /// Width of a text in pixels of the picture.
    pub fn text_width(text: &str, size: f64) -> f64 {
        let font = (FONT_NAME, size * f64::from(SCALE)).into_font();
        let width = font.box_size(text).map_or(0, |(width, _)| width);
        f64::from(width) / f64::from(SCALE)
    }

    pub fn line(
        &mut self,
        points: &[(f64, f64)],
        width: f64,
        colour: Colour,
    ) -> Result<(), ReportError> {
        let style = rgb(colour).stroke_width((width * f64::from(SCALE)).round().max(1.0) as u32);
        let points: Vec<(i32, i32)> = points.iter().copied().map(point).collect();
        self.draw(&PathElement::new(points, style))
    }

    pub fn polygon(
        &mut self,
        points: &[(f64, f64)],
        colour: Colour,
        opacity: f64,
    ) -> Result<(), ReportError> {
        let points: Vec<(i32, i32)> = points.iter().copied().map(point).collect();
        self.draw(&Polygon::new(points, rgb(colour).mix(opacity)))
    }

    pub fn rectangle(
        &mut self,
        from: (f64, f64),
        to: (f64, f64),
        colour: Colour,
        opacity: f64,
    ) -> Result<(), ReportError> {
        let corners = [point(from), point(to)];
        self.draw(&Rectangle::new(corners, rgb(colour).mix(opacity).filled()))
    }

    pub fn into_png(self) -> Result<Vec<u8>, ReportError> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().map_err(|error| failed(&error))?;
        writer
            .write_image_data(&self.small())
            .map_err(|error| failed(&error))?;
        writer.finish().map_err(|error| failed(&error))?;
        Ok(bytes)
    }

    /// Each pixel the mean of those that it stands for.
    fn small(&self) -> Vec<u8> {
        let row_bytes = (self.width * SCALE * 3) as usize;
        let mut small = Vec::with_capacity(self.pixels.len() / (SCALE * SCALE) as usize);
        for rows in self.pixels.chunks_exact(row_bytes * SCALE as usize) {
            let (upper, lower) = rows.split_at(row_bytes);
            for (a, b) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
                for channel in 0..3 {
                    let sum = u16::from(a[channel])
                        + u16::from(a[channel + 3])
                        + u16::from(b[channel])
                        + u16::from(b[channel + 3]);
                    small.push(((sum + 2) / 4) as u8);
                }
            }
        }
        small
    }
}

const fn rgb((red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

fn point((x, y): (f64, f64)) -> (i32, i32) {
    let scale = f64::from(SCALE);
    ((x * scale).round() as i32, (y * scale).round() as i32)
}

fn failed(error: &dyn std::fmt::Display) -> ReportError {
    ReportError::Chart(error.to_string())
}
