//! The flow-control algorithms against a real service: a TCP server on this machine whose capacity changes, 500 requests a
//! second, then 200, then 800, and whose answers take 10 ms to come. The pipeline does not know any of that.
//!
//! `cargo run --release --example flow_control_tcp`; the seconds for each capacity can follow, as in `-- 10`. It takes
//! eight times three times as long, in real time.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reactive_runtime::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, tcp::OwnedWriteHalf};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

const CAPACITIES: [u32; 3] = [500, 200, 800];
const DISTANCE: Duration = Duration::from_millis(10);

#[tokio::main]
async fn main() -> io::Result<()> {
    let seconds: u32 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5);
    let phase = Duration::from_secs(seconds.into());
    println!("{:26} {:>6} {:>13} {:>13} {:>14}", "", "used", "median wait", "p99 of waits", "most in flight");
    for concurrency in [8, 1000] {
        let (service, end) = Service::start(phase).await?;
        let call = |_| service.call();
        pipeline! {
            0u64.. |> map_async(call, concurrency = concurrency).unordered() |> take_until(sleep_until(end)) |> drain()
        }
        .await;
        service.report(&format!("{concurrency} in flight, fixed"), seconds);
    }
    for algorithm in CongestionAlgorithm::ALL {
        let (service, end) = Service::start(phase).await?;
        let call = |_| service.call();
        pipeline! {
            0u64.. |> map_async(call, flow_control = algorithm).unordered() |> take_until(sleep_until(end)) |> drain()
        }
        .await;
        service.report(algorithm.name(), seconds);
    }
    Ok(())
}

/// The client: requests go out and answers come in over one connection, in order.
struct Service {
    requests: AsyncMutex<OwnedWriteHalf>,
    pending: Arc<Mutex<VecDeque<oneshot::Sender<Duration>>>>,
    waits: Mutex<Vec<Duration>>,
    most_in_flight: AtomicUsize,
}

impl Service {
    /// Starts a server and connects; tells when the last phase ends.
    async fn start(phase: Duration) -> io::Result<(Self, Instant)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let start = Instant::now();
        let address = listener.local_addr()?;
        tokio::spawn(serve(listener, start, phase));
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut answers, requests) = stream.into_split();
        let pending = Arc::<Mutex<VecDeque<oneshot::Sender<Duration>>>>::default();
        let waiting = pending.clone();
        tokio::spawn(async move {
            while let Ok(micros) = answers.read_u64().await {
                let caller = waiting.lock().expect("nobody panics").pop_front();
                // One that was dropped does not want to know.
                let _ = caller.expect("an answer has a request").send(Duration::from_micros(micros));
            }
        });
        let (waits, most_in_flight) = (Mutex::default(), AtomicUsize::new(0));
        Ok((Self { requests: AsyncMutex::new(requests), pending, waits, most_in_flight }, start + 3 * phase))
    }

    async fn call(&self) {
        let (sender, answer) = oneshot::channel();
        {
            let mut requests = self.requests.lock().await;
            self.expect_answer(sender);
            requests.write_u64(1).await.expect("the server listens");
        }
        let wait = answer.await.expect("the server answers");
        self.waits.lock().expect("nobody panics").push(wait);
    }

    fn expect_answer(&self, sender: oneshot::Sender<Duration>) {
        let mut pending = self.pending.lock().expect("nobody panics");
        pending.push_back(sender);
        self.most_in_flight.fetch_max(pending.len(), Ordering::Relaxed);
    }

    fn report(&self, name: &str, seconds: u32) {
        let mut waits = self.waits.lock().expect("nobody panics");
        waits.sort();
        let used = 100.0 * waits.len() as f64 / f64::from(seconds * CAPACITIES.iter().sum::<u32>());
        let [median, p99] = [50, 99].map(|percent| waits[waits.len() * percent / 100].as_millis());
        let most = self.most_in_flight.load(Ordering::Relaxed);
        println!("{name:26} {used:5.1}% {median:10} ms {p99:10} ms {most:14}");
    }
}

/// One server, which does the requests one after the other, and says how long each has waited.
async fn serve(listener: TcpListener, start: Instant, phase: Duration) -> io::Result<()> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let (mut requests, mut answers) = stream.into_split();
    let (done, mut to_send) = mpsc::unbounded_channel::<(Instant, Duration)>();
    tokio::spawn(async move {
        while let Some((at, wait)) = to_send.recv().await {
            sleep_until(at).await;
            answers.write_u64(wait.as_micros() as u64).await?;
        }
        io::Result::Ok(())
    });
    let mut free_at = start;
    while requests.read_u64().await.is_ok() {
        let now = Instant::now();
        let begin = free_at.max(now);
        let number = (begin - start).div_duration_f64(phase) as usize;
        free_at = begin + Duration::from_secs(1) / CAPACITIES[number.min(2)];
        if done.send((free_at + DISTANCE, begin - now)).is_err() {
            break;
        }
    }
    Ok(())
}
