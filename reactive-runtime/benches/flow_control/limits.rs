//! What no controller can be better than, unless it knows the future: how long items wait at a given use of a server of
//! 500 items a second.

/// How items come, and how even the work is.
const KINDS: [(&str, fn(f64) -> (f64, f64)); 3] =
    [("at random, M/M/1", random), ("paced, D/M/1", paced), ("at random, M/M/4", four_servers)];
const RATE: f64 = 500.0;

pub(crate) fn print() {
    println!("Mean and 99th percentile of the wait in ms, of items that come by a rate alone:\n");
    println!("{:20}{:>14}{:>14}{:>14}{:>14}", "", "80 %", "90 %", "95 %", "98 %");
    for (name, wait) in KINDS {
        print!("{name:20}");
        for used in [0.80, 0.90, 0.95, 0.98] {
            let (mean, late) = wait(used);
            print!("{:>14}", format!("{:.1} / {:.0}", 1e3 * mean, 1e3 * late));
        }
        println!();
    }
}

/// P(W > t) = rho e^(-mu (1 - rho) t).
fn random(used: f64) -> (f64, f64) {
    exponential_tail(used, used)
}

/// The same with sigma = e^(-(1 - sigma) / rho) for rho.
fn paced(used: f64) -> (f64, f64) {
    let sigma = (0..2000).fold(0.5, |sigma: f64, _| (-(1.0 - sigma) / used).exp());
    exponential_tail(sigma, sigma)
}

/// Erlang C: who has to wait at all.
fn four_servers(used: f64) -> (f64, f64) {
    let offered = 4.0 * used;
    let below: f64 =
        [1.0, 1.0, 2.0, 6.0].into_iter().zip(0..).map(|(factorial, k)| offered.powi(k) / factorial).sum();
    let all = offered.powi(4) / 24.0 / (1.0 - used);
    exponential_tail(all / (below + all), used)
}

fn exponential_tail(waits: f64, used: f64) -> (f64, f64) {
    let decay = RATE * (1.0 - used);
    (waits / decay, (100.0 * waits).ln().max(0.0) / decay)
}
