//! A model check of the rules by which several pgveil agree on a change of the primary key, and on when the
//! former one can be retired.
//!
//! Three processes and one database. Whatever can happen next may happen, and nothing has to: rounds that
//! are early, late or never (so notifications that are lost), values sealed, sent, committed or lost, a
//! lease that runs out, keys that are fetched late, processes that start at any time. A process that takes
//! no step stands still, for a while or for ever, which is a crash that leaves its last messages to the
//! server; so any number of pauses and crashes is looked at, of each process and between any two steps.
//! Every state that can be reached is looked at. The decisions are those of [`rules`], the functions that
//! the code asks.
//!
//! What is checked: no value is committed under the old key once its fence has passed, and a key becomes
//! primary only when every live process can open it. That the check would find a fault is shown by taking
//! one rule away at a time.
//!
//! What keeps it small, without leaving anything out:
//! - processes are alike, so a state is a multiset of them: their order is forgotten;
//! - one value is under way at a time: a value only ever holds others up (acknowledgements, the fence), so
//!   a way to a fault by one value stays one when no other is sealed. The larger check has three;
//! - what nobody asks for any more is forgotten ([`State::forget`]);
//! - time goes by in units of the lease. All limits are closed (at most the lease, at least twice the lease)
//!   and multiples of it, so whatever can be reached at any times can be reached at whole ones (Henzinger,
//!   Manna, Pnueli: What good are digital clocks?, 1992). The larger check has smaller units, and clocks that lag.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{fmt::Write as _, time::Duration};

use hashbrown::HashSet;

use super::rules;

const PROXIES: usize = 3;

/// What the keystore has said by when: the old key is primary, the new one is staged, the new one is.
const STAGED: u8 = 1;
const PROMOTED: u8 = 2;

/// The rules in force.
#[derive(Clone, Copy)]
struct Rules {
    /// A process says that it has seen an epoch when nothing under way is sealed under an earlier key.
    acknowledge_after_drain: bool,
    /// A fence waits for the transactions that are open when all have acknowledged.
    barrier: bool,
    /// A process seals and sends within its lease only.
    lease: bool,
    /// What was sealed before a lease was lost is not sent under the next one.
    term: bool,
    /// Promotion waits until the new key was fetched.
    prefetch: bool,
    /// A round says that the process lives before it reads the keystore.
    heartbeat_first: bool,
}

const ALL: Rules = Rules {
    acknowledge_after_drain: true,
    barrier: true,
    lease: true,
    term: true,
    prefetch: true,
    heartbeat_first: true,
};

/// A value under the old key on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    None,
    /// In the process.
    Sealed,
    /// Likewise, and the lease was lost since.
    Lost,
    /// In an open transaction of the server, or on its way there with its COMMIT behind it.
    Sent,
}

/// A row of `pgveil_keys.proxy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    /// Time since the heartbeat.
    silent: u8,
    /// Is [`STAGED`] fetched?
    prefetched: bool,
    /// Is [`PROMOTED`] seen?
    seen: bool,
}

/// Times are in units, and not told apart beyond [`Model::old`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Proxy {
    /// The epoch read last. None: it has only just started, or has not.
    read: Option<u8>,
    /// Time since the start of the last good round.
    age: u8,
    /// The first half of a round is done, this long after its start.
    round: Option<u8>,
    /// What a round that reads first has read.
    early: u8,
    value: Value,
    /// The fence waits for its transaction.
    held: bool,
    row: Option<Row>,
    /// Its clock lags by a unit.
    lags: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fence {
    Down,
    /// All have acknowledged; the transactions that were open then are waited for.
    Waiting,
    Passed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    epoch: u8,
    fence: Fence,
    proxies: [Proxy; PROXIES],
}

/// What happens, and what is then.
type Step = (&'static str, State);

struct Model {
    rules: Rules,
    unit: Duration,
    /// The unit from which on everything is late.
    old: u8,
    /// How many processes have a clock that lags.
    lagging: usize,
    /// How many values may be under way at a time.
    values: usize,
}

impl Row {
    fn seen_epoch(self) -> i64 {
        if self.seen { PROMOTED.into() } else { 0 }
    }
}

impl Proxy {
    fn is_behind(&self) -> bool {
        self.read.is_none_or(|read| read < PROMOTED)
    }

    /// Nothing of it can ever be written under the old key again.
    fn is_done(&self) -> bool {
        self.value == Value::None && !self.is_behind()
    }

    fn pack(self) -> u64 {
        let Row { silent, prefetched, seen } = self.row.unwrap_or_default();
        let fields: [(u8, u8); 10] = [
            (self.read.map_or(0, |read| read + 1), 2),
            (self.age, 2),
            (self.round.map_or(0, |age| age + 1), 3),
            (self.early, 2),
            (self.value as u8, 2),
            (self.held.into(), 1),
            (self.row.map_or(0, |_| silent + 1), 3),
            (prefetched.into(), 1),
            (seen.into(), 1),
            (self.lags.into(), 1),
        ];
        fields.iter().fold(0, |packed, &(field, bits)| packed << bits | u64::from(field))
    }

    fn unpack(mut packed: u64) -> Self {
        let mut field = |bits: u64| {
            let value = u8::try_from(packed & ((1 << bits) - 1)).unwrap();
            packed >>= bits;
            value
        };
        let (lags, seen, prefetched) = (field(1) == 1, field(1) == 1, field(1) == 1);
        let row = field(3).checked_sub(1).map(|silent| Row { silent, prefetched, seen });
        let held = field(1) == 1;
        let value = [Value::None, Value::Sealed, Value::Lost, Value::Sent][usize::from(field(2))];
        let (early, round, age) = (field(2), field(3).checked_sub(1), field(2));
        Self { read: field(2).checked_sub(1), age, round, early, value, held, row, lags }
    }
}

impl State {
    /// What nobody asks for any more.
    fn forget(&mut self) {
        for proxy in &mut self.proxies {
            if self.fence != Fence::Down {
                proxy.row = None;
            }
            if self.epoch == PROMOTED {
                if let Some(row) = &mut proxy.row {
                    row.prefetched = false;
                }
                proxy.read = proxy.read.map(|read| if read == PROMOTED { read } else { 0 });
            }
            if !proxy.is_behind() {
                proxy.early = 0;
                if matches!(proxy.value, Value::None | Value::Sent) {
                    proxy.age = 0;
                    proxy.round = proxy.round.map(|_| 0);
                }
            }
        }
    }

    /// In 58 bits; the same for all orders of the processes.
    fn pack(mut self) -> u64 {
        self.forget();
        let mut proxies = self.proxies.map(Proxy::pack);
        proxies.sort_unstable();
        let whole = u64::from(self.epoch) << 2 | self.fence as u64;
        proxies.iter().fold(whole, |packed, proxy| packed << 18 | proxy)
    }

    fn unpack(packed: u64) -> Self {
        let proxies = [36, 18, 0].map(|at| Proxy::unpack(packed >> at & 0x3_ffff));
        let fence = [Fence::Down, Fence::Waiting, Fence::Passed][(packed >> 54 & 3) as usize];
        Self { epoch: (packed >> 56) as u8, fence, proxies }
    }
}

impl Model {
    /// Exact, with clocks that agree.
    fn exact(rules: Rules) -> Self {
        assert_eq!(rules::DEAD_AFTER, 2 * rules::LEASE);
        Self { rules, unit: rules::LEASE, old: 2, lagging: 0, values: 1 }
    }

    /// In smaller steps, of which a clock can lag one. Not exact for times between them.
    fn finer() -> Self {
        Self { unit: Duration::from_secs(20), old: 3, ..Self::exact(ALL) }
    }

    /// Nobody has started; the old key is there.
    fn start(&self) -> State {
        let lags = |p| p < self.lagging;
        let proxy = |p| Proxy {
            read: None,
            age: self.old,
            round: None,
            early: 0,
            value: Value::None,
            held: false,
            row: None,
            lags: lags(p),
        };
        State { epoch: 0, fence: Fence::Down, proxies: std::array::from_fn(proxy) }
    }

    fn lease_holds(&self, proxy: &Proxy) -> bool {
        let age = proxy.age.saturating_sub(proxy.lags.into());
        rules::lease_holds(self.unit * age.into(), 0)
    }

    fn is_live(&self, row: Row) -> bool {
        rules::is_live(self.unit * row.silent.into())
    }

    /// Everything that can happen next, or the fault that something is.
    fn next(&self, state: &State, out: &mut Vec<Step>) -> Result<(), String> {
        if state.proxies.iter().all(Proxy::is_done) {
            return Ok(());
        }
        self.time(state, out);
        self.officer(state, out)?;
        for p in 0..PROXIES {
            // Those that are alike do alike.
            if p == 0 || state.proxies[p] != state.proxies[p - 1] {
                self.proxy(state, p, out)?;
            }
        }
        Ok(())
    }

    fn time(&self, state: &State, out: &mut Vec<Step>) {
        let mut next = *state;
        for proxy in &mut next.proxies {
            proxy.age = (proxy.age + 1).min(self.old);
            if let Some(row) = &mut proxy.row {
                row.silent = (row.silent + 1).min(self.old);
            }
            // One that stands still goes on with its round when it can.
            proxy.round = proxy.round.map(|age| (age + 1).min(self.old));
            self.lose(proxy);
        }
        out.push(("time goes by", next));
    }

    /// What was sealed stays lost when the lease is.
    fn lose(&self, proxy: &mut Proxy) {
        if proxy.value == Value::Sealed && !self.lease_holds(proxy) {
            proxy.value = Value::Lost;
        }
    }

    fn officer(&self, state: &State, out: &mut Vec<Step>) -> Result<(), String> {
        let has_row = |proxy: &&Proxy| proxy.row.is_some_and(|row| self.is_live(row));
        let live = || state.proxies.iter().filter(has_row);
        let rows = || live().filter_map(|proxy| proxy.row);
        match (state.epoch, state.fence) {
            (0, _) => out.push(("the new key is staged", State { epoch: STAGED, ..*state })),
            (STAGED, _) => {
                let prefetched = rows().map(|row| if row.prefetched { STAGED.into() } else { 0 });
                if !self.rules.prefetch || rules::may_promote(STAGED.into(), prefetched) {
                    // What a process has read it has fetched.
                    if live().any(|proxy| proxy.read.is_none_or(|read| read < STAGED)) {
                        return Err("a key becomes primary that a live process cannot open".to_owned());
                    }
                    out.push(("the new key is promoted", State { epoch: PROMOTED, ..*state }));
                }
            }
            (_, Fence::Down) if rules::all_have_seen(PROMOTED.into(), rows().map(Row::seen_epoch)) => {
                let mut next = State { fence: Fence::Waiting, ..*state };
                for proxy in &mut next.proxies {
                    proxy.held = self.rules.barrier && proxy.value == Value::Sent;
                }
                out.push(("all have acknowledged", next));
            }
            (_, Fence::Waiting) if state.proxies.iter().all(|proxy| !proxy.held) => {
                out.push(("the fence passes", State { fence: Fence::Passed, ..*state }));
            }
            _ => {}
        }
        Ok(())
    }

    fn proxy(&self, state: &State, p: usize, out: &mut Vec<Step>) -> Result<(), String> {
        let proxy = state.proxies[p];
        let mut can = |what, after| {
            let mut next = *state;
            next.proxies[p] = after;
            out.push((what, next));
        };
        let may = !self.rules.lease || self.lease_holds(&proxy);
        match proxy.value {
            Value::None => {
                let under_way = state.proxies.iter().filter(|proxy| proxy.value != Value::None).count();
                if may && proxy.read.is_some_and(|read| read < PROMOTED) && under_way < self.values {
                    can("seals", Proxy { value: Value::Sealed, ..proxy });
                }
            }
            Value::Sealed | Value::Lost => {
                if may && !(self.rules.lease && self.rules.term && proxy.value == Value::Lost) {
                    can("sends", Proxy { value: Value::Sent, ..proxy });
                }
                can("throws away what it has sealed", Proxy { value: Value::None, ..proxy });
            }
            // The server goes on with what it has, whatever the process does.
            Value::Sent if state.fence == Fence::Passed => {
                return Err("a value is committed under the old key behind the fence".to_owned());
            }
            Value::Sent => can("its transaction ends", Proxy { value: Value::None, held: false, ..proxy }),
        }
        match proxy.round {
            None if self.rules.heartbeat_first => {
                can("begins a round", Proxy { round: Some(0), row: Some(heartbeat(&proxy)), ..proxy });
            }
            None => can("begins a round", Proxy { round: Some(0), early: state.epoch, ..proxy }),
            Some(began) if self.rules.heartbeat_first => {
                can("reads the keystore", self.renewed(proxy, state.epoch, began));
            }
            Some(began) => {
                let after = self.renewed(Proxy { row: Some(heartbeat(&proxy)), ..proxy }, proxy.early, began);
                can("says that it lives", after);
            }
        }
        if let (Some(row), Some(read), None) = (proxy.row, proxy.read, proxy.round) {
            let let_go = !self.rules.acknowledge_after_drain || proxy.value == Value::None || proxy.is_behind();
            let seen = rules::acknowledged(row.seen_epoch(), read.into(), let_go) >= PROMOTED.into();
            let after = Row { silent: 0, prefetched: read >= STAGED, seen };
            if after != row {
                can("acknowledges", Proxy { row: Some(after), ..proxy });
            }
        }
        Ok(())
    }

    /// The lease counts from the start of the round.
    fn renewed(&self, mut proxy: Proxy, read: u8, began: u8) -> Proxy {
        self.lose(&mut proxy);
        Proxy { read: proxy.read.max(Some(read)), age: began, round: None, early: 0, ..proxy }
    }

    /// Looks at every state; gives how many there are, or a shortest way to a fault.
    fn check(&self) -> Result<usize, String> {
        let start = self.start().pack();
        let mut found = HashSet::new();
        found.insert(start);
        let mut list: Vec<(u64, u32, &'static str)> = vec![(start, 0, "start")];
        let (mut at, mut steps) = (0, Vec::new());
        while at < list.len() {
            let state = State::unpack(list[at].0);
            if let Err(fault) = self.next(&state, &mut steps) {
                return Err(trace(&list, at, &fault));
            }
            for (what, next) in steps.drain(..) {
                let next = next.pack();
                if found.insert(next) {
                    list.push((next, u32::try_from(at).unwrap(), what));
                }
            }
            at += 1;
        }
        Ok(list.len())
    }
}

fn heartbeat(proxy: &Proxy) -> Row {
    Row { silent: 0, ..proxy.row.unwrap_or_default() }
}

fn trace(list: &[(u64, u32, &'static str)], mut at: usize, fault: &str) -> String {
    let mut steps = Vec::new();
    while at != 0 {
        steps.push(at);
        at = list[at].1 as usize;
    }
    let mut text = String::new();
    for &at in steps.iter().rev() {
        let State { epoch, fence, proxies } = State::unpack(list[at].0);
        writeln!(text, "{}: epoch {epoch}, fence {fence:?}", list[at].2).unwrap();
        for Proxy { read, age, round, value, row, .. } in proxies {
            writeln!(text, "    read {read:?}, age {age}, round {round:?}, value {value:?}, row {row:?}").unwrap();
        }
    }
    text + fault + "\n"
}

/// Every state is looked at, of which there are so many; none is a fault.
fn holds(model: &Model, states: usize) {
    match model.check() {
        Ok(found) => {
            println!("{found} states");
            assert_eq!(found, states, "the model has changed: look whether it still says what it should");
        }
        Err(way) => panic!("{way}"),
    }
}

/// A rule is missing: what goes wrong then.
fn fault(rules: Rules) -> String {
    let way = Model::exact(rules).check().unwrap_err();
    println!("{way}");
    way
}

#[test]
fn nothing_is_committed_under_a_key_behind_its_fence_whatever_happens() {
    holds(&Model::exact(ALL), 88_340);
    // More than one at a time, to see that it changes nothing.
    holds(&Model { values: 3, ..Model::exact(ALL) }, 362_383);
    // Clocks that lag by twenty seconds of the forty that others allow for.
    holds(&Model { lagging: 3, ..Model::finer() }, 345_412);
}

#[test]
#[ignore = "half a minute without optimisation; part of make test-keys"]
fn nor_with_one_clock_that_lags_or_many_values_in_smaller_steps() {
    holds(&Model { lagging: 1, ..Model::finer() }, 947_399);
    holds(&Model { values: 3, ..Model::finer() }, 1_225_829);
}

#[test]
fn who_acknowledges_before_all_is_drained_writes_behind_the_fence() {
    assert!(fault(Rules { acknowledge_after_drain: false, ..ALL }).ends_with("behind the fence\n"));
}

#[test]
fn without_a_barrier_open_transactions_end_behind_the_fence() {
    assert!(fault(Rules { barrier: false, ..ALL }).ends_with("behind the fence\n"));
}

#[test]
fn without_a_lease_who_stood_still_writes_behind_the_fence() {
    assert!(fault(Rules { lease: false, ..ALL }).ends_with("behind the fence\n"));
}

#[test]
fn a_new_lease_must_not_revive_what_was_sealed_under_the_last() {
    assert!(fault(Rules { term: false, ..ALL }).ends_with("behind the fence\n"));
}

#[test]
fn without_prefetching_a_key_is_promoted_that_not_all_can_open() {
    assert!(fault(Rules { prefetch: false, ..ALL }).ends_with("cannot open\n"));
}

#[test]
fn who_reads_before_it_says_that_it_lives_is_not_waited_for() {
    assert!(fault(Rules { heartbeat_first: false, ..ALL }).ends_with("behind the fence\n"));
}
