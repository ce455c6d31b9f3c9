use reactive_runtime::prelude::*;

fn main() {
    let _ = pipeline! { [Ok(1), Err("no")] |> map(|x| x)?.unordered() |> count() };
}
