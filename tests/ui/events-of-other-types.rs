use reactive_runtime::event_bus::EventBus;
use reactive_runtime::prelude::*;

struct Secret;

fn main() {
    let bus = EventBus::new();
    let _ = pipeline! { bus.subscribe::<Secret>("users.*") |> count() };
    let _ = bus.subscribe::<u32>(7);
    let _ = bus.publish(7, "text");
    let _ = pipeline! { [Secret] |> publish_to(&bus, "users.named") };
    let _ = pipeline! { 0..3 |> publish_to(&bus, Some("users.named")) };
}
