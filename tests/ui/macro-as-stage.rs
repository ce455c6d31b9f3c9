use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3 |> double!() |> count() };
}
