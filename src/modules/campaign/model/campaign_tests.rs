use chrono::TimeDelta;

use super::*;
use crate::kernel::clock;

fn campaign(status: Status, ends_in: Option<TimeDelta>) -> Campaign {
    let now = clock::now();
    let draft = Draft {
        title: "Wells".into(),
        description: String::new(),
        category: Some("water".into()),
        goal_minor: 1000,
        currency: "USD".parse().unwrap(),
        starts_at: None,
        ends_at: None,
        allow_overfunding: true,
    };
    let made = Campaign::new(draft, UserId::generate(), now).unwrap();
    Campaign {
        status,
        published_at: (status != Status::Draft).then_some(now),
        ends_at: ends_in.map(|delta| now + delta),
        ..made
    }
}

fn goal(goal_minor: i64) -> Changes {
    Changes { goal_minor: Some(goal_minor), ..Changes::default() }
}

#[test]
fn every_change_is_one_version_and_no_change_is_none() {
    let (before, now) = (campaign(Status::Active, None), clock::now());
    let after = before.revise(goal(5), now).unwrap().unwrap();
    assert_eq!((after.version, after.goal_minor, after.updated_at), (2, 5, now));
    assert_eq!(after.act(Action::Pause, now).unwrap().version, 3);
    assert_eq!(after.revise(goal(5), now), Ok(None));
    assert_eq!(after.revise(Changes::default(), now), Ok(None));
}

#[test]
fn null_takes_away_and_absent_leaves() {
    let before = campaign(Status::Draft, None);
    let changes = Changes { category: Some(None), ..Changes::default() };
    let after = before.revise(changes, clock::now()).unwrap().unwrap();
    assert_eq!((after.category, after.title), (None, before.title));
}

#[test]
fn publishing_lets_everybody_know_and_nothing_takes_it_back() {
    let (draft, now) = (campaign(Status::Draft, None), clock::now());
    assert!(!draft.is_public());
    assert!(!draft.act(Action::Cancel, now).unwrap().is_public());
    let published = draft.act(Action::Publish, now).unwrap();
    assert!(published.is_public() && published.act(Action::Cancel, now).unwrap().is_public());
}

#[test]
fn a_draft_whose_end_has_passed_is_not_published() {
    let late = campaign(Status::Draft, Some(TimeDelta::zero()));
    assert_eq!(late.act(Action::Publish, clock::now()), Err(Refusal::EndPassed));
}

#[test]
fn the_currency_is_free_in_a_draft_and_fixed_after() {
    let euro = || Changes { currency: Some("EUR".parse().unwrap()), ..Changes::default() };
    for status in Status::ALL {
        let revised = campaign(status, None).revise(euro(), clock::now());
        assert_eq!(revised.is_ok(), status == Status::Draft, "{status}");
    }
    let same = Changes { currency: Some("USD".parse().unwrap()), ..Changes::default() };
    assert_eq!(campaign(Status::Active, None).revise(same, clock::now()), Ok(None));
}

#[test]
fn what_is_over_keeps_its_terms_but_its_text_may_be_mended() {
    for status in Status::ALL {
        let over = campaign(status, None);
        assert_eq!(over.revise(goal(5), clock::now()).is_err(), status.is_final(), "{status}");
        let text = Changes { title: Some("Mended".into()), ..Changes::default() };
        assert!(over.revise(text, clock::now()).unwrap().is_some());
    }
}

#[test]
fn an_end_that_has_passed_cannot_be_moved_and_is_written_down() {
    let (over, now) = (campaign(Status::Active, Some(TimeDelta::zero())), clock::now());
    let longer = Changes { ends_at: Some(Some(now + TimeDelta::days(1))), ..Changes::default() };
    assert_eq!(over.revise(longer, now), Err(Refusal::TermsFixed(Status::Ended)));
    assert!(over.act(Action::Pause, now).is_err());
    let text = Changes { title: Some("Mended".into()), ..Changes::default() };
    assert_eq!(over.revise(text, now).unwrap().unwrap().status, Status::Ended);
}

#[test]
fn an_end_lies_after_the_start_and_a_new_one_in_the_future() {
    let (running, now) = (campaign(Status::Active, None), clock::now());
    let dates = |start: i64, end: i64| Changes {
        starts_at: Some(Some(now + TimeDelta::days(start))),
        ends_at: Some(Some(now + TimeDelta::days(end))),
        ..Changes::default()
    };
    assert_eq!(running.revise(dates(2, 1), now), Err(Refusal::EndsBeforeStart));
    assert_eq!(running.revise(dates(1, 1), now), Err(Refusal::EndsBeforeStart));
    assert_eq!(running.revise(dates(-2, -1), now), Err(Refusal::EndsInThePast));
    assert!(running.revise(dates(-1, 1), now).is_ok());
}
