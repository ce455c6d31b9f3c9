use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [Ok(1), Err("no")] |> or_fail() |> catch(|_| 7) |> count() };
}
