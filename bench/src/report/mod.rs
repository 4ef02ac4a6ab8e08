//! The page: one file that needs nothing else, in light and dark, on screen and on paper.
//!
//! * `svg`: shapes as text; `scale`: axes
//! * `latency`, `cpu`, `forest`, `rounds`, `strip`: a chart each
//! * `view`, `conditions`, `code`: what the template shows, as text

mod code;
mod conditions;
mod cpu;
mod forest;
mod latency;
mod rounds;
mod scale;
mod strip;
mod svg;
mod view;

use askama::Template as _;

use crate::summary::{Error, Summary};

/// How many modes have a colour and a shape of their own; more begin again.
const COLOURS: usize = 6;

/// The class that gives a mode its colour.
fn mode_class(index: usize) -> String {
    format!("m{}", index % COLOURS)
}

/// The page.
pub(crate) fn page(summary: &Summary) -> Result<String, Error> {
    Ok(view::Page::of(summary)?.render()?)
}
