//! Answers that are good for a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How many answers are kept. Keys come from clients, who must not be able to fill our memory.
const MOST: usize = 4096;

/// Values by key, each with a time when it is good no more.
pub struct Cache<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// What is still good.
    pub fn get(&self, key: &K) -> Option<V> {
        let values = self.0.lock();
        let (until, value) = values.get(key)?;
        (Instant::now() < *until).then(|| value.clone())
    }

    /// Keeps a value for so long.
    pub fn put(&self, key: K, value: V, good_for: Duration) {
        let now = Instant::now();
        let mut values = self.0.lock();
        if values.len() >= MOST {
            values.retain(|_, (until, _)| now < *until);
        }
        if values.len() >= MOST {
            values.clear();
        }
        values.insert(key, (now + good_for, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_good_for_its_time() {
        let cache = Cache::default();
        cache.put("a", 1, Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(cache.get(&"a"), Some(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(cache.get(&"a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_bounded_however_many_keys_come() {
        let cache = Cache::default();
        for key in 0..3 * MOST {
            cache.put(key, (), Duration::from_secs(10));
        }
        assert!(cache.0.lock().len() <= MOST);
        assert_eq!(cache.get(&(3 * MOST - 1)), Some(()));
    }
}
