use reactive_runtime::prelude::*;

async fn write(x: u32) -> Result<(), String> {
    Err(x.to_string())
}

fn main() {
    let _ = pipeline! { [1u32, 2] |> for_each_async(write) };
}
