//! Quiet compositions: frame, label, panel.

use super::year;
use crate::cover::canvas::Canvas;
use crate::cover::canvas::Paint::{Fill, Line};
use crate::cover::dice::Dice;
use crate::cover::lettering::{Align, BOLD, BOOK, Block, CAPITALS, ITALIC, LABEL, POSTER, Room, title_page};
use crate::cover::motif::{self, Tones};
use crate::cover::palette::{Palette, blend};
use crate::cover::{Facts, HEIGHT, WIDTH};

const MIDDLE: f64 = WIDTH / 2.0;

/// A frame, the title above a motif, the author beneath.
pub(super) fn framed(canvas: &mut Canvas, dice: &mut Dice, palette: &Palette, book: &Facts<'_>) {
    canvas.rect(0.0, 0.0, WIDTH, HEIGHT, Fill(palette.ground));
    canvas.rect(20.0, 20.0, WIDTH - 40.0, HEIGHT - 40.0, Line(palette.ink, 3.0));
    canvas.rect(28.0, 28.0, WIDTH - 56.0, HEIGHT - 56.0, Line(palette.accent, 1.2));

    let (name, rest) = title_page(book.title);
    let title = Block::fit(name, BOOK, Room { width: 304.0, height: 150.0, largest: 58.0 });
    let rest = rest.map(|rest| Block::fit(rest, ITALIC, Room { width: 284.0, height: 46.0, largest: 21.0 }));
    let height = title.height() + rest.as_ref().map_or(0.0, |rest| rest.height() + 12.0);
    let mut y = title.draw(canvas, MIDDLE, 140.0 - height / 2.0, Align::Centre, palette.ink);
    if let Some(rest) = rest {
        y = rest.draw(canvas, MIDDLE, y + 12.0, Align::Centre, palette.ink);
    }

    let author = Block::fit(&book.author.to_uppercase(), CAPITALS, Room { width: 304.0, height: 40.0, largest: 18.0 });
    let foot = 520.0 - author.height() / 2.0;
    let (above, below) = (y + 38.0, foot - 34.0);
    let scale = ((below - above) / 204.0).clamp(0.9, 1.24);
    let tones = Tones { fore: palette.ink, accent: palette.accent, second: palette.second, back: palette.ground };
    canvas.placed((MIDDLE, (above + below) / 2.0), 0.0, scale, |canvas| motif::draw(canvas, dice, book.subject, tones));
    author.draw(canvas, MIDDLE, foot, Align::Centre, palette.ink);
}

/// Endpapers strewn with the motif, and a pasted label.
pub(super) fn labelled(canvas: &mut Canvas, dice: &mut Dice, palette: &Palette, book: &Facts<'_>) {
    let quiet = blend(palette.ground, palette.second, 0.75);
    let tones = Tones { fore: palette.second, accent: palette.accent, second: &quiet, back: palette.ground };
    canvas.rect(0.0, 0.0, WIDTH, HEIGHT, Fill(palette.ground));
    canvas.define(|canvas| motif::draw(canvas, dice, book.subject, tones));
    for row in 0..9_u8 {
        for column in 0..6_u8 {
            // Each second row half a step aside, as in endpapers.
            let x = f64::from(column) * 80.0 + if row % 2 == 0 { 0.0 } else { 40.0 };
            canvas.stamp((x, f64::from(row) * 75.0), 0.0, 0.32);
        }
    }

    let (name, rest) = title_page(book.title);
    let title = Block::fit(name, BOLD, Room { width: 244.0, height: 150.0, largest: 46.0 });
    let rest = rest.map(|rest| Block::fit(rest, ITALIC, Room { width: 240.0, height: 46.0, largest: 18.0 }));
    let author = Block::fit(book.author, ITALIC, Room { width: 244.0, height: 48.0, largest: 21.0 });
    let height = title.height() + rest.as_ref().map_or(0.0, |rest| rest.height() + 10.0) + author.height() + 41.0;
    let (outer, top) = (height + 60.0, 262.0 - (height + 60.0) / 2.0);
    canvas.rect(48.0, top, 304.0, outer, Fill(palette.paper));
    canvas.rect(56.0, top + 8.0, 288.0, outer - 16.0, Line(palette.print, 1.4));
    canvas.rect(60.0, top + 12.0, 280.0, outer - 24.0, Line(palette.print, 0.6));
    let mut y = title.draw(canvas, MIDDLE, top + 31.0, Align::Centre, palette.print);
    if let Some(rest) = rest {
        y = rest.draw(canvas, MIDDLE, y + 10.0, Align::Centre, palette.print);
    }
    canvas.line((MIDDLE - 24.0, y + 21.0), (MIDDLE + 24.0, y + 21.0), palette.accent, 2.0);
    author.draw(canvas, MIDDLE, y + 40.0, Align::Centre, palette.print);
}

/// The motif on a field of colour, the lettering on a panel of paper beneath.
pub(super) fn divided(canvas: &mut Canvas, dice: &mut Dice, palette: &Palette, book: &Facts<'_>) {
    let edge = 348.0;
    canvas.rect(0.0, 0.0, WIDTH, HEIGHT, Fill(palette.paper));
    canvas.rect(0.0, 0.0, WIDTH, edge, Fill(palette.ground));
    canvas.rect(0.0, edge, WIDTH, 7.0, Fill(palette.accent));
    let tones = Tones { fore: palette.ink, accent: palette.accent, second: palette.second, back: palette.ground };
    canvas.placed((MIDDLE, edge / 2.0), 0.0, 1.36, |canvas| motif::draw(canvas, dice, book.subject, tones));

    let (name, rest) = title_page(book.title);
    let face = if dice.chance(0.5) { POSTER } else { BOLD };
    let author = Block::fit(&book.author.to_uppercase(), LABEL, Room { width: 268.0, height: 38.0, largest: 15.0 });
    let foot = HEIGHT - 34.0 - author.height();
    let space = foot - 18.0 - (edge + 33.0);
    let rest = rest.map(|rest| Block::fit(rest, ITALIC, Room { width: 336.0, height: 44.0, largest: 19.0 }));
    let beneath = rest.as_ref().map_or(0.0, |rest| rest.height() + 8.0);
    let title = Block::fit(name, face, Room { width: 336.0, height: space - beneath, largest: 78.0 });
    let y = title.draw(canvas, 32.0, edge + 33.0, Align::Left, palette.print);
    if let Some(rest) = rest {
        rest.draw(canvas, 32.0, y + 8.0, Align::Left, palette.print);
    }
    author.draw(canvas, 32.0, foot, Align::Left, palette.print);
    let year = Block::fit(&year(book.year), BOOK, Room { width: 70.0, height: 20.0, largest: 14.0 });
    year.draw(canvas, 352.0, HEIGHT - 34.0 - year.size, Align::Centre, palette.print);
}
