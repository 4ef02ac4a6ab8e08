//! Sagas in a small world that loses answers, crashes, is slow and lets reservations expire.

use proptest::prelude::*;

use super::*;

/// What the other services hold of one order, by the rules of their contracts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct World {
    reservation: Reservation,
    payment: Payment,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Reservation {
    #[default]
    Absent,
    Held,
    Pinned,
    Committed,
    Released,
    Expired,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Payment {
    #[default]
    Absent,
    Authorised,
    Declined,
    Captured,
    Voided,
}

/// What the world does to one step.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// All goes well.
    Well,
    /// The request is lost.
    Lost,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// The request arrives after the saga has gone on.
    Late,
    /// The service says no for its own reasons, where it may.
    No,
    /// It is done, and the storefront is killed before it can record the answer.
    Killed,
    /// The reservation's time runs out first.
    Expires,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Well),
        1 => Just(Fate::Lost),
        1 => Just(Fate::AnswerLost),
        1 => Just(Fate::Late),
        1 => Just(Fate::No),
        1 => Just(Fate::Killed),
        1 => Just(Fate::Expires),
    ]
}

impl World {
    fn perform(&mut self, step: Step, willing: bool) -> Reply {
        const NO: Reply = Reply::Refused(Outcome::Failed);
        match step {
            Step::Price if !willing => Reply::Refused(Outcome::OutOfStock),
            Step::Reserve => match self.reservation {
                Reservation::Absent if !willing => Reply::Refused(Outcome::OutOfStock),
                Reservation::Absent | Reservation::Held => {
                    self.reservation = Reservation::Held;
                    Reply::Done
                }
                _ => NO,
            },
            Step::Authorise => match self.payment {
                Payment::Absent => {
                    self.payment = if willing { Payment::Authorised } else { Payment::Declined };
                    self.perform(step, willing)
                }
                Payment::Authorised => Reply::Done,
                Payment::Declined => Reply::Refused(Outcome::Declined),
                Payment::Captured | Payment::Voided => NO,
            },
            Step::Capture => {
                match self.reservation {
                    Reservation::Held => self.reservation = Reservation::Pinned,
                    Reservation::Pinned | Reservation::Committed => {}
                    _ => return NO,
                }
                match self.payment {
                    Payment::Authorised | Payment::Captured => {
                        self.payment = Payment::Captured;
                        Reply::Done
                    }
                    _ => NO,
                }
            }
            Step::Commit => match self.reservation {
                Reservation::Held | Reservation::Pinned | Reservation::Committed => {
                    self.reservation = Reservation::Committed;
                    Reply::Done
                }
                _ => NO,
            },
            Step::Void => match self.payment {
                Payment::Captured => NO,
                Payment::Declined => Reply::Done,
                _ => {
                    self.payment = Payment::Voided;
                    Reply::Done
                }
            },
            Step::Release => match self.reservation {
                Reservation::Committed => NO,
                Reservation::Expired => Reply::Done,
                _ => {
                    self.reservation = Reservation::Released;
                    Reply::Done
                }
            },
            _ => Reply::Done,
        }
    }

    fn expire(&mut self) {
        if self.reservation == Reservation::Held {
            self.reservation = Reservation::Expired;
        }
    }
}

/// A saga with its world, run by the same rules as the real one.
#[derive(Debug)]
struct Run {
    world: World,
    step: Step,
    outcome: Option<Outcome>,
    has_card: bool,
    /// Requests that have not arrived yet.
    late: Vec<Step>,
}

impl Run {
    fn new() -> Self {
        Self { world: World::default(), step: Step::Price, outcome: None, has_card: true, late: Vec::new() }
    }

    fn take(&mut self, fate: Fate) {
        if !self.has_card && !self.step.can_be_resumed() {
            return self.follow(Reply::Silent);
        }
        let reply = match fate {
            Fate::Well => self.world.perform(self.step, true),
            Fate::No => self.world.perform(self.step, false),
            Fate::Lost => Reply::Silent,
            Fate::AnswerLost => {
                self.world.perform(self.step, true);
                Reply::Silent
            }
            Fate::Late => {
                self.late.push(self.step);
                Reply::Silent
            }
            Fate::Killed => {
                self.world.perform(self.step, true);
                self.has_card = false;
                return;
            }
            Fate::Expires => {
                self.world.expire();
                self.world.perform(self.step, true)
            }
        };
        self.follow(reply);
    }

    fn follow(&mut self, reply: Reply) {
        match next(self.step, reply) {
            Move::To(step) => self.step = step,
            Move::Back(step, outcome) => (self.step, self.outcome) = (step, Some(outcome)),
            Move::Again => {}
        }
        if self.step == Step::Done {
            self.outcome = Some(Outcome::Confirmed);
        }
    }

    /// Everything that was still on its way arrives, in any order.
    fn deliver_late(&mut self) {
        for step in std::mem::take(&mut self.late).into_iter().rev() {
            self.world.perform(step, true);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn whatever_happens_it_is_done_as_a_whole_or_not_at_all(
        fates in proptest::collection::vec((fate(), any::<bool>()), 0..24),
    ) {
        let mut run = Run::new();
        for (fate, deliver) in fates {
            if run.step.is_end() {
                break;
            }
            run.take(fate);
            if deliver {
                run.deliver_late();
            }
        }
        // The world comes to rest; now the saga must come to its end.
        for _ in 0..Step::ALL.len() {
            if run.step.is_end() {
                break;
            }
            run.take(Fate::Well);
        }
        run.deliver_late();
        run.world.expire();
        let World { reservation, payment } = run.world;
        match run.step {
            Step::Done => {
                prop_assert_eq!(run.outcome, Some(Outcome::Confirmed));
                prop_assert_eq!((reservation, payment), (Reservation::Committed, Payment::Captured));
            }
            Step::Undone => {
                prop_assert!(matches!(run.outcome, Some(outcome) if outcome != Outcome::Confirmed));
                prop_assert!(matches!(payment, Payment::Absent | Payment::Declined | Payment::Voided), "{:?}", run);
                prop_assert!(!matches!(reservation, Reservation::Held | Reservation::Pinned | Reservation::Committed), "{:?}", run);
            }
            step => prop_assert!(false, "it stands still at {step}: {run:?}"),
        }
    }

    #[test]
    fn money_that_was_taken_is_never_given_up(fates in proptest::collection::vec(fate(), 0..24)) {
        let mut run = Run::new();
        let mut captured = false;
        for fate in fates {
            run.take(fate);
            captured |= run.world.payment == Payment::Captured;
            prop_assert!(!captured || !matches!(run.step, Step::Void | Step::Release | Step::Undone), "{run:?}");
        }
    }
}

#[test]
fn every_step_leads_to_an_end_when_the_services_answer() {
    for first in Step::ALL {
        let mut step = first;
        for _ in 0..Step::ALL.len() {
            if let Move::To(next) | Move::Back(next, _) = next(step, Reply::Done) {
                step = next;
            }
        }
        let expected = if first.is_compensation() || first == Step::Undone { Step::Undone } else { Step::Done };
        assert_eq!(step, expected, "from {first}");
    }
}

#[test]
fn without_the_card_the_first_half_is_undone_and_the_second_finished() {
    for step in Step::ALL {
        let undone = matches!(next(step, Reply::Silent), Move::Back(..));
        assert_eq!(undone, !step.can_be_resumed(), "{step}");
    }
}

#[test]
fn names_are_read_as_they_are_written() {
    for step in Step::ALL {
        assert_eq!(Step::stored(step.as_str()), Some(step));
    }
    assert_eq!(Step::stored("paid"), None);
    assert_eq!(Outcome::stored("out_of_stock"), Some(Outcome::OutOfStock));
}
