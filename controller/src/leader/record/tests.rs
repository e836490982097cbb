use super::*;

const LEASE_DURATION: Duration = Duration::from_secs(15);

/// The time of day, so many seconds after some midnight.
fn time(seconds: i64) -> Timestamp {
    let midnight: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
    midnight + jiff::SignedDuration::from_secs(seconds)
}

/// The time since boot.
fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn record() -> Record {
    Record::new("us".to_owned(), LEASE_DURATION)
}

/// A Lease as somebody else stored it.
fn held_by(holder: &str, renewed: Timestamp, version: u64) -> Lease {
    let spec = LeaseSpec {
        holder_identity: Some(holder.to_owned()),
        lease_duration_seconds: Some(15),
        acquire_time: Some(MicroTime(time(-3600))),
        renew_time: Some(MicroTime(renewed)),
        lease_transitions: Some(7),
        ..LeaseSpec::default()
    };
    let metadata =
        ObjectMeta { resource_version: Some(version.to_string()), ..ObjectMeta::default() };
    Lease { metadata, spec: Some(spec) }
}

fn theirs() -> Standing {
    Standing::HeldBy("them".to_owned())
}

#[test]
fn an_absent_lease_is_made_with_no_transitions() {
    let lease = record().creation(at(5), time(0), "kube-system", "roster");
    let wanted = LeaseSpec {
        holder_identity: Some("us".to_owned()),
        lease_duration_seconds: Some(15),
        acquire_time: Some(MicroTime(time(0))),
        renew_time: Some(MicroTime(time(0))),
        lease_transitions: Some(0),
        ..LeaseSpec::default()
    };
    assert_eq!(lease.spec, Some(wanted));
    assert_eq!(lease.metadata.labels, None);
}

#[test]
fn a_lease_without_a_holder_is_free_at_once() {
    let mut record = record();
    record.observe(held_by("", time(0), 1), at(100));
    assert_eq!(record.standing(at(100)), Standing::Free);
    let spec = record.claim(time(9)).spec.unwrap();
    assert_eq!(spec.lease_transitions, Some(8));
    assert_eq!(spec.acquire_time, Some(MicroTime(time(9))));
}

#[test]
fn a_lease_expires_by_our_clock_whatever_times_it_holds() {
    for renewed in [time(-3600), time(0), time(3600)] {
        let mut record = record();
        record.observe(held_by("them", renewed, 1), at(100));
        assert_eq!(record.standing(at(114)), theirs());
        // Reading the same again changes nothing.
        record.observe(held_by("them", renewed, 1), at(114));
        assert_eq!(record.standing(at(115)), Standing::Free);
    }
}

#[test]
fn a_lease_lasts_as_long_as_it_says_itself() {
    let mut record = record();
    let mut lease = held_by("them", time(0), 1);
    lease.spec.as_mut().unwrap().lease_duration_seconds = Some(60);
    record.observe(lease, at(100));
    assert_eq!(record.standing(at(159)), theirs());
    assert_eq!(record.remaining(at(159)), at(1));
    assert_eq!(record.standing(at(160)), Standing::Free);
}

#[test]
fn two_renewals_within_a_second_are_one_change() {
    let mut record = record();
    let later = |milliseconds| time(0) + jiff::SignedDuration::from_millis(milliseconds);
    record.observe(held_by("them", later(100), 1), at(100));
    record.observe(held_by("them", later(900), 2), at(101));
    assert_eq!(record.remaining(at(101)), at(14));
    record.observe(held_by("them", later(1100), 3), at(102));
    assert_eq!(record.remaining(at(102)), at(15));
}

#[test]
fn what_a_slow_watch_tells_after_a_read_is_no_news() {
    let mut record = record();
    record.observe(held_by("", time(4), 9), at(100));
    record.observe(held_by("them", time(2), 8), at(101));
    assert_eq!(record.standing(at(101)), Standing::Free);
    assert_eq!(record.claim(time(0)).metadata.resource_version.as_deref(), Some("9"));
}

#[test]
fn an_annotation_by_others_is_kept_and_renews_nothing() {
    let mut record = record();
    record.observe(held_by("them", time(0), 1), at(100));
    let mut annotated = held_by("them", time(0), 2);
    annotated.metadata.annotations = Some([("by".to_owned(), "somebody".to_owned())].into());
    record.observe(annotated.clone(), at(110));
    assert_eq!(record.remaining(at(110)), at(5));
    assert_eq!(record.claim(time(0)).metadata, annotated.metadata);
}

#[test]
fn a_leader_renews_without_reading_and_changes_nothing_but_the_time() {
    let mut record = record();
    record.wrote(record.creation(at(100), time(0), "kube-system", "roster"), at(100));
    let before = record.lease().unwrap().spec.clone().unwrap();
    let renewed = record.renewal(at(102), time(2)).unwrap().spec.unwrap();
    assert_eq!(renewed, LeaseSpec { renew_time: Some(MicroTime(time(2))), ..before });
    assert_eq!(record.renewal(at(115), time(15)), None, "one that has expired is read first");
}

#[test]
fn a_leader_whose_lease_was_deleted_goes_on_as_it_was() {
    let mut record = record();
    record.observe(held_by("", time(0), 1), at(100));
    record.wrote(record.claim(time(1)), at(101));
    let again = record.creation(at(103), time(3), "kube-system", "roster").spec.unwrap();
    assert_eq!(again.lease_transitions, Some(8));
    assert_eq!(again.acquire_time, Some(MicroTime(time(1))));
    assert_eq!(again.renew_time, Some(MicroTime(time(3))));
    let late = record.creation(at(116), time(16), "kube-system", "roster").spec.unwrap();
    assert_eq!(late.lease_transitions, Some(0), "an expired one begins anew");
}

#[test]
fn a_lease_is_given_back_only_by_whom_it_names() {
    let mut record = record();
    assert_eq!(record.release(time(0)), None);
    record.observe(held_by("", time(0), 1), at(100));
    record.wrote(record.claim(time(1)), at(101));
    let spec = record.release(time(5)).unwrap().spec.unwrap();
    assert_eq!(spec.holder_identity.as_deref(), Some(""));
    assert_eq!(spec.lease_duration_seconds, Some(1));
    assert_eq!(spec.lease_transitions, Some(8));
    assert_eq!(
        (spec.acquire_time, spec.renew_time),
        (Some(MicroTime(time(5))), Some(MicroTime(time(5))))
    );
    record.observe(held_by("them", time(6), 3), at(106));
    assert_eq!(record.release(time(7)), None);
}

#[test]
fn a_lease_that_the_api_server_assigns_is_not_taken_and_its_strategy_is_kept() {
    let mut record = record();
    let mut lease = held_by("them", time(0), 1);
    lease.spec.as_mut().unwrap().strategy = Some("OldestEmulationVersion".to_owned());
    record.observe(lease.clone(), at(100));
    assert_eq!(record.standing(at(101)), theirs());
    assert_eq!(record.standing(at(200)), Standing::Assigned);
    lease.spec.as_mut().unwrap().holder_identity = Some("us".to_owned());
    lease.metadata.resource_version = Some("2".to_owned());
    record.observe(lease, at(200));
    assert_eq!(record.standing(at(201)), Standing::Ours);
    assert_eq!(
        record.claim(time(0)).spec.unwrap().strategy.as_deref(),
        Some("OldestEmulationVersion")
    );
}
