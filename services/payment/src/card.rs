//! Cards: what can be one, and what of it may be kept.

use bookstore_telemetry::Sensitive;
use zeroize::Zeroizing;

use crate::month::Month;

/// A secret that is overwritten in memory when it is dropped.
pub(crate) type Secret = Sensitive<Zeroizing<String>>;

/// A card that can be one. Whether it is one, the issuer knows.
#[derive(Debug)]
pub(crate) struct Card {
    /// The digits.
    pub(crate) number: Secret,
    /// What of it may be kept.
    pub(crate) face: Face,
}

/// What of a card may be kept and shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Face {
    pub(crate) brand: Brand,
    /// The last four digits of the number.
    pub(crate) last4: String,
    /// The last month in which it is valid.
    pub(crate) expiry: Month,
}

/// Who runs a card's network, by the first digits of its number (ISO/IEC 7812).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Brand {
    /// Visa: 4.
    Visa,
    /// Mastercard: 51 to 55 and 2221 to 2720.
    Mastercard,
    /// American Express: 34 and 37.
    Amex,
    /// Any other.
    Other,
}

impl Card {
    /// Takes a card as it came in. An error says what is wrong with it, for the caller.
    ///
    /// The CVC is looked at and forgotten: the simulated issuer does not ask for it, and nobody else may.
    pub(crate) fn parse(number: &Secret, expiry: &str, cvc: &Secret) -> Result<Self, &'static str> {
        let number = digits(number.expose())
            .filter(|digits| (12..=19).contains(&digits.len()) && is_luhn_valid(digits))
            .ok_or("the card number must have 12 to 19 digits that pass the Luhn check")?;
        let expiry = Month::parse(expiry).ok_or("the card's expiry must be MM/YY or MM/YYYY")?;
        let cvc = cvc.expose();
        if !(3..=4).contains(&cvc.len()) || !cvc.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("the CVC must have 3 or 4 digits");
        }
        let face = Face { brand: Brand::of(&number), last4: number[number.len() - 4..].to_owned(), expiry };
        Ok(Self { number: Sensitive::new(number), face })
    }
}

impl Brand {
    fn of(digits: &str) -> Self {
        let prefix = |length: usize| digits.get(..length).and_then(|text| text.parse().ok()).unwrap_or(0);
        match (prefix(2), prefix(4)) {
            (40..=49, _) => Self::Visa,
            (51..=55, _) | (_, 2221..=2720) => Self::Mastercard,
            (34 | 37, _) => Self::Amex,
            _ => Self::Other,
        }
    }

    /// Its name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Visa => "visa",
            Self::Mastercard => "mastercard",
            Self::Amex => "amex",
            Self::Other => "other",
        }
    }
}

/// The digits of a number, without the blanks and hyphens that people write; none if anything else is in it.
fn digits(text: &str) -> Option<Zeroizing<String>> {
    // As large as it can become: growing would leave copies behind.
    let mut digits = Zeroizing::new(String::with_capacity(text.len()));
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            ' ' | '-' => {}
            _ => return None,
        }
    }
    Some(digits)
}

/// The check digit of ISO/IEC 7812-1, annex B: every second digit from the right is doubled, the digits of all are
/// added up, and the sum is a multiple of ten.
fn is_luhn_valid(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match (place % 2, digit) {
                (0, _) => digit,
                (_, 0..=4) => digit * 2,
                _ => digit * 2 - 9,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret(text: &str) -> Secret {
        Sensitive::new(Zeroizing::new(text.to_owned()))
    }

    fn parse(number: &str, expiry: &str, cvc: &str) -> Result<Card, &'static str> {
        Card::parse(&secret(number), expiry, &secret(cvc))
    }

    fn with_check_digit(payload: &str) -> String {
        let number = (0..=9).map(|digit| format!("{payload}{digit}"));
        number.into_iter().find(|number| is_luhn_valid(number)).unwrap()
    }

    #[test]
    fn a_card_is_known_by_its_brand_and_last_digits() {
        let card = parse("4242 4242-4242 4242", "07/31", "123").unwrap();
        assert_eq!(card.number.expose().as_str(), "4242424242424242");
        assert_eq!(card.face.brand, Brand::Visa);
        assert_eq!(card.face.last4, "4242");
        assert_eq!(card.face.expiry.to_string(), "2031-07");
    }

    #[test]
    fn brands_go_by_the_first_digits() {
        for (payload, brand) in [
            ("400000000000000", Brand::Visa),
            ("510000000000000", Brand::Mastercard),
            ("550000000000000", Brand::Mastercard),
            ("222100000000000", Brand::Mastercard),
            ("272000000000000", Brand::Mastercard),
            ("222000000000000", Brand::Other),
            ("272100000000000", Brand::Other),
            ("34000000000000", Brand::Amex),
            ("37000000000000", Brand::Amex),
            ("560000000000000", Brand::Other),
            ("601100000000000", Brand::Other),
            ("000000000000000", Brand::Other),
        ] {
            let card = parse(&with_check_digit(payload), "12/30", "123").unwrap();
            assert_eq!(card.face.brand, brand, "{payload}");
        }
    }

    #[test]
    fn what_cannot_be_a_card_is_refused() {
        for number in [
            "",
            "4242",
            "4242424242424241",
            "42424242424",
            "4242x4242424242424",
            "٤٢٤٢424242424242",
            "42424242424242424242",
            "4242.4242.4242.4242",
        ] {
            assert!(parse(number, "12/30", "123").is_err(), "{number}");
        }
        for expiry in ["", "13/30", "00/30"] {
            assert!(parse("4242424242424242", expiry, "123").is_err(), "{expiry}");
        }
        for cvc in ["", "12", "12345", "12a", " 123", "١٢٣"] {
            assert!(parse("4242424242424242", "12/30", cvc).is_err(), "{cvc}");
        }
        assert!(parse("4242424242424242", "12/30", "1234").is_ok());
    }

    #[test]
    fn a_card_is_not_printed() {
        let printed = format!("{:?}", parse("4242424242424242", "12/30", "987").unwrap());
        assert!(!printed.contains("42424242"), "{printed}");
        assert!(!printed.contains("987"), "{printed}");
    }

    proptest! {
        /// Luhn's check finds any one wrong digit.
        #[test]
        fn one_wrong_digit_is_found(payload in "[0-9]{11,18}", at in any::<prop::sample::Index>(), by in 1_u8..10) {
            let right = with_check_digit(&payload);
            let mut wrong = right.clone().into_bytes();
            let at = at.index(wrong.len());
            wrong[at] = b'0' + (wrong[at] - b'0' + by) % 10;
            let wrong = String::from_utf8(wrong).unwrap();
            prop_assert!(is_luhn_valid(&right));
            prop_assert!(!is_luhn_valid(&wrong), "{} {}", right, wrong);
        }

        /// It finds any two neighbours swapped, but for 0 and 9.
        #[test]
        fn swapped_neighbours_are_found(payload in "[0-9]{11,18}", at in any::<prop::sample::Index>()) {
            let right = with_check_digit(&payload);
            let mut swapped = right.clone().into_bytes();
            let at = at.index(swapped.len() - 1);
            prop_assume!(swapped[at] != swapped[at + 1]);
            prop_assume!(swapped[at].abs_diff(swapped[at + 1]) != 9);
            swapped.swap(at, at + 1);
            prop_assert!(!is_luhn_valid(std::str::from_utf8(&swapped).unwrap()));
        }

        #[test]
        fn blanks_and_hyphens_make_no_difference(payload in "[0-9]{11,18}", gaps in "[ -]{0,19}") {
            let number = with_check_digit(&payload);
            let mut gaps = gaps.chars();
            let written: String = number.chars().flat_map(|c| [Some(c), gaps.next()]).flatten().collect();
            let card = parse(&written, "12/30", "123").unwrap();
            prop_assert_eq!(card.number.expose().as_str(), &number);
        }

        #[test]
        fn no_input_panics(number in "\\PC{0,30}", expiry in "\\PC{0,8}", cvc in "\\PC{0,5}") {
            let _ = parse(&number, &expiry, &cvc);
        }
    }
}
