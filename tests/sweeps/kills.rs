//! SIGKILL for proxies, workers and the server, at points of the work that a seed chooses.

use std::time::{Duration, Instant};

use crate::{clients::Failure, dice::Dice, house::House};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    Proxy(usize),
    Worker(usize),
    /// All processes of the server.
    Server,
    /// One of its processes, which makes it end all connections and recover.
    Backend,
}

/// A kill and the time until its victim was back.
#[derive(Clone, Debug)]
pub struct Kill {
    pub victim: Victim,
    pub from: Instant,
    pub to: Instant,
}

/// How long after somebody is back an error may still be told of the time before.
const GRACE: Duration = Duration::from_secs(2);

impl Kill {
    /// Does it explain that a client's connection failed?
    fn explains(&self, failure: &Failure) -> bool {
        let its_own = match self.victim {
            Victim::Proxy(number) => number == failure.proxy,
            Victim::Worker(_) => false,
            Victim::Server | Victim::Backend => true,
        };
        its_own && failure.is_of_the_connection() && (self.from..self.to + GRACE).contains(&failure.at)
    }
}

/// What is to be killed when: shares of the work, in order.
pub fn plan(dice: &mut Dice, kills: usize, proxies: usize, workers: usize) -> Vec<(f64, Victim)> {
    let mut points: Vec<f64> = (0..kills).map(|_| 0.02 + 0.9 * dice.share()).collect();
    points.sort_by(f64::total_cmp);
    // Each kind as often as the others, in an order by chance.
    let mut victims: Vec<Victim> = (0..kills)
        .map(|number| match number % 4 {
            0 => Victim::Worker(dice.roll(workers)),
            1 => Victim::Proxy(dice.roll(proxies)),
            2 => Victim::Server,
            _ => Victim::Backend,
        })
        .collect();
    for last in (1..victims.len()).rev() {
        victims.swap(last, dice.roll(last + 1));
    }
    points.into_iter().zip(victims).collect()
}

/// Kills one, lets the others go on for a moment, and starts it again.
pub fn kill(house: &House, victim: Victim, dice: &mut Dice) -> Kill {
    let from = Instant::now();
    let moment = Duration::from_millis(dice.roll(700) as u64);
    match victim {
        Victim::Proxy(number) => {
            house.kill_proxy(number);
            std::thread::sleep(moment);
            house.start_proxy(number);
        }
        Victim::Worker(number) => house.replace_worker(number, 1),
        Victim::Server => house.server.as_ref().unwrap().kill_and_restart(),
        Victim::Backend => house.server.as_ref().unwrap().kill_backend(|n| dice.roll(n)),
    }
    Kill { victim, from, to: Instant::now() }
}

/// What clients saw and no kill explains.
pub fn unexplained<'a>(failures: impl IntoIterator<Item = &'a Failure>, kills: &[Kill]) -> Vec<&'a Failure> {
    let explained = |failure: &Failure| kills.iter().any(|kill| kill.explains(failure));
    failures.into_iter().filter(|failure| !explained(failure)).collect()
}
