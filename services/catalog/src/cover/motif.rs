//! One drawing a subject, within a hundred units of the origin.
//!
//! Layout: `made` holds what people make (doors, columns, pens), `wild` what is found (hills, trees, planets), `sign`
//! what stands for an idea.

mod made;
mod sign;
mod wild;

use super::canvas::Canvas;
use super::dice::Dice;
use super::palette::Mood;

/// The colours of a drawing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tones<'a> {
    /// Most of it.
    pub(super) fore: &'a str,
    /// What the eye goes to.
    pub(super) accent: &'a str,
    /// What lies behind.
    pub(super) second: &'a str,
    /// What it stands on: for lines cut out of a shape.
    pub(super) back: &'a str,
}

type Draw = fn(&mut Canvas, &mut Dice, Tones<'_>);

/// Every subject of the shop: what it feels like, and how it is drawn.
const SUBJECTS: [(&str, Mood, Draw); 18] = [
    ("Adventure", Mood::Any, sign::compass),
    ("Biography & Memoir", Mood::Any, wild::rings),
    ("Children's", Mood::Bright, made::balloon),
    ("Drama", Mood::Any, made::stage),
    ("Essays", Mood::Any, made::nib),
    ("Fiction", Mood::Any, fiction),
    ("History", Mood::Any, made::temple),
    ("Horror & Gothic", Mood::Dark, wild::tree),
    ("Mystery", Mood::Dark, made::keyhole),
    ("Philosophy", Mood::Any, sign::labyrinth),
    ("Poetry", Mood::Any, poetry),
    ("Politics & Economics", Mood::Any, made::scales),
    ("Religion & Mythology", Mood::Any, sign::sunburst),
    ("Satire", Mood::Bright, made::jester),
    ("Science", Mood::Any, sign::orbits),
    ("Science Fiction", Mood::Dark, wild::planet),
    ("Short Stories", Mood::Any, sign::patchwork),
    ("Travel", Mood::Any, wild::peaks),
];

/// The fullest shelf has two: a window from inside, and a street of windows.
fn fiction(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let draw = if dice.chance(0.5) { made::window } else { made::street };
    draw(canvas, dice, tones);
}

/// Leaves, or the moon's phases.
fn poetry(canvas: &mut Canvas, dice: &mut Dice, tones: Tones<'_>) {
    let draw = if dice.chance(0.6) { wild::branch } else { wild::moons };
    draw(canvas, dice, tones);
}

fn of(subject: &str) -> Option<&'static (&'static str, Mood, Draw)> {
    SUBJECTS.iter().find(|(name, ..)| *name == subject)
}

/// What the subject feels like.
pub(super) fn mood(subject: &str) -> Mood {
    of(subject).map_or(Mood::Any, |(_, mood, _)| *mood)
}

/// Draws the subject's motif; a subject that has none gets the rings.
pub(super) fn draw(canvas: &mut Canvas, dice: &mut Dice, subject: &str, tones: Tones<'_>) {
    let draw = of(subject).map_or(wild::rings as Draw, |(.., draw)| *draw);
    draw(canvas, dice, tones);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_on_the_shelves_has_a_motif_and_no_two_are_alike() {
        let tones = Tones { fore: "#111111", accent: "#222222", second: "#333333", back: "#444444" };
        let mut seen = std::collections::HashSet::new();
        for book in crate::shelf::books().unwrap() {
            assert!(of(&book.subject).is_some(), "{}", book.subject);
        }
        for (subject, ..) in SUBJECTS {
            let mut canvas = Canvas::new("");
            draw(&mut canvas, &mut Dice::new("a", "b"), subject, tones);
            assert!(seen.insert(canvas.finish()), "{subject}");
        }
    }
}
