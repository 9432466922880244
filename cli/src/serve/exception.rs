//! Steps around the normal gates that what is admitted rests on: they have to be seen, or going around
//! becomes the normal way.

use bulla_model::EdgeKind;
use bulla_verify::{Decision, ReviewState, Step, StepReview, Verdict};
use jiff::Timestamp;

use super::message::cut;

/// A hotfix or broken glass by which an admitted image is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Which of the two.
    pub kind: EdgeKind,
    /// How its review stands; none where the policy asks for none.
    pub review: Option<StepReview>,
    /// The environment it led into, if the image came further since.
    into: Option<String>,
    /// The tickets, the incident among them. A person's text: only what is plain of it.
    tickets: String,
}

impl Exception {
    /// Those of a verdict that admits: the last step, and the earlier ones that wait for a review.
    pub fn of(verdict: &Verdict) -> Vec<Self> {
        if verdict.decision != Decision::Allow {
            return Vec::new();
        }
        let mut steps = verdict.steps.iter().rev();
        let head = steps.next().and_then(|step| Self::of_step(step, true));
        let earlier = steps.filter_map(|step| Self::of_step(step, false));
        head.into_iter()
            .chain(earlier.filter(Self::is_unreviewed))
            .collect()
    }

    fn of_step(step: &Step, is_head: bool) -> Option<Self> {
        KINDS.contains(&step.kind).then(|| Self {
            kind: step.kind,
            review: step.review,
            into: (!is_head).then(|| step.environment.clone()),
            tickets: plain(&step.tickets),
        })
    }

    /// Whether somebody still has to accept it, or found it wrong.
    fn is_unreviewed(&self) -> bool {
        let state = self.review.map(|review| review.state);
        state.is_some_and(|state| state != ReviewState::Accepted)
    }

    /// When another thing is to be said of it, without anybody doing anything.
    pub fn ends(&self) -> Option<Timestamp> {
        let review = self.review?;
        (review.state == ReviewState::Open).then_some(review.due)
    }

    /// What whoever admits the image is told, in at most `longest` characters; nothing once it was
    /// accepted, or where nobody has to.
    pub fn warning(&self, image: &str, longest: usize) -> Option<String> {
        let review = self.review.filter(|_| self.is_unreviewed())?;
        let day = review.due.strftime("%Y-%m-%d");
        let standing = match review.state {
            ReviewState::Open => format!("review due {day}"),
            ReviewState::Overdue => format!("review overdue since {day}"),
            ReviewState::Rejected => "review rejected".to_owned(),
            ReviewState::Accepted => return None,
        };
        let tickets = cut(&self.tickets, TICKETS_WARNED);
        let gap = if tickets.is_empty() { "" } else { " " };
        let into = self.into.as_ref().map_or_else(String::new, |environment| {
            format!(" into {}", cut(environment, ENVIRONMENT_WARNED))
        });
        // The image is long before anything else is: the rest has to stay whole.
        let rest = format!(" runs by {}{gap}{tickets}{into}, {standing}", self.kind);
        let left = longest.saturating_sub(rest.chars().count());
        Some(format!("{}{rest}", cut(image, left)))
    }

    /// What the audit log keeps.
    pub fn annotation(&self, environment: &str) -> String {
        let environment = self.into.as_deref().unwrap_or(environment);
        let due = self
            .review
            .map_or_else(String::new, |review| format!(" reviewDue={}", review.due));
        let incident = match self.tickets.as_str() {
            "" => String::new(),
            tickets => format!(" incident={tickets}"),
        };
        let (kind, state) = self.labels();
        format!("{kind} into={environment}{incident} review={state}{due}")
    }

    /// What counters tell apart: few things, none of which a stranger chooses.
    pub fn labels(&self) -> (EdgeKind, &'static str) {
        let state = self.review.map(|review| review.state);
        (self.kind, state.map_or(UNASKED, ReviewState::as_str))
    }
}

/// Tickets are names. Whatever else stands in one could pass for the words around it, or turn their
/// direction.
fn plain(tickets: &[String]) -> String {
    let shown = |it: char| {
        let is_plain = it.is_ascii_alphanumeric() || ":/._-+#".contains(it);
        if is_plain { it } else { '?' }
    };
    // Each is as long as a ticket may be; nobody shows more than this of them.
    let one = |ticket: &String| ticket.chars().map(shown).collect::<String>();
    let all: Vec<_> = tickets.iter().take(TICKETS).map(one).collect();
    cut(&all.join(","), TICKETS_KEPT)
}

/// The kinds of steps that go around the normal gates.
pub const KINDS: [EdgeKind; 2] = [EdgeKind::Hotfix, EdgeKind::BreakGlass];
/// How reviews stand, as counters tell them apart.
pub const STATES: [&str; 5] = [UNASKED, "open", "overdue", "accepted", "rejected"];
/// Where the policy asks for no review.
const UNASKED: &str = "none";
/// Tickets that are looked at.
const TICKETS: usize = 16;
const TICKETS_KEPT: usize = 128;
const TICKETS_WARNED: usize = 24;
const ENVIRONMENT_WARNED: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn exception(state: Option<ReviewState>, tickets: &[&str]) -> Exception {
        let tickets: Vec<_> = tickets.iter().map(|it| (*it).to_owned()).collect();
        let due: Timestamp = "2026-11-28T10:00:00Z".parse().unwrap();
        Exception {
            kind: EdgeKind::BreakGlass,
            review: state.map(|state| StepReview { due, state }),
            into: None,
            tickets: plain(&tickets),
        }
    }

    #[test]
    fn each_standing_of_a_review_is_said() {
        use ReviewState::{Accepted, Open, Overdue, Rejected};
        let by = "pay-api runs by break-glass INC-77, review";
        for (state, warned, kept) in [
            (None, None, "none"),
            (Some(Open), Some(" due 2026-11-28"), "open"),
            (Some(Overdue), Some(" overdue since 2026-11-28"), "overdue"),
            (Some(Accepted), None, "accepted"),
            (Some(Rejected), Some(" rejected"), "rejected"),
        ] {
            let exception = exception(state, &["INC-77"]);
            let warned = warned.map(|warned| format!("{by}{warned}"));
            assert_eq!(exception.warning("pay-api", 120), warned);
            let due = state.map_or("", |_| " reviewDue=2026-11-28T10:00:00Z");
            assert_eq!(
                exception.annotation("prod"),
                format!("break-glass into=prod incident=INC-77 review={kept}{due}")
            );
            assert!(STATES.contains(&exception.labels().1), "{kept}");
            let ends = exception.ends().is_some();
            assert_eq!(ends, state == Some(Open), "{kept}");
        }
    }

    #[test]
    fn an_earlier_step_is_named_by_where_it_led() {
        let mut exception = exception(Some(ReviewState::Open), &["INC-77"]);
        exception.into = Some("staging".to_owned());
        assert_eq!(
            exception.warning("pay-api", 120).unwrap(),
            "pay-api runs by break-glass INC-77 into staging, review due 2026-11-28"
        );
        assert!(exception.annotation("prod").contains(" into=staging "));
    }

    #[test]
    fn an_incident_cannot_pass_for_what_is_said_about_it() {
        let forged = "X, review accepted\n; 7f3a\u{202e}\u{1b}[2J review=accepted \u{5d0}";
        let exception = exception(Some(ReviewState::Open), &[forged, "INC-77"]);
        let warning = exception.warning("pay-api", 120).unwrap();
        assert_eq!(warning.matches(", ").count(), 1, "{warning}");
        let kept = exception.annotation("prod");
        assert_eq!(kept.matches(" review=").count(), 1, "{kept}");
        for text in [warning, kept] {
            assert!(text.is_ascii() || text.contains('…'), "{text}");
            assert!(!text.contains([';', '\n', '\u{1b}', '\u{202e}']), "{text}");
        }
    }

    #[test]
    fn whatever_is_long_is_cut_and_the_deadline_stays() {
        let long = "i".repeat(5000);
        let tickets: Vec<&str> = std::iter::repeat_n(long.as_str(), 5000).collect();
        let mut exception = exception(Some(ReviewState::Overdue), &tickets);
        exception.into = Some(long.clone());
        let warning = exception.warning(&long, 120).unwrap();
        assert_eq!(warning.chars().count(), 120);
        assert!(warning.ends_with("review overdue since 2026-11-28"));
        assert!(warning.starts_with("iiiiiiii"), "{warning}");
        exception.into = None;
        assert!(exception.annotation("prod").chars().count() < 256);
    }
}
