//! The bounded log of requests: numbered on arrival, completed with the answer's code.

use std::collections::VecDeque;

use crate::request::Request;

/// The last requests, oldest first.
#[derive(Debug)]
pub(crate) struct RequestLog {
    entries: VecDeque<Request>,
    bound: usize,
    next: u64,
}

impl RequestLog {
    pub(crate) fn new(bound: usize) -> Self {
        Self { entries: VecDeque::new(), bound: bound.max(1), next: 1 }
    }

    /// Numbers and keeps a request; the oldest is forgotten when the log is full.
    pub(crate) fn arrived(&mut self, request: &Request) -> Request {
        let entry = Request { seq: self.next, ..request.clone() };
        self.next += 1;
        if self.entries.len() == self.bound {
            self.entries.pop_front();
        }
        self.entries.push_back(entry.clone());
        entry
    }

    /// Notes the code of an answer. Numbers are consecutive, so the entry's place is known.
    pub(crate) fn answered(&mut self, seq: u64, code: u16) {
        let Some(first) = self.entries.front().map(|entry| entry.seq) else { return };
        let Some(offset) = seq.checked_sub(first).and_then(|offset| usize::try_from(offset).ok())
        else {
            return;
        };
        if let Some(entry) = self.entries.get_mut(offset) {
            entry.code = Some(code);
        }
    }

    pub(crate) fn entries(&self) -> Vec<Request> {
        self.entries.iter().cloned().collect()
    }

    pub(crate) fn entries_after(&self, seq: u64) -> Vec<Request> {
        self.entries.iter().filter(|entry| entry.seq > seq).cloned().collect()
    }
}
