//! Facts in the words of the pages: money, years, stock, times.

use std::fmt;

use bookstore_proto::Money;

/// As many copies or fewer are called few.
const FEW: i64 = 5;

/// "€12.99"; the currency's code where it has no sign here.
pub(super) fn money(money: &Money) -> String {
    let (sign, amount) = (if money.amount < 0 { "−" } else { "" }, money.amount.unsigned_abs());
    let (whole, cents) = (amount / 100, amount % 100);
    match money.currency.as_str() {
        "EUR" => format!("{sign}€{whole}.{cents:02}"),
        other => format!("{sign}{whole}.{cents:02} {other}"),
    }
}

/// "1871"; "725 BC" for a year before the common era.
pub(super) fn year(year: i64) -> String {
    if year < 0 { format!("{} BC", year.unsigned_abs()) } else { year.to_string() }
}

/// "1 copy", "3 copies".
pub(super) fn copies(number: i64) -> String {
    if number == 1 { "1 copy".to_owned() } else { format!("{number} copies") }
}

/// How many copies can be bought, if that is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stock(pub(super) Option<i64>);

impl Stock {
    /// For the style sheet: `in`, `low`, `out`, `unknown`.
    pub(super) fn state(self) -> &'static str {
        match self.0 {
            None => "unknown",
            Some(..=0) => "out",
            Some(..=FEW) => "low",
            Some(_) => "in",
        }
    }

    pub(super) fn is_sold_out(self) -> bool {
        self.state() == "out"
    }

    /// With the number of copies, as the page of one book says it.
    pub(super) fn in_full(self) -> String {
        match self.0 {
            Some(number) if number > FEW => format!("In stock: {}", copies(number)),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("Stock unknown"),
            Some(..=0) => f.write_str("Sold out"),
            Some(number @ ..=FEW) => write!(f, "Only {number} left"),
            Some(_) => f.write_str("In stock"),
        }
    }
}

/// A time, for people and for machines.
#[derive(Clone, Debug)]
pub(super) struct When {
    /// "22 November 2026, 20:14 UTC".
    pub(super) text: String,
    /// RFC 3339.
    pub(super) machine: String,
}

impl When {
    /// From RFC 3339; as it is where it is something else.
    pub(super) fn from_rfc3339(text: &str) -> Self {
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Self {
                text: time.strftime("%-d %B %Y, %H:%M UTC").to_string(),
                machine: time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            },
            Err(_) => Self { text: text.to_owned(), machine: text.to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_two_decimals_and_its_sign() {
        for (amount, text) in [(0, "€0.00"), (5, "€0.05"), (1299, "€12.99"), (100_000, "€1000.00"), (-250, "−€2.50")]
        {
            assert_eq!(money(&Money::new(amount)), text);
        }
        assert_eq!(money(&Money { amount: 150, currency: "CHF".to_owned() }), "1.50 CHF");
        assert_eq!(money(&Money::new(i64::MIN)), "−€92233720368547758.08");
    }

    #[test]
    fn years_before_the_common_era_say_so() {
        assert_eq!(year(1871), "1871");
        assert_eq!(year(-725), "725 BC");
    }

    #[test]
    fn stock_is_said_in_words() {
        for (number, state, short, full) in [
            (None, "unknown", "Stock unknown", "Stock unknown"),
            (Some(-1), "out", "Sold out", "Sold out"),
            (Some(0), "out", "Sold out", "Sold out"),
            (Some(1), "low", "Only 1 left", "Only 1 left"),
            (Some(5), "low", "Only 5 left", "Only 5 left"),
            (Some(6), "in", "In stock", "In stock: 6 copies"),
        ] {
            let stock = Stock(number);
            assert_eq!((stock.state(), stock.to_string().as_str(), stock.in_full().as_str()), (state, short, full));
        }
    }

    #[test]
    fn times_are_in_utc() {
        let when = When::from_rfc3339("2026-11-02T21:34:05.678+01:00");
        assert_eq!((when.text.as_str(), when.machine.as_str()), ("2 November 2026, 20:34 UTC", "2026-11-02T20:34:05Z"));
        assert_eq!(When::from_rfc3339("yesterday").text, "yesterday");
    }
}
