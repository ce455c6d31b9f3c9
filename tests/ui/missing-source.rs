use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { |> map(|x: u8| x + 1) |> count() };
}
