//! Events of `tracing`.

/// An event of `tracing`, with the level, the fields and the message of `tracing::event!`; nothing without that feature.
macro_rules! event {
    ($($event:tt)*) => {
        #[cfg(feature = "tracing")]
        ::tracing::event!($($event)*);
    };
}

pub(crate) use event;
