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

mod reactive_transformation {
    use super::*;

    #[derive(Clone, PartialEq, Eq, Hash)]
    struct User {
        user_id: u32,
        data: String,
    }

    #[derive(Clone, Debug)]
    struct TransformedUser {
        user_id: u32,
        transformed_data: String,
        processed_at: SystemTime,
    }

    // Define transformation pipeline
    #[tokio::test]
    async fn transform_data() -> Result<(), Box<dyn std::error::Error>> {
        // Configure components
        let stream_config = StreamConfig { buffer_size: 500, batch_size: 50, ..Default::default() };
        let backpressure_config =
            BackpressureConfig { strategy: BackpressureStrategy::Adaptive, ..Default::default() };
        let transformation_config = TransformationConfig {
            max_workers: 4,
            enable_caching: true,
            enable_validation: true,
            ..Default::default()
        };

        let transformer =
            ReactiveTransformer::new(stream_config, backpressure_config, transformation_config)?;

        let source = pipeline! { 0..10_000 |> map(|i| User { user_id: i, data: format!("user_data_{i}") }) };

        fn transform_user(user: User) -> TransformedUser {
            TransformedUser {
                user_id: user.user_id,
                transformed_data: user.data.replace('_', "-"),
                processed_at: SystemTime::now(),
            }
        }

        fn validate_user(user: &TransformedUser) -> bool {
            !user.transformed_data.is_empty()
        }

        let mut results = transformer.transform_stream(source, transform_user, validate_user);
        let mut count = 0;
        while let Some(result) = futures::TryStreamExt::try_next(&mut results).await? {
            let TransformedUser { user_id, transformed_data, processed_at } = result;
            assert_eq!((user_id, transformed_data), (count, format!("user-data-{count}")));
            assert!(processed_at <= SystemTime::now());
            count += 1;
        }
        assert_eq!((count, transformer.metrics().cache.misses), (10_000, 10_000));
        Ok(())
    }
}
