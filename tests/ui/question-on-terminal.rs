use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3 |> map(|x| x + 1) |> fold(0, |a, x| a + x)? };
}
