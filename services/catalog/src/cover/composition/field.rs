//! Loud compositions: the whole cover is the picture.

use std::f64::consts::TAU;
use std::fmt::Write as _;

use crate::cover::canvas::Canvas;
use crate::cover::canvas::Paint::{Fill, Line};
use crate::cover::dice::Dice;
use crate::cover::lettering::{Align, BOLD, BOOK, Block, CAPITALS, ITALIC, LABEL, POSTER, Room, title_page};
use crate::cover::motif::{self, Tones};
use crate::cover::palette::{Palette, blend};
use crate::cover::{Facts, HEIGHT, WIDTH};

/// The motif larger than the cover, running off its foot; the title above it.
pub(super) fn poster(canvas: &mut Canvas, dice: &mut Dice, palette: &Palette, book: &Facts<'_>) {
    canvas.rect(0.0, 0.0, WIDTH, HEIGHT, Fill(palette.ground));
    let aside = if dice.chance(0.5) { 284.0 } else { 116.0 };
    let tones = Tones { fore: palette.ink, accent: palette.accent, second: palette.second, back: palette.ground };
    canvas.placed((aside, 446.0), 0.0, 1.85, |canvas| motif::draw(canvas, dice, book.subject, tones));

    let (name, rest) = title_page(book.title);
    let title = Block::fit(name, POSTER, Room { width: 336.0, height: 150.0, largest: 76.0 });
    let mut y = title.draw(canvas, 32.0, 36.0, Align::Left, palette.ink);
    if let Some(rest) = rest {
        let rest = Block::fit(rest, ITALIC, Room { width: 336.0, height: 26.0, largest: 20.0 });
        y = rest.draw(canvas, 32.0, y + 8.0, Align::Left, palette.ink);
    }
    let author = Block::fit(book.author, LABEL, Room { width: 336.0, height: 44.0, largest: 17.0 });
    author.draw(canvas, 32.0, y + 18.0, Align::Left, palette.accent_or_ink());
}

/// A mosaic of quarter circles above, lettering beneath.
pub(super) fn mosaic(canvas: &mut Canvas, dice: &mut Dice, palette: &Palette, book: &Facts<'_>) {
    canvas.rect(0.0, 0.0, WIDTH, HEIGHT, Fill(palette.ground));
    let side = 80.0;
    let colours = [palette.ink, palette.accent, palette.second];
    let pale = blend(palette.ground, palette.second, 0.35);
    // The motif takes the place of four tiles.
    let (hole_column, hole_row) = (dice.below(4), dice.below(3));
    for row in 0..4_usize {
        for column in 0..5_usize {
            if (hole_column..hole_column + 2).contains(&column) && (hole_row..hole_row + 2).contains(&row) {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "five at most")]
            let (x, y) = (column as f64 * side + 40.0, row as f64 * side + 40.0);
            let colour = *dice.pick(&colours);
            let other = *dice.pick(&colours);
            let turn = f64::from(u8::try_from(dice.below(4)).unwrap_or(0)) * 90.0;
            let kind = dice.below(6);
            canvas.rect(
                x - 40.0,
                y - 40.0,
                side,
                side,
                Fill(if (row + column) % 2 == 0 { &pale } else { palette.ground }),
            );
            canvas.placed((x, y), turn, 1.0, |canvas| match kind {
                0 => canvas.path("M-40 -40H40A80 80 0 0 1 -40 40Z", Fill(colour)),
                1 => {
                    canvas.path("M-40 -40H40A80 80 0 0 1 -40 40Z", Fill(colour));
                    if other != colour {
                        canvas.path("M-40 -40H0A40 40 0 0 1 -40 0Z", Fill(other));
                    }
                }
                2 => canvas.path("M-40 0A40 40 0 0 1 40 0V40H-40Z", Fill(colour)),
                3 => canvas.path("M-40 -40A80 80 0 0 1 40 40A80 80 0 0 1 -40 -40Z", Fill(colour)),
                4 => {
                    canvas.path("M-40 -40A40 40 0 0 0 40 -40Z", Fill(colour));
                    canvas.path("M-40 40A40 40 0 0 1 40 40Z", Fill(other));
                }
                _ => canvas.circle(0.0, 0.0, 22.0, Fill(colour)),
            });
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "four at most")]
    let middle = ((hole_column + 1) as f64 * side, (hole_row + 1) as f64 * side);
    canvas.rect(middle.0 - side, middle.1 - side, side * 2.0, side * 2.0, Fill(palette.paper));
    let tones = Tones {
        fore: palette.print,
        accent: palette.accent,
        second: &blend(palette.paper, palette.print, 0.4),
        back: palette.paper,
    };
    canvas.placed(middle, 0.0, 0.66, |canvas| motif::draw(canvas, dice, book.subject, tones));

    let (name, rest) = title_page(book.title);
    let author = Block::fit(&book.author.to_uppercase(), LABEL, Room { width: 330.0, height: 40.0, largest: 15.0 });
    let foot = HEIGHT - 36.0 - author.height();
    let rest = rest.map(|rest| Block::fit(rest, ITALIC, Room { width: 330.0, height: 44.0, largest: 20.0 }));
    let beneath = rest.as_ref().map_or(0.0, |rest| rest.height() + 10.0);
    let title = Block::fit(name, BOLD, Room { width: 336.0, height: foot - 20.0 - 348.0 - beneath, largest: 86.0 });
    let y = title.draw(canvas, 32.0, 348.0, Align::Left, palette.ink);
    if let Some(rest) = rest {
        rest.draw(canvas, 32.0, y + 10.0, Align::Left, palette.ink);
    }
    author.draw(canvas, 32.0, foot, Align::Left, palette.accent_or_ink());
}

/// Waves, dunes or hills, one behind the other, under a disc.
pub(super) fn horizon(canvas: &mut Canvas, dice: &mut Dice, palette: &Palette, book: &Facts<'_>) {
    canvas.rect(0.0, 0.0, WIDTH, HEIGHT, Fill(palette.ground));
    let (x, y, radius) = (dice.between(90.0, 310.0), dice.between(306.0, 340.0), dice.between(60.0, 88.0));
    canvas.circle(x, y, radius, Fill(palette.accent));
    canvas.circle(x, y, radius + 14.0, Line(palette.accent, 1.6));
    let layers = 6_u8;
    for layer in 0..layers {
        let near = f64::from(layer) / f64::from(layers - 1);
        let level = 372.0 + f64::from(layer) * 38.0;
        let (swing, length, phase) = (dice.between(9.0, 25.0), dice.between(170.0, 420.0), dice.between(0.0, TAU));
        let mut path = format!("M0 {HEIGHT}");
        for step in 0..=40_u8 {
            let x = f64::from(step) * 10.0;
            let y = level
                + swing * (x / length * TAU + phase).sin()
                + swing * 0.35 * (x / length * TAU * 2.3 + phase * 1.7).sin();
            let _ = write!(path, "L{x:.0} {y:.1}");
        }
        let _ = write!(path, "L{WIDTH} {HEIGHT}Z");
        canvas.path(path, Fill(&blend(palette.second, palette.print, near)));
    }

    let (name, rest) = title_page(book.title);
    let title = Block::fit(name, BOOK, Room { width: 328.0, height: 134.0, largest: 60.0 });
    let rest = rest.map(|rest| Block::fit(rest, ITALIC, Room { width: 320.0, height: 28.0, largest: 21.0 }));
    let mut y = title.draw(canvas, WIDTH / 2.0, 48.0, Align::Centre, palette.ink);
    if let Some(rest) = rest {
        y = rest.draw(canvas, WIDTH / 2.0, y + 8.0, Align::Centre, palette.ink);
    }
    let author = Block::fit(&book.author.to_uppercase(), CAPITALS, Room { width: 320.0, height: 40.0, largest: 16.0 });
    author.draw(canvas, WIDTH / 2.0, y + 18.0, Align::Centre, palette.ink);
    let quiet = blend(palette.print, palette.paper, 0.45);
    let tones = Tones { fore: palette.paper, accent: palette.accent, second: &quiet, back: palette.print };
    canvas.placed((WIDTH / 2.0, HEIGHT - 50.0), 0.0, 0.3, |canvas| motif::draw(canvas, dice, book.subject, tones));
}

/// The title itself, as large as it goes, stacked word by word, and the motif as a printer's mark.
pub(super) fn lettered(canvas: &mut Canvas, dice: &mut Dice, palette: &Palette, book: &Facts<'_>) {
    canvas.rect(0.0, 0.0, WIDTH, HEIGHT, Fill(palette.ground));
    canvas.rect(0.0, 0.0, 14.0, HEIGHT, Fill(palette.accent));
    let (name, rest) = title_page(book.title);
    let mut y = 44.0;
    let words: Vec<&str> = name.split_whitespace().collect();
    #[expect(clippy::cast_precision_loss, reason = "a few words")]
    let share = 290.0 / words.len() as f64;
    for (at, word) in words.iter().enumerate() {
        let small = word.chars().count() <= 3 && words.len() > 1;
        let block = Block::fit(
            word,
            POSTER,
            Room { width: 330.0, height: share - 4.0, largest: if small { 56.0 } else { 150.0 } },
        );
        let colour = if at % 2 == 1 { palette.accent_or_ink() } else { palette.ink };
        y = block.draw(canvas, 40.0, y, Align::Left, colour) + 2.0;
    }
    if let Some(rest) = rest {
        let rest = Block::fit(rest, ITALIC, Room { width: 320.0, height: 52.0, largest: 22.0 });
        y = rest.draw(canvas, 41.0, y + 8.0, Align::Left, palette.ink);
    }
    let tones = Tones { fore: palette.ink, accent: palette.accent, second: palette.second, back: palette.ground };
    let author = Block::fit(book.author, BOOK, Room { width: 320.0, height: 60.0, largest: 22.0 });
    y = author.draw(canvas, 41.0, y + 16.0, Align::Left, palette.ink);
    let scale = ((HEIGHT - 36.0 - (y + 28.0)) / 204.0).clamp(0.6, 1.5);
    canvas.placed((WIDTH - 32.0 - 100.0 * scale, HEIGHT - 36.0 - 100.0 * scale), 0.0, scale, |canvas| {
        motif::draw(canvas, dice, book.subject, tones);
    });
}
