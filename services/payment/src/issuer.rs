//! The simulated issuer: the bank that says yes or no.
//!
//! It stands in for a card network, in this process. Some numbers have a documented behaviour, [`TEST_CARDS`]; every
//! other number that passes the Luhn check is accepted. It is idempotent, as a real one is by an id: the same card gets
//! the same answer, however often it is asked. It keeps no holds, so there is nothing to lift when a payment is voided.

use std::time::Duration;

use bookstore_runtime::Call;

use crate::card::{Brand, Card};
use crate::month::Month;
use crate::payment::DeclineReason;

/// How long the slow card takes.
pub const SLOW: Duration = Duration::from_secs(2);

/// A card number with a behaviour of its own.
#[derive(Clone, Copy, Debug)]
pub struct TestCard {
    /// The digits.
    pub number: &'static str,
    /// Its brand.
    pub brand: Brand,
    /// What the issuer does.
    pub behaviour: Behaviour,
}

/// What the issuer does when it is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Behaviour {
    /// Says yes.
    Accepts,
    /// Says yes after [`SLOW`].
    AcceptsSlowly,
    /// Says no.
    Declines(DeclineReason),
    /// Does not answer.
    IsDown,
}

/// The numbers with a behaviour of their own, with any expiry in the future and any CVC.
///
/// | number | brand | what happens |
/// | --- | --- | --- |
/// | 4242 4242 4242 4242 | visa | accepted |
/// | 5555 5555 5555 4444 | mastercard | accepted |
/// | 3782 822463 10005 | amex | accepted |
/// | 4000 0000 0000 0002 | visa | declined: `CARD_DECLINED` |
/// | 4000 0000 0000 9995 | visa | declined: `INSUFFICIENT_FUNDS` |
/// | 4000 0000 0000 0259 | visa | accepted after two seconds |
/// | 4000 0000 0000 0119 | visa | the issuer is down: `UNAVAILABLE` |
///
/// Any other number that passes the Luhn check is accepted; a card whose expiry has passed is declined with
/// `EXPIRED_CARD`, whatever its number.
pub const TEST_CARDS: &[TestCard] = &[
    TestCard { number: "4242424242424242", brand: Brand::Visa, behaviour: Behaviour::Accepts },
    TestCard { number: "5555555555554444", brand: Brand::Mastercard, behaviour: Behaviour::Accepts },
    TestCard { number: "378282246310005", brand: Brand::Amex, behaviour: Behaviour::Accepts },
    TestCard {
        number: "4000000000000002",
        brand: Brand::Visa,
        behaviour: Behaviour::Declines(DeclineReason::CardDeclined),
    },
    TestCard {
        number: "4000000000009995",
        brand: Brand::Visa,
        behaviour: Behaviour::Declines(DeclineReason::InsufficientFunds),
    },
    TestCard { number: "4000000000000259", brand: Brand::Visa, behaviour: Behaviour::AcceptsSlowly },
    TestCard { number: "4000000000000119", brand: Brand::Visa, behaviour: Behaviour::IsDown },
];

/// The issuer's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// The amount is set aside.
    Authorised,
    /// It is not.
    Declined(DeclineReason),
}

/// The issuer does not answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the card's issuer does not answer")]
pub(crate) struct IssuerDown;

/// Asks the issuer of a card. `today` is what a card's expiry is compared with.
#[tracing::instrument(name = "ask issuer", skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.payment.card_brand = card.face.brand.as_str()))]
pub(crate) async fn authorise(call: &Call, card: &Card, today: Month) -> Result<Decision, IssuerDown> {
    if card.face.expiry < today {
        return Ok(Decision::Declined(DeclineReason::ExpiredCard));
    }
    let known = TEST_CARDS.iter().find(|known| known.number == card.number.expose().as_str());
    match known.map_or(Behaviour::Accepts, |known| known.behaviour) {
        Behaviour::Accepts => Ok(Decision::Authorised),
        Behaviour::AcceptsSlowly => {
            tokio::time::sleep(SLOW).await;
            Ok(Decision::Authorised)
        }
        Behaviour::Declines(reason) => Ok(Decision::Declined(reason)),
        Behaviour::IsDown => Err(IssuerDown),
    }
}

#[cfg(test)]
mod tests {
    use bookstore_telemetry::Sensitive;
    use tokio::time::Instant;
    use zeroize::Zeroizing;

    use super::*;

    fn card(number: &str, expiry: &str) -> Card {
        let secret = |text: &str| Sensitive::new(Zeroizing::new(text.to_owned()));
        Card::parse(&secret(number), expiry, &secret("123")).unwrap()
    }

    fn call() -> Call {
        Call::new_root(Duration::from_secs(30))
    }

    fn month(text: &str) -> Month {
        Month::parse(text).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn each_test_card_does_what_it_says() {
        for known in TEST_CARDS {
            let card = card(known.number, "12/30");
            assert_eq!(card.face.brand, known.brand, "{}", known.number);
            let started = Instant::now();
            let answer = authorise(&call(), &card, month("12/30")).await;
            let expected = match known.behaviour {
                Behaviour::Accepts | Behaviour::AcceptsSlowly => Ok(Decision::Authorised),
                Behaviour::Declines(reason) => Ok(Decision::Declined(reason)),
                Behaviour::IsDown => Err(IssuerDown),
            };
            assert_eq!(answer, expected, "{}", known.number);
            let slow = known.behaviour == Behaviour::AcceptsSlowly;
            assert_eq!(started.elapsed() >= SLOW, slow, "{}", known.number);
        }
    }

    #[tokio::test]
    async fn other_cards_are_accepted_until_they_expire() {
        let card = card("6011111111111117", "06/30");
        for (today, decision) in [
            ("05/30", Decision::Authorised),
            ("06/30", Decision::Authorised),
            ("07/30", Decision::Declined(DeclineReason::ExpiredCard)),
            ("01/31", Decision::Declined(DeclineReason::ExpiredCard)),
        ] {
            assert_eq!(authorise(&call(), &card, month(today)).await, Ok(decision), "{today}");
        }
    }
}
