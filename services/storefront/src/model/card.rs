//! Cards: held in memory only, while a purchase runs.

use bookstore_telemetry::Sensitive;

use crate::problems::Wrong;

/// A card as somebody typed it.
#[derive(Clone, Debug)]
pub struct CardInput {
    /// The number, perhaps with blanks or hyphens.
    pub number: Sensitive<String>,
    /// `MM/YY` or `MM/YYYY`.
    pub expiry: Sensitive<String>,
    /// The three or four digits on it.
    pub cvc: Sensitive<String>,
}

impl CardInput {
    /// Takes what was typed.
    #[must_use]
    pub fn new(number: impl Into<String>, expiry: impl Into<String>, cvc: impl Into<String>) -> Self {
        Self {
            number: Sensitive::new(number.into()),
            expiry: Sensitive::new(expiry.into()),
            cvc: Sensitive::new(cvc.into()),
        }
    }
}

/// A card that can be one: the shape is right, the issuer has not been asked.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    /// 12 to 19 digits that satisfy Luhn.
    pub(crate) number: Sensitive<String>,
    /// `MM/YYYY`.
    pub(crate) expiry: Sensitive<String>,
    /// Three or four digits.
    pub(crate) cvc: Sensitive<String>,
}

impl Card {
    /// Checks the shape of all three fields, and names each that is wrong. Whether the card has expired is for the
    /// issuer to say.
    pub(crate) fn parse(input: &CardInput) -> Result<Self, Vec<Wrong>> {
        let fields = [
            (
                "card.number",
                number(input.number.expose()).ok_or("must be a card number: 12 to 19 digits, check digit right"),
            ),
            ("card.expiry", expiry(input.expiry.expose()).ok_or("must be MM/YY or MM/YYYY, such as 04/30")),
            ("card.cvc", cvc(input.cvc.expose()).ok_or("must be the 3 or 4 digits printed on the card")),
        ];
        let mut wrong = Vec::new();
        let [number, expiry, cvc] = fields.map(|(field, value)| {
            Sensitive::new(value.unwrap_or_else(|must| {
                wrong.push(Wrong { field, must });
                String::new()
            }))
        });
        if wrong.is_empty() { Ok(Self { number, expiry, cvc }) } else { Err(wrong) }
    }
}

fn number(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let possible = (12..=19).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && luhn(&digits);
    possible.then_some(digits)
}

/// The check digit of ISO/IEC 7812-1, annex B.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0') << (place % 2);
            if digit > 9 { digit - 9 } else { digit }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn expiry(text: &str) -> Option<String> {
    let (month, year) = text.trim().split_once('/')?;
    let (month, year) = (month.trim(), year.trim());
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(month) || !digits(year) || !matches!(month.len(), 1 | 2) {
        return None;
    }
    let month: u32 = month.parse().ok()?;
    let year: u32 = match year.len() {
        2 => 2000 + year.parse::<u32>().ok()?,
        4 => year.parse().ok()?,
        _ => return None,
    };
    ((1..=12).contains(&month) && (2000..2100).contains(&year)).then(|| format!("{month:02}/{year}"))
}

fn cvc(text: &str) -> Option<String> {
    let text = text.trim();
    (matches!(text.len(), 3 | 4) && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_card_is_read_one_way_however_it_is_typed() {
        let typed = [("4242424242424242", "4/30", "123"), (" 4242-4242 4242-4242 ", "04 / 2030", " 123 ")];
        for (number, expiry, cvc) in typed {
            let card = Card::parse(&CardInput::new(number, expiry, cvc)).unwrap();
            assert_eq!(card.number.expose(), "4242424242424242");
            assert_eq!(card.expiry.expose(), "04/2030");
            assert_eq!(card.cvc.expose(), "123");
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let wrong = Card::parse(&CardInput::new("4242424242424241", "13/30", "12")).unwrap_err();
        let fields: Vec<_> = wrong.iter().map(|wrong| wrong.field).collect();
        assert_eq!(fields, ["card.number", "card.expiry", "card.cvc"]);
        for expiry in ["", "/", "0/30", "1/3", "1/300", "+1/30", "01-30", "1/1999", "001/30"] {
            let wrong = Card::parse(&CardInput::new("4242424242424242", expiry, "123")).unwrap_err();
            assert_eq!(wrong[0].field, "card.expiry", "{expiry}");
        }
    }

    proptest! {
        #[test]
        fn no_slip_of_one_digit_passes(digits in "[0-9]{15}", place in 0_usize..16, by in 1_u8..10) {
            let check = (0..10).find(|check| luhn(&format!("{digits}{check}"))).unwrap();
            let mut bytes = format!("{digits}{check}").into_bytes();
            bytes[place] = b'0' + (bytes[place] - b'0' + by) % 10;
            prop_assert!(number(&String::from_utf8(bytes).unwrap()).is_none());
        }

        #[test]
        fn nothing_typed_panics_or_is_shown(number in "\\PC{0,30}", expiry in "\\PC{0,10}", cvc in "\\PC{0,6}") {
            let input = CardInput::new(number, expiry, cvc);
            let shown = format!("{:?} {:?}", Card::parse(&input), input);
            prop_assert!(shown.contains("[redacted]"));
        }
    }
}
