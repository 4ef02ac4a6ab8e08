//! Colours that go together.

use super::dice::Dice;

/// What a palette suits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mood {
    /// Anything.
    Any,
    /// Night, fog, fear.
    Dark,
    /// Sunlight and play.
    Bright,
}

/// The colours of one cover, as CSS colours.
#[derive(Debug)]
pub(super) struct Palette {
    mood: Mood,
    /// The cloth of the cover.
    pub(super) ground: &'static str,
    /// Lettering on the cloth.
    pub(super) ink: &'static str,
    /// The loud colour; stands out from both cloth and paper.
    pub(super) accent: &'static str,
    /// The quiet colour beside it.
    pub(super) second: &'static str,
    /// A pasted label.
    pub(super) paper: &'static str,
    /// Lettering on the label.
    pub(super) print: &'static str,
}

impl Palette {
    /// The accent, where it can be read on the cloth as lettering; the ink where not.
    pub(super) fn accent_or_ink(&self) -> &'static str {
        if contrast(self.ground, self.accent) >= 4.0 { self.accent } else { self.ink }
    }
}

const fn palette(mood: Mood, colours: [&'static str; 6]) -> Palette {
    let [ground, ink, accent, second, paper, print] = colours;
    Palette { mood, ground, ink, accent, second, paper, print }
}

static PALETTES: [Palette; 16] = [
    // Ink blue, brass.
    palette(Mood::Dark, ["#16243a", "#f3e9d2", "#d9a441", "#47698f", "#f3e9d2", "#16243a"]),
    // Bottle green, apricot.
    palette(Mood::Any, ["#1f3d36", "#f2e8d5", "#e59866", "#5d8a76", "#f2e8d5", "#1f3d36"]),
    // Oxblood, rose.
    palette(Mood::Dark, ["#4a1522", "#f5e6d8", "#e0736b", "#8c3a45", "#f5e6d8", "#4a1522"]),
    // Linen, vermilion, navy.
    palette(Mood::Bright, ["#f1e7d3", "#1d2b45", "#d9482b", "#7d9aa8", "#fffaf0", "#1d2b45"]),
    // Ochre, midnight.
    palette(Mood::Bright, ["#e2a93b", "#232048", "#c2412d", "#f6e3b4", "#fbf3df", "#232048"]),
    // Dusk rose, aubergine.
    palette(Mood::Bright, ["#e8b4a2", "#3b1f3f", "#a8324a", "#f7e2d6", "#fdf3ec", "#3b1f3f"]),
    // Aubergine, saffron.
    palette(Mood::Dark, ["#2e1a3c", "#f4e7dc", "#f0a830", "#7a4b86", "#f4e7dc", "#2e1a3c"]),
    // Sea glass, brick.
    palette(Mood::Bright, ["#a9cbbd", "#17323a", "#c4512f", "#e9f1e6", "#f7f8ef", "#17323a"]),
    // Charcoal, signal red.
    palette(Mood::Dark, ["#232326", "#f2efe9", "#e2412e", "#6a6a70", "#f2efe9", "#232326"]),
    // Petrol, coral.
    palette(Mood::Any, ["#0f4c5c", "#fbf1e0", "#fb8b6c", "#3f8f9b", "#fbf1e0", "#0f4c5c"]),
    // Vermilion, ivory, ink.
    palette(Mood::Any, ["#c63d2f", "#fdf1dc", "#2a1a1f", "#f0a98a", "#fdf1dc", "#7f1f19"]),
    // Cobalt, lemon.
    palette(Mood::Bright, ["#2446a8", "#fdf6e3", "#f6c945", "#7fa0ea", "#fdf6e3", "#1c357f"]),
    // Moss, parchment, plum.
    palette(Mood::Any, ["#6f7a3a", "#fbf3dc", "#3a1f33", "#b9bf7b", "#fbf3dc", "#3f4620"]),
    // Stone, forest, copper.
    palette(Mood::Any, ["#e4dfd5", "#22382f", "#b5602f", "#94a796", "#fbf9f4", "#22382f"]),
    // Night, moonlight, cyan.
    palette(Mood::Dark, ["#0e1420", "#e9eef2", "#62c3c9", "#39506b", "#e9eef2", "#0e1420"]),
    // Terracotta, cream, deep teal.
    palette(Mood::Any, ["#b6583a", "#fbeedb", "#143c43", "#e3a582", "#fbeedb", "#5f2615"]),
];

/// One that suits the mood.
pub(super) fn choose(dice: &mut Dice, mood: Mood) -> &'static Palette {
    let suits = |palette: &&Palette| mood == Mood::Any || palette.mood == Mood::Any || palette.mood == mood;
    let suitable: Vec<&Palette> = PALETTES.iter().filter(suits).collect();
    dice.pick::<&Palette>(&suitable)
}

/// The three channels of `#rrggbb`, 0 to 255.
fn channels(colour: &str) -> [f64; 3] {
    [1, 3, 5].map(|at| f64::from(u8::from_str_radix(colour.get(at..at + 2).unwrap_or("00"), 16).unwrap_or(0)))
}

/// How well two colours stand apart, 1 to 21: the contrast ratio of WCAG 2.2.
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |colour: &str| {
        let [red, green, blue] = channels(colour).map(|value| {
            let value = value / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// `share` of `b` in `a`, both `#rrggbb`.
pub(super) fn blend(a: &str, b: &str, share: f64) -> String {
    let (a, b) = (channels(a), channels(b));
    let mixed = [0, 1, 2].map(|at| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes")]
        let mixed = (a[at] + (b[at] - a[at]) * share.clamp(0.0, 1.0)).round() as u8;
        mixed
    });
    let [red, green, blue] = mixed;
    format!("#{red:02x}{green:02x}{blue:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lettering_can_be_read_on_every_palette() {
        for palette in &PALETTES {
            let (on_cloth, on_paper) = (contrast(palette.ground, palette.ink), contrast(palette.paper, palette.print));
            assert!(on_cloth >= 4.0, "{palette:?}: {on_cloth:.1}");
            assert!(on_paper >= 7.0, "{palette:?}: {on_paper:.1}");
        }
    }

    #[test]
    fn blending_meets_both_ends() {
        assert_eq!(blend("#102030", "#ffffff", 0.0), "#102030");
        assert_eq!(blend("#102030", "#ffffff", 1.0), "#ffffff");
    }
}
