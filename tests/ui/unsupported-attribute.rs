use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3 |> #[cfg(test)] map(|x| x + 1) |> count() };
}
