use reactive_runtime::prelude::*;

fn main() {
    let limit = 3;
    let _ = pipeline! { 0..9 |> filter(|x| *x < limit) |> spawn() |> count() };
}
