//! Events of a migration: a processor listens on a bus, and answers there: `ReactiveEventProcessor`.
//! Run it with `cargo run --example event_processor`.

use reactive_runtime::event_bus::{EventBus, Inbox, InboxMonitor, PublishError, SubscribeError};
use reactive_runtime::prelude::*;
use serde::{Deserialize, Serialize};

type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// `migration.<table>`: rows were read.
#[derive(Clone, Serialize, Deserialize)]
struct RowsRead {
    table: String,
    rows: u64,
}

/// `processed.<table>`: and written.
#[derive(Serialize, Deserialize)]
struct RowsWritten {
    table: String,
    rows: u64,
}

struct ReactiveEventProcessor {
    event_bus: EventBus,
    stream_processor: StreamProcessor,
}

impl ReactiveEventProcessor {
    /// Ends when the bus is closed.
    fn process_migration_events(&self) -> impl Future<Output = Fallible<()>> + Send + 'static {
        pipeline! {
            self.event_bus.subscribe::<RowsRead>("migration.*")
                |> catch(|error: SubscribeError| match error {
                    SubscribeError::Decode(error) => {
                        println!("skipped: {error}");
                        Ok(Recover::Skip)
                    }
                    fatal => Recover::Fail(fatal),
                })
                |> fails_with::<Box<dyn std::error::Error + Send + Sync>>()
                |> process(&self.stream_processor, Self::process_event)
                |> publish_by(&self.event_bus, |event| format!("processed.{}", event.table))
        }
    }

    async fn process_event(event: RowsRead) -> RowsWritten {
        tokio::task::yield_now().await;
        RowsWritten { table: event.table, rows: event.rows - 1 }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Fallible<()> {
    let (bus, monitor) = (EventBus::new(), InboxMonitor::new());
    let bus = bus.restrict_to(["migration.*", "processed.*"])?;
    let stream_processor = StreamProcessor::default();
    let processor = ReactiveEventProcessor { event_bus: bus.clone(), stream_processor };
    let processing = tokio::spawn(processor.process_migration_events());

    // A dashboard wants the newest events, and must hold up nobody.
    let inbox = Inbox::of(8).drop_oldest().monitor(&monitor);
    let dashboard = tokio::spawn(pipeline! {
        bus.subscribe_with::<RowsWritten>("processed.>", inbox)
            |> map(|event| println!("{}: {} rows", event.table, event.rows))
            |> take(3)
            |> count()
    });

    for (table, rows) in [("users", 3), ("orders", 40), ("planes", 500)] {
        bus.publish(format!("migration.{table}"), &RowsRead { table: table.into(), rows }).await?;
    }
    bus.publish("migration.users", "not an event of this kind").await?;
    let misspelt: Result<usize, PublishError> = bus.publish("migratoin.users", "lost?").await;
    println!("refused: {}", misspelt.expect_err("the bus knows its topics"));

    assert_eq!(dashboard.await??, 3);
    bus.close();
    processing.await??;
    println!("{}", processor.stream_processor.metrics());
    println!("{:?}", monitor.counts());
    Ok(())
}
