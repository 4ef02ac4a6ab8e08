//! Which step follows which answer: the saga as a pure function.

use std::fmt;

/// Where a saga is: the step that is recorded, and done next.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Step {
    /// Ask the catalog for the prices.
    Price,
    /// Set the copies aside.
    Reserve,
    /// Ask the issuer for the money. The last step that needs the card.
    Authorise,
    /// Pin the reservation, then take the money. From here on the way is forward.
    Capture,
    /// Sell the copies.
    Commit,
    /// Confirm the order.
    Confirm,
    /// The end, bought.
    Done,
    /// Give the authorisation up.
    Void,
    /// Put the copies back.
    Release,
    /// The end, nothing bought.
    Undone,
}

impl Step {
    pub(crate) const ALL: [Self; 10] = [
        Self::Price,
        Self::Reserve,
        Self::Authorise,
        Self::Capture,
        Self::Commit,
        Self::Confirm,
        Self::Done,
        Self::Void,
        Self::Release,
        Self::Undone,
    ];

    /// As it is stored and shown.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Reserve => "reserve",
            Self::Authorise => "authorise",
            Self::Capture => "capture",
            Self::Commit => "commit",
            Self::Confirm => "confirm",
            Self::Done => "done",
            Self::Void => "void",
            Self::Release => "release",
            Self::Undone => "undone",
        }
    }

    pub(crate) fn stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == text)
    }

    /// Whether nothing follows.
    pub(crate) fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Undone)
    }

    /// Whether it undoes another step.
    pub(crate) fn is_compensation(self) -> bool {
        matches!(self, Self::Void | Self::Release)
    }

    /// Whether it can be done by one who does not have the card, and so by anybody.
    pub(crate) fn can_be_resumed(self) -> bool {
        !matches!(self, Self::Price | Self::Reserve | Self::Authorise)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an order ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Confirmed,
    Declined,
    OutOfStock,
    Failed,
}

impl Outcome {
    /// As it is stored and shown: the order's status.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::OutOfStock => "out_of_stock",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn stored(text: &str) -> Option<Self> {
        [Self::Confirmed, Self::Declined, Self::OutOfStock, Self::Failed].into_iter().find(|one| one.as_str() == text)
    }
}

/// What came of a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reply {
    /// It is done.
    Done,
    /// It is not done and never will be; the order ends so.
    Refused(Outcome),
    /// Nobody knows: it may be done, or be done later.
    Silent,
}

/// What to do then.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Move {
    /// Go on to a step.
    To(Step),
    /// Go back by this step; the order will end so.
    Back(Step, Outcome),
    /// Stay, and try again later.
    Again,
}

/// What follows when a step has come out so.
pub(crate) fn next(step: Step, reply: Reply) -> Move {
    use Outcome::{Declined, Failed};
    use Reply::{Done, Refused, Silent};
    match (step, reply) {
        (Step::Price, Done) => Move::To(Step::Reserve),
        (Step::Price, Refused(outcome)) => Move::Back(Step::Undone, outcome),
        (Step::Price, Silent) => Move::Back(Step::Undone, Failed),

        (Step::Reserve, Done) => Move::To(Step::Authorise),
        // Every line or none: there is nothing to put back.
        (Step::Reserve, Refused(outcome)) => Move::Back(Step::Undone, outcome),
        // A Reserve that is still on its way finds its reservation released.
        (Step::Reserve, Silent) => Move::Back(Step::Release, Failed),

        (Step::Authorise, Done) => Move::To(Step::Capture),
        (Step::Authorise, Refused(Declined)) => Move::Back(Step::Release, Declined),
        // An Authorise that is still on its way finds its payment voided.
        (Step::Authorise, Refused(outcome)) => Move::Back(Step::Void, outcome),
        (Step::Authorise, Silent) => Move::Back(Step::Void, Failed),

        (Step::Capture, Done) => Move::To(Step::Commit),
        (Step::Capture, Refused(outcome)) => Move::Back(Step::Void, outcome),
        (Step::Commit, Done) => Move::To(Step::Confirm),
        (Step::Confirm, Done) => Move::To(Step::Done),

        (Step::Void, Done) => Move::To(Step::Release),
        (Step::Release, Done) => Move::To(Step::Undone),

        // Money may have moved, or may be about to: only an answer can tell. A refusal of these steps would break what the
        // services promise each other; it is not to be made worse by guessing.
        (Step::Capture, Silent)
        | (Step::Commit | Step::Confirm | Step::Void | Step::Release, Silent | Refused(_))
        | (Step::Done | Step::Undone, _) => Move::Again,
    }
}

#[cfg(test)]
mod tests;
