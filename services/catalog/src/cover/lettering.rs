//! How wide text is, how it breaks into lines, how large it can be.
//!
//! The fonts are those of whoever looks at the cover, so widths are estimated from a wide book face; a line that fits by
//! this estimate fits in the others of its stack too.

use std::fmt;

use super::canvas::{Canvas, Number};

const SERIF: &str = "Georgia,'Iowan Old Style','Palatino Linotype',Palatino,'Times New Roman',serif";
const SANS: &str = "'Avenir Next','Helvetica Neue','Segoe UI',Helvetica,Arial,sans-serif";

/// A way to set text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Face {
    family: &'static str,
    weight: u16,
    italic: bool,
    /// Its width beside that of the book face.
    breadth: f64,
    /// Space added after each letter, in ems.
    spacing: f64,
    /// From one line to the next, in ems.
    leading: f64,
}

/// Book serif.
pub(super) const BOOK: Face =
    Face { family: SERIF, weight: 400, italic: false, breadth: 1.0, spacing: 0.0, leading: 1.14 };
/// Bold serif.
pub(super) const BOLD: Face = Face { weight: 700, breadth: 1.18, leading: 1.08, ..BOOK };
/// Italic serif.
pub(super) const ITALIC: Face = Face { italic: true, breadth: 1.0, leading: 1.2, ..BOOK };
/// Spaced serif capitals.
pub(super) const CAPITALS: Face = Face { spacing: 0.12, leading: 1.4, ..BOOK };
/// Heavy sans.
pub(super) const POSTER: Face =
    Face { family: SANS, weight: 800, breadth: 1.14, spacing: -0.01, leading: 1.02, ..BOOK };
/// Spaced sans, for small text.
pub(super) const LABEL: Face = Face { family: SANS, weight: 600, breadth: 1.08, spacing: 0.1, leading: 1.4, ..BOOK };

/// Where a line stands on its x.
#[derive(Clone, Copy, Debug)]
pub(super) enum Align {
    Left,
    Centre,
}

/// Room for text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The largest size wanted.
    pub(super) largest: f64,
}

/// The smallest size; what does not fit at it is cut.
const SMALLEST: f64 = 9.0;

/// Text broken into lines, with its size.
#[derive(Clone, Debug)]
pub(super) struct Block {
    face: Face,
    lines: Vec<String>,
    pub(super) size: f64,
}

impl Block {
    /// Sets the text as large as the room allows.
    pub(super) fn fit(text: &str, face: Face, room: Room) -> Self {
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut size = room.largest.max(SMALLEST);
        while size > SMALLEST {
            // A line of nothing but "of" beneath another is worth a smaller size, down to where reading gets hard.
            if let Some(lines) = wrap(&words, face, size, room.width)
                && (size <= 20.0 || lines.len() < 2 || !lines.iter().skip(1).any(|line| leans(line)))
            {
                let block = Self { face, lines, size };
                if block.height() <= room.height {
                    return block;
                }
            }
            size -= 1.0;
        }
        Self::cut(&words, face, room)
    }

    /// At the smallest size, words broken where they must be, and an ellipsis where the room ends.
    fn cut(words: &[&str], face: Face, room: Room) -> Self {
        let text = words.join(" ");
        let mut lines = vec![String::new()];
        for character in text.chars() {
            let line = lines.last().map_or("", String::as_str);
            if width(line, face, SMALLEST) + width("…", face, SMALLEST) + advance(character, face) * SMALLEST
                > room.width
            {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push(character);
            }
        }
        let mut block = Self { face, lines, size: SMALLEST };
        let mut whole = true;
        while block.height() > room.height && block.lines.len() > 1 {
            block.lines.pop();
            whole = false;
        }
        if !whole && let Some(last) = block.lines.last_mut() {
            last.push('…');
        }
        block
    }

    pub(super) fn height(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a handful of lines")]
        let lines = self.lines.len() as f64;
        // The last line has no leading beneath it: it ends with its descenders.
        self.size * (self.face.leading * (lines - 1.0) + 1.0)
    }

    /// Draws it with its upper edge at `top`; answers its lower edge.
    pub(super) fn draw(&self, canvas: &mut Canvas, x: f64, top: f64, align: Align, colour: &str) -> f64 {
        // The base line lies about four fifths of an em below the upper edge.
        let mut y = top + self.size * 0.8;
        for line in &self.lines {
            // Space after the last letter pushes centred text to the left.
            let nudge = match align {
                Align::Left => 0.0,
                Align::Centre => self.face.spacing * self.size / 2.0,
            };
            canvas.text(x + nudge, y, Style { block: self, align, colour }, line);
            y += self.size * self.face.leading;
        }
        top + self.height()
    }
}

/// A text's attributes.
struct Style<'a> {
    block: &'a Block,
    align: Align,
    colour: &'a str,
}

impl fmt::Display for Style<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Face { family, weight, italic, spacing, .. } = self.block.face;
        write!(f, "fill=\"{}\" font-family=\"{family}\" font-size=\"{}\"", self.colour, Number(self.block.size))?;
        if weight != 400 {
            write!(f, " font-weight=\"{weight}\"")?;
        }
        if italic {
            f.write_str(" font-style=\"italic\"")?;
        }
        if spacing != 0.0 {
            write!(f, " letter-spacing=\"{}\"", Number(spacing * self.block.size))?;
        }
        if matches!(self.align, Align::Centre) {
            f.write_str(" text-anchor=\"middle\"")?;
        }
        Ok(())
    }
}

/// Breaks words into lines of even length; `None` when a word is wider than the room.
fn wrap(words: &[&str], face: Face, size: f64, room: f64) -> Option<Vec<String>> {
    if words.iter().any(|word| width(word, face, size) > room) {
        return None;
    }
    let greedy = greedy(words, face, size, room);
    // The same number of lines in a narrower room evens them out; it is narrowed as far as that number allows.
    let (mut best, mut narrow) = (greedy, room);
    while narrow > room * 0.45 {
        narrow -= room * 0.02;
        if words.iter().any(|word| width(word, face, size) > narrow) {
            break;
        }
        let next = self::greedy(words, face, size, narrow);
        if next.len() > best.len() {
            break;
        }
        if !next.iter().skip(1).any(|line| leans(line)) {
            best = next;
        }
    }
    Some(best)
}

/// Words that belong to the next one: a line does not end with them if it can be helped.
const LEANING: [&str; 20] = [
    "a", "an", "and", "at", "by", "de", "du", "for", "from", "in", "la", "le", "of", "on", "or,", "the", "to", "von",
    "with", "without",
];

fn leans(word: &str) -> bool {
    LEANING.contains(&word.to_lowercase().as_str())
}

fn greedy(words: &[&str], face: Face, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<Vec<&str>> = vec![Vec::new()];
    for word in words {
        let Some(line) = lines.last_mut() else { break };
        let longer = [line.as_slice(), &[word]].concat().join(" ");
        if line.is_empty() || width(&longer, face, size) <= room {
            line.push(word);
            continue;
        }
        // Takes the words that lean on this one along, if the line keeps one and they fit.
        let mut next = vec![*word];
        while line.len() > 1
            && line.last().is_some_and(|last| leans(last))
            && let Some(last) = line.last()
            && width(&[&[*last], next.as_slice()].concat().join(" "), face, size) <= room
        {
            next.insert(0, last);
            line.pop();
        }
        lines.push(next);
    }
    lines.iter().map(|line| line.join(" ")).collect()
}

/// An estimate of a line's width, rather too wide than too narrow.
fn width(text: &str, face: Face, size: f64) -> f64 {
    text.chars().map(|character| advance(character, face)).sum::<f64>() * size
}

/// One character's width in ems, with the space after it.
fn advance(character: char, face: Face) -> f64 {
    let letter = match character {
        ' ' => 0.25,
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '!' | '\'' | '’' | '|' | '…' => 0.30,
        'f' | 't' | 'r' | 'I' | '-' | '(' | ')' | '“' | '”' | '"' => 0.40,
        's' | 'c' | 'z' | 'e' | '?' | 'J' => 0.50,
        'm' => 0.90,
        'w' | '–' => 0.75,
        'M' | 'W' | '—' | 'Æ' | 'Œ' => 0.96,
        'H' | 'N' | 'D' | 'O' | 'Q' | 'U' | 'G' | 'K' | 'R' | '&' => 0.76,
        'A'..='Z' => 0.66,
        'a'..='z' => 0.57,
        '0'..='9' => 0.62,
        // Combining marks stand on the letter before.
        '\u{300}'..='\u{36f}' => 0.0,
        // Latin with marks; an upper bound for capitals.
        '\u{c0}'..='\u{24f}' if character.is_uppercase() => 0.80,
        '\u{c0}'..='\u{24f}' => 0.60,
        // Unknown scripts: as wide as they are high.
        _ => 1.0,
    };
    letter * face.breadth + face.spacing.max(0.0)
}

/// A title as a title page has it: the name, and what follows "; or," or a colon.
pub(super) fn title_page(title: &str) -> (&str, Option<&str>) {
    for mark in ["; ", ": "] {
        if let Some((name, rest)) = title.split_once(mark)
            && !name.is_empty()
            && !rest.is_empty()
        {
            return (name, Some(rest));
        }
    }
    (title, None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOM: Room = Room { width: 320.0, height: 220.0, largest: 72.0 };

    #[test]
    fn a_short_title_is_large_and_a_long_one_gets_lines() {
        let short = Block::fit("Emma", BOOK, ROOM);
        assert_eq!((short.lines.len(), short.size), (1, 72.0));
        let long = Block::fit("The History of the Decline and Fall of the Roman Empire", BOOK, ROOM);
        assert!(long.lines.len() >= 3 && long.size >= 30.0, "{long:?}");
    }

    #[test]
    fn lines_do_not_end_with_words_that_lean_on_the_next() {
        let block = Block::fit("The Portrait of a Lady", BOOK, Room { width: 200.0, height: 200.0, largest: 40.0 });
        assert!(block.lines.iter().all(|line| !line.ends_with(" of") && !line.ends_with(" a")), "{block:?}");
    }

    #[test]
    fn titles_part_where_a_title_page_would() {
        assert_eq!(title_page("Moby-Dick; or, The Whale"), ("Moby-Dick", Some("or, The Whale")));
        assert_eq!(title_page("Emma"), ("Emma", None));
        assert_eq!(title_page(": odd"), (": odd", None));
    }

    proptest! {
        #[test]
        fn nothing_overflows(text in ".{1,300}", w in 60.0..400.0_f64, h in 20.0..400.0_f64) {
            for face in [BOOK, BOLD, CAPITALS, POSTER] {
                let room = Room { width: w, height: h, largest: 80.0 };
                let block = Block::fit(&text, face, room);
                prop_assert!(block.height() <= h.max(block.size) + 0.01);
                for line in &block.lines {
                    prop_assert!(width(line, face, block.size) <= w + 0.01, "{line:?} in {room:?}");
                }
            }
        }
    }
}
