//! Which objects want to be looked at, and when. A key waits once however often it is asked for; one
//! that is being worked on is looked at again afterwards, never at the same time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use jiff::Timestamp;

use super::kind::Key;

#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: VecDeque<Key>,
    waiting: HashSet<Key>,
    active: HashSet<Key>,
    again: HashSet<Key>,
    timers: BTreeSet<(Timestamp, Key)>,
    due: HashMap<Key, Timestamp>,
    failures: BTreeMap<Key, u32>,
}

impl Queue {
    /// Looks at a key as soon as possible.
    pub(super) fn push(&mut self, key: Key) {
        if self.active.contains(&key) {
            self.again.insert(key);
        } else if self.waiting.insert(key.clone()) {
            self.ready.push_back(key);
        }
    }

    /// Looks at a key at a time, if nothing makes it due before.
    pub(super) fn push_at(&mut self, key: Key, at: Timestamp) {
        if let Some(earlier) = self.due.get(&key).copied() {
            if earlier <= at {
                return;
            }
            self.timers.remove(&(earlier, key.clone()));
        }
        self.due.insert(key.clone(), at);
        self.timers.insert((at, key));
    }

    /// The next key to work on; it stays active until [`finish`](Self::finish).
    pub(super) fn pop(&mut self, now: Timestamp) -> Option<Key> {
        while let Some((at, key)) = self.timers.first().filter(|(at, _)| *at <= now).cloned() {
            self.timers.remove(&(at, key.clone()));
            self.due.remove(&key);
            self.push(key);
        }
        let key = self.ready.pop_front()?;
        self.waiting.remove(&key);
        self.active.insert(key.clone());
        Some(key)
    }

    /// Ends the work on a key.
    pub(super) fn finish(&mut self, key: &Key) {
        self.active.remove(key);
        self.failures.remove(key);
        if self.again.remove(key) {
            self.push(key.clone());
        }
    }

    /// Ends the work on a key that failed; returns how often in a row it has.
    pub(super) fn fail(&mut self, key: &Key) -> u32 {
        self.active.remove(key);
        self.again.remove(key);
        let failures = self.failures.entry(key.clone()).or_default();
        *failures = failures.saturating_add(1);
        *failures
    }

    /// When the next timer is due.
    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::kind::Kind;

    fn key(name: &str) -> Key {
        Key::new(Kind::Pod, "a", name)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_key_is_never_worked_on_twice_at_once_and_no_wish_is_lost() {
        let mut queue = Queue::default();
        queue.push(key("x"));
        queue.push(key("x"));
        assert_eq!(queue.pop(at(0)), Some(key("x")));
        queue.push(key("x"));
        assert_eq!(queue.pop(at(0)), None);
        queue.finish(&key("x"));
        assert_eq!(queue.pop(at(0)), Some(key("x")));
        queue.finish(&key("x"));
        assert_eq!(queue.pop(at(0)), None);
    }

    #[test]
    fn the_earliest_timer_of_a_key_counts() {
        let mut queue = Queue::default();
        queue.push_at(key("x"), at(5));
        queue.push_at(key("x"), at(3));
        queue.push_at(key("x"), at(9));
        assert_eq!(queue.next_timer(), Some(at(3)));
        assert_eq!(queue.pop(at(2)), None);
        assert_eq!(queue.pop(at(3)), Some(key("x")));
        assert_eq!(queue.next_timer(), None);
    }

    #[test]
    fn failures_are_counted_until_one_success() {
        let mut queue = Queue::default();
        queue.push(key("x"));
        queue.pop(at(0));
        assert_eq!(queue.fail(&key("x")), 1);
        queue.push(key("x"));
        queue.pop(at(0));
        assert_eq!(queue.fail(&key("x")), 2);
        queue.push(key("x"));
        queue.pop(at(0));
        queue.finish(&key("x"));
        queue.push(key("x"));
        queue.pop(at(0));
        assert_eq!(queue.fail(&key("x")), 1);
    }
}
