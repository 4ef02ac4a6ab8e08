//! Covers: SVG drawn from what is known of a book.
//!
//! A cover is a pure function of title, author, year and subject: the same book looks the same everywhere and always.
//! A hash of title and author picks palette and composition; the subject gives the motif; typography does the rest.
//!
//! Layout:
//!
//! * [`dice`]: choices that look random and never change.
//! * [`palette`]: colours that go together.
//! * [`canvas`]: shapes as SVG text.
//! * [`lettering`]: how wide text is, how it breaks into lines, how large it can be.
//! * [`motif`]: one drawing a subject.
//! * [`composition`]: where all of it goes.

mod canvas;
mod composition;
mod dice;
mod lettering;
mod motif;
mod palette;

use canvas::Canvas;
use dice::Dice;

/// The width of a cover in its own units; shown at any size.
pub const WIDTH: f64 = 400.0;
/// The height of a cover in its own units.
pub const HEIGHT: f64 = 600.0;

/// What a cover is drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The book's title.
    pub title: &'a str,
    /// Who wrote it.
    pub author: &'a str,
    /// The year it first appeared; negative is before the common era.
    pub year: i64,
    /// What it is about: picks the motif.
    pub subject: &'a str,
}

/// Draws the cover: a whole SVG document, without scripts and without anything loaded from elsewhere.
#[must_use]
pub fn svg(book: &Facts<'_>) -> String {
    let mut dice = Dice::new(book.title, book.author);
    let palette = palette::choose(&mut dice, motif::mood(book.subject));
    let mut canvas = Canvas::new(&format!("{}, by {}", book.title, book.author));
    composition::compose(&mut canvas, &mut dice, palette, book);
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>(title: &'a str, author: &'a str, subject: &'a str) -> Facts<'a> {
        Facts { title, author, year: 1871, subject }
    }

    #[test]
    fn the_same_book_looks_the_same_and_another_does_not() {
        let one = facts("Middlemarch", "George Eliot", "Fiction");
        assert_eq!(svg(&one), svg(&one));
        assert_ne!(svg(&one), svg(&facts("Silas Marner", "George Eliot", "Fiction")));
    }

    #[test]
    fn it_can_be_read_aloud_and_its_text_cannot_break_out() {
        let drawn = svg(&facts("A <b>\"bold\"</b> & 'quoted' tale", "O\u{0}\u{1f}Henry", "Satire"));
        assert!(drawn.contains("role=\"img\""));
        assert!(
            drawn.contains(
                "<title>A &lt;b&gt;&quot;bold&quot;&lt;/b&gt; &amp; &#39;quoted&#39; tale, by OHenry</title>"
            )
        );
        assert!(!drawn.contains("<b>"));
    }
}
