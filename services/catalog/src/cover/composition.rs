//! Where lettering and motif go.

mod field;
mod formal;

use super::Facts;
use super::canvas::Canvas;
use super::dice::Dice;
use super::lettering::title_page;
use super::palette::Palette;

type Compose = fn(&mut Canvas, &mut Dice, &Palette, &Facts<'_>);

const COMPOSITIONS: [Compose; 7] =
    [formal::framed, formal::labelled, formal::divided, field::poster, field::mosaic, field::horizon, field::lettered];

/// Fills the canvas.
pub(super) fn compose(canvas: &mut Canvas, dice: &mut Dice, palette: &Palette, book: &Facts<'_>) {
    let (name, _) = title_page(book.title);
    // A name of one or two words can carry a cover alone; a long one cannot.
    let short = name.chars().count() <= 18;
    let choices = if short { &COMPOSITIONS[..] } else { &COMPOSITIONS[..6] };
    let compose = *dice.pick(choices);
    compose(canvas, dice, palette, book);
}

/// The year as a reader writes it.
fn year(year: i64) -> String {
    if year < 0 { format!("{} BCE", -year) } else { year.to_string() }
}
