use reactive_runtime::prelude::*;

fn main() {
    let (sender, _receiver) = tokio::sync::mpsc::channel::<u32>(8);
    let _ = pipeline! { 0..3u32 |> send_to(sender) };
}
