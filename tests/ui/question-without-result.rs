use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { 0..3u32 |> map(|x| x + 1)? |> count() };
}
