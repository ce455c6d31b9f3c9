/// What an item counts.
pub trait Weigh<T> {
    /// Asked once for each item.
    fn weigh(&mut self, item: &T) -> u64;
}

/// An item counts as one.
#[derive(Clone, Copy, Debug, Default)]
pub struct One;

/// A `Vec` counts as the items that are in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Len;

/// An item counts as what a closure says: made by [`Staged::cost`](crate::Staged::cost).
#[derive(Clone, Copy, Debug)]
pub struct By<F, C> {
    cost: F,
    // What it asks of `C` is asked for where the option is named, so that a mistake is told there and once.
    into_weight: fn(C) -> u64,
}

impl<F, C: Weight> By<F, C> {
    pub(super) fn new(cost: F) -> Self {
        Self { cost, into_weight: C::into_weight }
    }
}

impl<T> Weigh<T> for One {
    #[inline(always)]
    fn weigh(&mut self, _: &T) -> u64 {
        1
    }
}

impl<T> Weigh<Vec<T>> for Len {
    fn weigh(&mut self, items: &Vec<T>) -> u64 {
        items.len() as u64
    }
}

impl<T, C, F: FnMut(&T) -> C> Weigh<T> for By<F, C> {
    #[inline(always)]
    fn weigh(&mut self, item: &T) -> u64 {
        (self.into_weight)((self.cost)(item))
    }
}

/// What the closure of [`cost`](crate::Staged::cost) may give: any whole number.
///
/// # Panics
///
/// If the number is negative.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no cost of an item",
    label = "the cost of an item is a whole number",
    note = "any integer will do; where only proportions matter, scale them: a cost of 1.5 at `10/s` is one of 15 at `100/s`"
)]
pub trait Weight {
    /// As how many items it counts.
    fn into_weight(self) -> u64;
}

macro_rules! weights {
    ($($int:ty)*) => {$(
        impl Weight for $int {
            #[inline(always)]
            fn into_weight(self) -> u64 {
                u64::try_from(self).expect("the cost of an item is not negative and fits in 64 bits")
            }
        }
    )*};
}
// Also the signed ones: an integer of which nothing else is known is an `i32`.
weights!(u8 u16 u32 u64 usize i32 i64);
