//! Shapes as SVG text.

use std::fmt::{self, Write as _};

use super::{HEIGHT, WIDTH};

/// How a shape is painted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Paint<'a> {
    /// Filled with a colour.
    Fill(&'a str),
    /// An outline in a colour, so wide.
    Line(&'a str, f64),
    /// Filled with a colour that lets so much of what is beneath be covered.
    Veil(&'a str, f64),
}

impl fmt::Display for Paint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fill(colour) => write!(f, "fill=\"{colour}\""),
            Self::Line(colour, width) => write!(
                f,
                "fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\" stroke-linecap=\"round\" stroke-linejoin=\"round\"",
                Number(*width)
            ),
            Self::Veil(colour, opacity) => write!(f, "fill=\"{colour}\" fill-opacity=\"{opacity}\""),
        }
    }
}

/// A coordinate with one decimal at most: enough, and it keeps the files small.
pub(super) struct Number(pub(super) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = (self.0 * 10.0).round() / 10.0;
        // No negative nought.
        write!(f, "{}", if rounded == 0.0 { 0.0 } else { rounded })
    }
}

/// An SVG document under way.
#[derive(Debug)]
pub(super) struct Canvas {
    svg: String,
}

impl Canvas {
    /// An empty one with a title for those who hear it read.
    pub(super) fn new(title: &str) -> Self {
        let mut canvas = Self { svg: String::with_capacity(8 * 1024) };
        canvas.put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             role=\"img\"><title>{}</title>",
            Escaped(title)
        ));
        canvas
    }

    pub(super) fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.svg.write_fmt(text);
    }

    pub(super) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, paint: Paint<'_>) {
        self.put(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" {paint}/>",
            Number(x),
            Number(y),
            Number(width),
            Number(height)
        ));
    }

    pub(super) fn circle(&mut self, x: f64, y: f64, radius: f64, paint: Paint<'_>) {
        self.put(format_args!("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" {paint}/>", Number(x), Number(y), Number(radius)));
    }

    /// An ellipse around the origin, turned by so many degrees.
    pub(super) fn ellipse(&mut self, rx: f64, ry: f64, degrees: f64, paint: Paint<'_>) {
        self.put(format_args!(
            "<ellipse rx=\"{}\" ry=\"{}\" transform=\"rotate({})\" {paint}/>",
            Number(rx),
            Number(ry),
            Number(degrees)
        ));
    }

    pub(super) fn path(&mut self, data: impl fmt::Display, paint: Paint<'_>) {
        self.put(format_args!("<path d=\"{data}\" {paint}/>"));
    }

    /// Straight lines through the points, closed when filled.
    pub(super) fn polygon(&mut self, points: &[(f64, f64)], paint: Paint<'_>) {
        let mut data = String::new();
        for (at, (x, y)) in points.iter().enumerate() {
            let _ = write!(data, "{}{} {}", if at == 0 { "M" } else { "L" }, Number(*x), Number(*y));
        }
        data.push('Z');
        self.path(data, paint);
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
        self.put(format_args!(
            "<path d=\"M{} {}L{} {}\" {}/>",
            Number(from.0),
            Number(from.1),
            Number(to.0),
            Number(to.1),
            Paint::Line(colour, width)
        ));
    }

    /// What `draw` draws, moved, turned and scaled.
    pub(super) fn placed(&mut self, at: (f64, f64), degrees: f64, scale: f64, draw: impl FnOnce(&mut Self)) {
        let scale = (scale * 1000.0).round() / 1000.0;
        self.put(format_args!(
            "<g transform=\"translate({} {}) rotate({}) scale({scale})\">",
            Number(at.0),
            Number(at.1),
            Number(degrees)
        ));
        draw(self);
        self.svg.push_str("</g>");
    }

    /// What `draw` draws, mirrored left to right.
    pub(super) fn mirrored(&mut self, draw: impl FnOnce(&mut Self)) {
        self.svg.push_str("<g transform=\"scale(-1 1)\">");
        draw(self);
        self.svg.push_str("</g>");
    }

    /// Defines a drawing once, to be used many times. One a cover.
    pub(super) fn define(&mut self, draw: impl FnOnce(&mut Self)) {
        self.svg.push_str("<defs><g id=\"m\">");
        draw(self);
        self.svg.push_str("</g></defs>");
    }

    /// Draws what was defined.
    pub(super) fn stamp(&mut self, at: (f64, f64), degrees: f64, scale: f64) {
        let scale = (scale * 1000.0).round() / 1000.0;
        self.put(format_args!(
            "<use href=\"#m\" transform=\"translate({} {}) rotate({}) scale({scale})\"/>",
            Number(at.0),
            Number(at.1),
            Number(degrees)
        ));
    }

    /// One line of text; `attributes` are ours.
    pub(super) fn text(&mut self, x: f64, y: f64, attributes: impl fmt::Display, text: &str) {
        self.put(format_args!("<text x=\"{}\" y=\"{}\" {attributes}>{}</text>", Number(x), Number(y), Escaped(text)));
    }
}

/// Text as XML: markup escaped, what XML cannot carry left out.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\u{fffe}' | '\u{ffff}' => {}
                other if other.is_control() => {}
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
