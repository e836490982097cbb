//! The queue in time that stands still.

use super::*;

fn queue() -> Queue<&'static str, u32> {
    Queue::new(Randomness::seeded(1))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn next_after(queue: &Queue<&'static str, u32>) -> (Duration, Due<&'static str, u32>) {
    let start = Instant::now();
    let due = queue.next().await.unwrap();
    (start.elapsed(), due)
}

#[tokio::test(start_paused = true)]
async fn a_key_that_waits_comes_once_at_the_earlier_time() {
    let queue = queue();
    queue.add_after("a", seconds(5), 1);
    queue.add_after("a", seconds(9), 2);
    queue.add_after("a", seconds(2), 3);
    assert_eq!(
        next_after(&queue).await,
        (seconds(2), Due { key: "a", reason: 1, waited: Duration::ZERO })
    );
    queue.settle(&"a", Outcome::Done);
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_batch_begins_with_its_first_event_and_is_not_extended() {
    let queue = queue();
    queue.add_after("a", seconds(1), 1);
    tokio::time::advance(Duration::from_millis(900)).await;
    queue.add_after("a", seconds(1), 2);
    let (waited, _) = next_after(&queue).await;
    assert_eq!(waited, Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn a_key_asked_for_while_it_is_worked_on_comes_again_once() {
    let queue = queue();
    queue.add("a", 1);
    assert_eq!(queue.next().await.unwrap().reason, 1);
    queue.add("a", 2);
    queue.add("a", 3);
    queue.add("b", 4);
    assert_eq!(queue.next().await.unwrap().key, "b", "a is still being worked on");
    queue.settle(&"a", Outcome::Done);
    let due = queue.next().await.unwrap();
    assert_eq!((due.key, due.reason), ("a", 2));
    queue.settle(&"a", Outcome::Done);
    queue.settle(&"b", Outcome::Done);
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn failures_are_retried_ever_more_slowly_and_for_ever() {
    let queue = queue();
    queue.add("a", 0);
    let mut waits = Vec::new();
    for _ in 0..20 {
        let (waited, due) = next_after(&queue).await;
        waits.push(waited.as_secs_f64().round() as u64);
        queue.settle(&due.key, Outcome::Failed { reason: 0, at_least: None });
    }
    assert_eq!(waits[..10], [0, 1, 2, 4, 8, 16, 32, 64, 128, 256]);
    assert!(waits[10..].iter().all(|wait| (270..=330).contains(wait)), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_success_forgets_the_failures() {
    let queue = queue();
    queue.add("a", 0);
    for outcome in [
        Outcome::Failed { reason: 0, at_least: None },
        Outcome::Failed { reason: 0, at_least: None },
        Outcome::Done,
    ] {
        queue.next().await.unwrap();
        queue.settle(&"a", outcome);
    }
    queue.add("a", 0);
    queue.next().await.unwrap();
    queue.settle(&"a", Outcome::Failed { reason: 0, at_least: None });
    assert_eq!(next_after(&queue).await.0, seconds(1));
}

#[tokio::test(start_paused = true)]
async fn a_change_during_back_off_is_visited_at_once_and_keeps_the_count() {
    let queue = queue();
    queue.add("a", 0);
    for _ in 0..3 {
        queue.next().await.unwrap();
        queue.settle(&"a", Outcome::Failed { reason: 0, at_least: None });
    }
    queue.add("a", 1);
    assert_eq!(next_after(&queue).await.0, Duration::ZERO);
    queue.settle(&"a", Outcome::Failed { reason: 0, at_least: None });
    assert_eq!(next_after(&queue).await.0, seconds(8));
}

#[tokio::test(start_paused = true)]
async fn many_failing_keys_are_retried_at_a_bounded_rate() {
    let queue: Queue<u32, ()> = Queue::new(Randomness::seeded(1));
    for key in 0..300 {
        queue.add(key, ());
    }
    for _ in 0..300 {
        let due = queue.next().await.unwrap();
        queue.settle(&due.key, Outcome::Failed { reason: (), at_least: None });
    }
    let start = Instant::now();
    for _ in 0..300 {
        let due = queue.next().await.unwrap();
        queue.settle(&due.key, Outcome::Done);
    }
    assert!(start.elapsed() >= seconds(19), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_closed_queue_gives_nothing_more() {
    let queue = queue();
    queue.add("a", 0);
    queue.close();
    assert_eq!(queue.next().await, None);
    assert_eq!(queue.next().await, None, "every worker is told");
}

#[tokio::test(start_paused = true)]
async fn a_queue_knows_its_load() {
    let queue = queue();
    queue.add("a", 0);
    queue.add("a", 1);
    queue.add("b", 0);
    queue.add_after("c", seconds(3), 0);
    let load = Load { depth: 2, adds: 2, postponed: 1, ..Load::default() };
    assert_eq!(queue.load(), load, "what waits for later is not due");
    tokio::time::advance(seconds(2)).await;
    assert_eq!(queue.next().await.unwrap().waited, seconds(2));
    tokio::time::advance(seconds(2)).await;
    queue.next().await.unwrap();
    queue.add("a", 2);
    tokio::time::advance(seconds(5)).await;
    let (unfinished, longest_running) = (seconds(7 + 5), seconds(7));
    let load = Load { depth: 2, adds: 4, postponed: 1, unfinished, longest_running };
    assert_eq!(queue.load(), load, "one comes again, and the third has become due");
    queue.settle(&"a", Outcome::Failed { reason: 0, at_least: None });
    queue.settle(&"b", Outcome::Done);
    let load = Load { depth: 2, adds: 4, postponed: 2, ..Load::default() };
    assert_eq!(queue.load(), load, "a failure comes later, unless somebody asks before");
}

#[tokio::test(start_paused = true)]
async fn whoever_follows_a_busy_key_waits_only_for_what_was_asked_before() {
    let queue = std::sync::Arc::new(queue());
    queue.add("a", 1);
    queue.next().await.unwrap();
    queue.add("a", 2);
    let follower = tokio::spawn({
        let queue = queue.clone();
        async move { queue.passed(&"a").await }
    });
    tokio::time::sleep(seconds(1)).await;
    queue.settle(&"a", Outcome::Done);
    assert_eq!(queue.next().await.unwrap().reason, 2);
    queue.add("a", 3);
    tokio::time::sleep(seconds(1)).await;
    assert!(!follower.is_finished(), "the second visit was asked for before");
    queue.settle(&"a", Outcome::Done);
    tokio::time::sleep(seconds(1)).await;
    assert!(follower.is_finished(), "the third visit was asked for later");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_rests_comes_when_it_has_rested_and_then_rests_no_more() {
    let queue = queue();
    queue.add("a", 1);
    queue.next().await.unwrap();
    queue.add("a", 2);
    queue.settle(&"a", Outcome::DoneFor(seconds(3)));
    assert!(!queue.is_empty(), "what was asked meanwhile is not lost");
    assert_eq!(
        next_after(&queue).await,
        (seconds(3), Due { key: "a", reason: 2, waited: Duration::ZERO })
    );
    queue.settle(&"a", Outcome::DoneFor(seconds(3)));
    assert!(queue.is_empty());
    tokio::time::advance(seconds(1)).await;
    queue.add("a", 3);
    assert_eq!(next_after(&queue).await.0, seconds(2), "the rest counts from the visit");
    queue.settle(&"a", Outcome::Done);
    queue.add("a", 4);
    assert_eq!(next_after(&queue).await.0, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_queue_stalls_while_there_is_something_to_do_and_no_visit_ends() {
    let queue = queue();
    queue.add("early", 1);
    tokio::time::advance(seconds(100)).await;
    assert_eq!(queue.stalled(), Duration::ZERO, "no worker has come yet");
    queue.next().await.unwrap();
    queue.add("late", 2);
    tokio::time::advance(seconds(7)).await;
    assert_eq!(queue.stalled(), seconds(7));
    queue.settle(&"early", Outcome::Done);
    assert_eq!(queue.stalled(), Duration::ZERO);
    tokio::time::advance(seconds(3)).await;
    assert_eq!(queue.stalled(), seconds(3), "the other key is due");
    queue.next().await.unwrap();
    queue.settle(&"late", Outcome::Done);
    queue.add_after("later", seconds(60), 3);
    tokio::time::advance(seconds(59)).await;
    assert_eq!(queue.stalled(), Duration::ZERO, "nothing is due");
}
