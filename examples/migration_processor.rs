//! Users of an old system, transformed and validated on the threads of a transformer: `ReactiveMigrationProcessor`.
//! Run it with `cargo run --example migration_processor`.

use futures::Stream;
use reactive_runtime::ConfigError;
use reactive_runtime::prelude::*;
use reactive_runtime::processor::ProcessError;
use reactive_runtime::transformer::Rules;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct User {
    id: u32,
    email: String,
}

struct DataTransformer;

impl DataTransformer {
    fn transform_user(user: User) -> User {
        User { email: user.email.trim().to_lowercase(), ..user }
    }

    /// All that is wrong with a user is told, not only the first of it.
    fn rules() -> Rules<User> {
        Rules::new()
            .rule("id", |user: &User| user.id > 0)
            .rule("email", |user| if user.email.contains('@') { Ok(()) } else { Err("it has no `@`") })
    }
}

struct ReactiveMigrationProcessor {
    reactive_transformer: ReactiveTransformer,
}

impl ReactiveMigrationProcessor {
    fn new() -> Result<Self, ConfigError> {
        let reactive_transformer = ReactiveTransformer::new(
            StreamConfig { buffer_size: 5000, ..Default::default() },
            BackpressureConfig { strategy: BackpressureStrategy::Adaptive, ..Default::default() },
            TransformationConfig::default(),
        )?;
        reactive_transformer.add_error_handler(|failure| println!("left behind: {failure}"));
        Ok(Self { reactive_transformer })
    }

    fn migrate_users(
        &self,
        users: impl Stream<Item = User>,
    ) -> impl Stream<Item = Result<User, ProcessError<User>>> {
        let rules = DataTransformer::rules();
        let users = Pipe::from_stream(users);
        self.reactive_transformer
            .transform_stream(users, DataTransformer::transform_user, move |user| rules.check(user))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let migration = ReactiveMigrationProcessor::new()?;
    let old = |id| User {
        id,
        email: if id % 100 == 0 { "nobody".into() } else { format!(" User{id}@Old.EXAMPLE") },
    };
    let users = futures::stream::iter((0..1000).map(old));
    let migrated = pipeline! { migration.migrate_users(users) |> or_fail() |> collect::<Vec<_>>() }.await?;
    println!("the last one is {:?}", migrated.last());
    println!("{}", migration.reactive_transformer.stop().await);
    // Number 0 breaks both rules, and nine more one of them.
    assert_eq!((migrated.len(), migration.reactive_transformer.metrics().items_invalid), (990, 10));
    Ok(())
}
