//! A pipeline that Prometheus watches: two lines, the exporter and `watch = Metrics`. The example scrapes itself.
//!
//! `cargo run --example prometheus`

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use reactive_runtime::prelude::*;
use reactive_runtime::watch::Metrics;
use tokio::time::sleep;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = free_address()?;
    PrometheusBuilder::new().with_http_listener(address).install()?;

    let enrich = async |id: u32| {
        sleep(Duration::from_millis(5)).await;
        id
    };
    let save = async |_: Vec<u32>| sleep(Duration::from_millis(20)).await;
    pipeline! {
        "users", watch = Metrics:
        0..200u32 |> map_async(enrich, concurrency = 8) |> batch(20) |> for_each_async(save)
    }
    .await;

    let scraped = tokio::task::spawn_blocking(move || scrape(address)).await??;
    let ours: Vec<_> = scraped.lines().filter(|line| line.starts_with("pipeline")).collect();
    println!("{}", ours.join("\n"));
    let expected = r#"pipeline_items_total{pipeline="users",stage="map_async",line="27"} 200"#;
    assert!(ours.contains(&expected), "{expected} was not scraped");
    Ok(())
}

/// An address at which nobody listens.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// What Prometheus would read.
fn scrape(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
