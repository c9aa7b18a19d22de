//! Whole sessions: requests in any order and at any time, answered by a model of the server.
//!
//! The model is PostgresMain (src/backend/tcop/postgres.c) as far as it decides who is answered: the
//! queue of expected responses must know of every answer which request it belongs to.
//!
//! Left out, because only the server can tell: an error in COPY that did not come from the client's
//! CopyFail, and messages other than COPY's own within the COPY of a simple Query. There the session
//! ends as out of step.

use std::collections::{HashSet, VecDeque};

use pgveil::session::fifo::{Fifo, Kind, Step};

use super::{
    random::Choices,
    run::{Target, saw},
};

/// What a request will meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Fine,
    Fails,
    Empty,
    Suspended,
    CopyOut,
    CopyIn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Request(Kind, Fate),
    /// CopyDone or, if true, CopyFail.
    CopyEnd(bool),
    CopyData,
    Flush,
}

/// The server: what it was sent and has not read yet, by number.
#[derive(Default)]
struct Server {
    inbox: VecDeque<(usize, Message)>,
    /// After an error in the extended protocol, up to Sync.
    skips: bool,
    /// Receives COPY data for this request.
    copies: Option<(usize, Kind)>,
    /// What it has said: message type and the request that it answers.
    said: VecDeque<(u8, usize)>,
}

impl Server {
    fn read(&mut self) -> bool {
        let Some((number, message)) = self.inbox.pop_front() else { return false };
        match self.copies {
            Some((copy, kind)) => self.in_copy(copy, kind, message),
            None => self.read_outside_copy(number, message),
        }
        true
    }

    fn says(&mut self, tags: &[u8], number: usize) {
        self.said.extend(tags.iter().map(|tag| (*tag, number)));
    }

    fn fails(&mut self, kind: Kind, number: usize) {
        self.says(b"E", number);
        match kind {
            Kind::Query | Kind::FunctionCall | Kind::Sync => self.says(b"Z", number),
            _ => self.skips = true,
        }
    }

    /// CopyGetData: Flush and Sync are ignored, whatever is unexpected fails the COPY.
    fn in_copy(&mut self, copy: usize, kind: Kind, message: Message) {
        match message {
            Message::CopyData | Message::Flush | Message::Request(Kind::Sync, _) => return,
            Message::CopyEnd(false) => {
                self.says(b"C", copy);
                if kind == Kind::Query {
                    self.says(b"Z", copy);
                }
            }
            Message::CopyEnd(true) | Message::Request(..) => self.fails(kind, copy),
        }
        self.copies = None;
    }

    fn read_outside_copy(&mut self, number: usize, message: Message) {
        let Message::Request(kind, fate) = message else { return };
        if self.skips && kind != Kind::Sync {
            return;
        }
        self.skips = false;
        if fate == Fate::Fails {
            if kind == Kind::Query {
                self.says(b"TDDC", number);
            }
            return self.fails(kind, number);
        }
        match kind {
            Kind::Parse => self.says(b"1", number),
            Kind::Bind => self.says(b"2", number),
            Kind::Close => self.says(b"3", number),
            Kind::DescribeStatement => self.says(if fate == Fate::Empty { b"tn" } else { b"tT" }, number),
            Kind::DescribePortal => self.says(if fate == Fate::Empty { b"n" } else { b"T" }, number),
            Kind::Sync => self.says(b"Z", number),
            Kind::FunctionCall => self.says(b"VZ", number),
            Kind::Execute => match fate {
                Fate::Empty => self.says(b"I", number),
                Fate::Suspended => self.says(b"DDs", number),
                Fate::CopyOut => self.says(b"HdddcC", number),
                Fate::CopyIn => self.enter_copy(kind, number),
                _ => self.says(b"DNDSC", number),
            },
            Kind::Query => match fate {
                Fate::Empty => self.says(b"IZ", number),
                Fate::CopyOut => self.says(b"TDCHdcCZ", number),
                Fate::CopyIn => self.enter_copy(kind, number),
                _ => self.says(b"TDCTNCZ", number),
            },
            Kind::CopyEnd => {}
        }
    }

    fn enter_copy(&mut self, kind: Kind, number: usize) {
        self.says(b"G", number);
        self.copies = Some((number, kind));
    }
}

const KINDS: [Kind; 9] = [
    Kind::Parse,
    Kind::Bind,
    Kind::DescribeStatement,
    Kind::DescribePortal,
    Kind::Execute,
    Kind::Close,
    Kind::Sync,
    Kind::Query,
    Kind::FunctionCall,
];

const FATES: [Fate; 8] =
    [Fate::Fine, Fate::Fine, Fate::Fine, Fate::Fails, Fate::Empty, Fate::Suspended, Fate::CopyOut, Fate::CopyIn];

/// The client's messages, COPY data where it belongs.
fn script(choices: &mut Choices<'_>) -> Vec<Message> {
    let mut messages = Vec::new();
    while !choices.ended() && messages.len() < 200 {
        let (kind, fate) = (choices.pick(&KINDS), choices.pick(&FATES));
        messages.push(Message::Request(kind, fate));
        if fate != Fate::CopyIn || !matches!(kind, Kind::Execute | Kind::Query) {
            continue;
        }
        // libpq sends the Sync of the Execute before it knows that it was COPY.
        let syncs = if kind == Kind::Execute { choices.below(3) } else { 0 };
        messages.extend((0..syncs).map(|_| Message::Request(Kind::Sync, Fate::Fine)));
        // A client that knows nothing of COPY goes on with other things.
        if kind == Kind::Execute && choices.one_in(4) {
            continue;
        }
        messages.extend((0..choices.below(3)).map(|_| Message::CopyData));
        if choices.one_in(3) {
            messages.push(Message::Flush);
        }
        messages.push(Message::CopyEnd(choices.one_in(3)));
    }
    messages.push(Message::Request(Kind::Sync, Fate::Fine));
    messages
}

pub fn sessions() -> Target {
    Target {
        name: "sessions",
        seeds: vec![
            b"\0\0\x01\0\x04\0\x06\0".to_vec(),
            b"\x04\x07\x01\x01\0\0\x06\0\x07\0".to_vec(),
            b"\x07\x07\x01\0\x01\x06\0".to_vec(),
            b"\x04\x03\x04\0\x06\0\0\0".to_vec(),
            (0..120).collect(),
        ],
        dictionary: vec![b"\x04\x07", b"\x07\x07", b"\x06\0", b"\x04\x03", b"\0\x03"],
        longest: 400,
        runs: 20_000,
        run: |input| session(&mut Choices::new(input)),
    }
}

fn session(choices: &mut Choices<'_>) -> u64 {
    let pace = choices.below(5);
    let mut pending: VecDeque<(usize, Message)> = script(choices).into_iter().enumerate().collect();
    let mut random = super::random::Random::new(pending.len() as u64 * 5 + pace as u64);
    let (mut server, mut fifo) = (Server::default(), Fifo::<usize>::default());
    // Requests that were said to get no (further) answer.
    let mut dead = HashSet::new();
    let mut trace = Vec::new();
    loop {
        let sends = if pace == 4 { true } else { random.below(4) <= pace };
        if sends && let Some((number, message)) = pending.pop_front() {
            let unanswered = match message {
                Message::Request(kind, _) => fifo.push(kind, number),
                Message::CopyEnd(_) => fifo.push(Kind::CopyEnd, number),
                Message::CopyData | Message::Flush => None,
            };
            dead.extend(unanswered);
            server.inbox.push_back((number, message));
        } else if random.below(2) == 0 {
            server.read();
        } else if let Some((tag, number)) = server.said.pop_front() {
            answer(&mut fifo, &mut dead, tag, number);
            trace.push(tag);
        } else if !server.read() && pending.is_empty() {
            break;
        }
    }
    if server.copies.is_some() {
        assert!(fifo.copying_in());
        let _ = fifo.finish();
    }
    assert!(fifo.is_empty(), "still awaited: {:?}", fifo.iter().map(|entry| entry.kind).collect::<Vec<_>>());
    trace.dedup();
    trace.truncate(6);
    saw((trace, dead.len().min(5)))
}

fn answer(fifo: &mut Fifo<usize>, dead: &mut HashSet<usize>, tag: u8, number: usize) {
    let step = fifo.on(tag);
    if matches!(tag, b'N' | b'S') {
        assert_eq!(step, Step::Async);
        return;
    }
    assert!(!dead.contains(&number), "request {number} was given up, and is answered by {:?}", char::from(tag));
    let head = fifo.head().map(|entry| entry.job);
    assert_eq!(head, Some(number), "an answer {:?} ({step:?}) to request {number}", char::from(tag));
    match step {
        Step::Part => {}
        Step::Last | Step::Ready => {
            let _ = fifo.finish();
        }
        Step::Error => dead.extend(fifo.fail().into_iter().map(|entry| entry.job)),
        Step::Async | Step::OutOfStep => panic!("{:?} to request {number} is {step:?}", char::from(tag)),
    }
}
