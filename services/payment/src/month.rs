//! Months, as cards name them.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A month of a year. Earlier ones are less.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Month {
    // In this order, so that the derived order is that of time.
    year: i16,
    month: i8,
}

impl Month {
    /// The month that it is now, in UTC.
    pub(crate) fn now() -> Self {
        let date = Timestamp::now().to_zoned(TimeZone::UTC).date();
        Self { year: date.year(), month: date.month() }
    }

    /// `MM/YY` or `MM/YYYY`, of this century.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (month, year) = text.trim().split_once('/')?;
        let (month, year) = (month.trim(), year.trim());
        if ![month, year].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit())) {
            return None;
        }
        let year: i16 = match year.len() {
            2 => 2000 + year.parse::<i16>().ok()?,
            4 => year.parse().ok()?,
            _ => return None,
        };
        let month: i8 = month.parse().ok().filter(|_| month.len() == 2)?;
        ((1..=12).contains(&month) && (2000..=2099).contains(&year)).then_some(Self { year, month })
    }
}

/// `YYYY-MM`.
impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_month_is_refused() {
        for text in [
            "", "/", "12", "12/", "/30", "1/30", "012/30", "00/30", "13/30", "12/3", "12/030", "12-30", "12/30/01",
            "+1/30", "-1/30", "12/+030", "12/1999", "12/2100", "ab/cd", "١٢/30",
        ] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
    }

    #[test]
    fn it_is_some_month_of_this_century() {
        let now = Month::now();
        assert!(now > Month::parse("01/24").unwrap());
        assert!(now < Month::parse("12/99").unwrap());
    }

    proptest! {
        #[test]
        fn both_ways_of_writing_mean_the_same(month in 1..=12, year in 0..=99) {
            let short = Month::parse(&format!("{month:02}/{year:02}")).unwrap();
            let long = Month::parse(&format!(" {month:02} / 20{year:02} ")).unwrap();
            prop_assert_eq!(short, long);
            prop_assert_eq!(short.to_string(), format!("20{year:02}-{month:02}"));
        }

        #[test]
        fn months_are_in_the_order_of_time(a in (1..=12, 0..=99), b in (1..=12, 0..=99)) {
            let month = |(month, year)| Month::parse(&format!("{month:02}/{year:02}")).unwrap();
            prop_assert_eq!(month(a).cmp(&month(b)), (a.1, a.0).cmp(&(b.1, b.0)));
        }
    }
}
