use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3 |> map(|x| x + 1).filter(|x| x % 2 == 0) |> count() };
}
