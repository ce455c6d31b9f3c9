//! The snippets of the original Python design, as they are written here.

use std::time::SystemTime;

use reactive_runtime::prelude::*;

mod basic_stream_processing {
    use super::*;

    #[derive(Clone)]
    struct Item {
        id: u32,
        data: String,
    }

    #[derive(Debug)]
    struct Processed {
        id: u32,
        processed_data: String,
        timestamp: SystemTime,
    }

    // Define data source
    fn data_source() -> Pipe<impl Flow<Item = Item, Error = std::convert::Infallible>> {
        pipeline! { 0..1000 |> map(|i| Item { id: i, data: format!("item_{i}") }) }
    }

    // Define processor function
    fn process_item(item: Item) -> Processed {
        Processed { id: item.id, processed_data: item.data.to_uppercase(), timestamp: SystemTime::now() }
    }

    // Process stream
    #[tokio::test(start_paused = true)]
    async fn main() -> Result<(), Box<dyn std::error::Error>> {
        // Configure stream processor
        let config = StreamConfig {
            buffer_size: 1000,
            max_concurrent_operations: 10,
            batch_size: 100,
            enable_metrics: true,
            ..Default::default()
        };

        let processor = StreamProcessor::new(config)?;

        processor.start().await?;

        let mut results = processor.process_stream(data_source(), process_item);
        let mut count = 0;
        while let Some(result) = futures::TryStreamExt::try_next(&mut results).await? {
            let Processed { id, processed_data, timestamp } = result;
            assert_eq!((id, processed_data), (count, format!("ITEM_{count}")));
            assert!(timestamp <= SystemTime::now());
            count += 1;
        }

        let report = processor.stop().await;

        assert_eq!((count, report.metrics.items_processed), (1000, 1000));
        assert!(report.is_clean());
        Ok(())
    }
}
