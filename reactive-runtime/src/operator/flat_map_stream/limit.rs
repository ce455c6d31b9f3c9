use crate::live::{IntoSetting, Setting};

/// How many sources may be open at a time: a number, or a [`Live`](crate::Live) one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number of sources",
    label = "expected a `usize`, or a `Live` one",
    note = "one that is found out, `adaptive(1..=256)`, is for calls, whose time tells of the service; a source is open for as long \
            as its items are taken. Where the opening takes its time, write \
            `map_async(open, concurrency = adaptive(1..=256)) |> flat_map_stream(|source| source, concurrency = 8)`"
)]
pub trait SourceCount {
    /// The limit that the stage keeps.
    ///
    /// # Panics
    ///
    /// If it is 0.
    #[track_caller]
    fn into_limit(self) -> Setting<usize>;
}

#[diagnostic::do_not_recommend]
impl<N: IntoSetting<usize>> SourceCount for N {
    #[track_caller]
    fn into_limit(self) -> Setting<usize> {
        self.into_setting(|limit| match limit {
            0 => Err("0 sources at a time have no meaning: `concurrency` takes at least 1"),
            _ => Ok(()),
        })
    }
}
