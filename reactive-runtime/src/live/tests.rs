use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Wake};
use std::time::Duration;

use super::*;
use crate::rate::Rate;
use crate::units::ms;

fn positive(size: &usize) -> Result<(), &'static str> {
    if *size > 0 { Ok(()) } else { Err("a size of 0 has no meaning") }
}

fn setting<T>(value: impl IntoSetting<T>) -> Setting<T> {
    value.into_setting(|_| Ok(()))
}

#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_change_is_seen_once() {
    let live = Live::new(1usize);
    let mut setting: Setting<usize> = setting(&live);
    assert_eq!((setting.get(), setting.changed()), (1, None));
    live.clone().set(2);
    live.set(3);
    assert_eq!((setting.get(), live.get()), (1, 3));
    assert_eq!((setting.changed(), setting.changed(), setting.get()), (Some(3), None, 3));
}

#[test]
fn a_fixed_value_never_changes() {
    let mut setting = setting::<usize>(7);
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!((setting.get(), setting.changed()), (7, None));
    assert!(setting.poll_changed(&mut cx).is_pending());
}

#[test]
fn wakes_who_sleeps_and_no_one_else() {
    let live = Live::new(ms(1));
    let sleeper = Arc::<Task>::default();
    let (mut sleeps, mut reads) = (setting::<Duration>(live.clone()), setting::<Duration>(&live));
    let waker = Waker::from(sleeper.clone());
    assert!(sleeps.poll_changed(&mut Context::from_waker(&waker)).is_pending());
    live.set(ms(2));
    live.set(ms(3));
    assert_eq!(sleeper.0.load(Ordering::Relaxed), 1);
    assert_eq!(sleeps.poll_changed(&mut Context::from_waker(&waker)), Poll::Ready(ms(3)));
    assert_eq!(reads.changed(), Some(ms(3)));
}

#[test]
fn leaves_nothing_behind() {
    let live = Live::new(1usize);
    let task = Arc::<Task>::default();
    let mut setting: Setting<usize> = setting(&live);
    let mut copy = setting.clone();
    for setting in [&mut setting, &mut copy] {
        let waker = Waker::from(task.clone());
        assert!(setting.poll_changed(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(Arc::strong_count(&task), 3);
    drop((setting, copy));
    assert_eq!(Arc::strong_count(&task), 1);
    assert!(live.lock().readers.is_empty());
}

#[test]
fn a_clone_sees_its_own_changes() {
    let live = Live::new(1usize);
    let mut first: Setting<usize> = setting(&live);
    live.set(2);
    let mut second = first.clone();
    assert_eq!((first.changed(), second.changed()), (Some(2), Some(2)));
}

#[test]
fn refuses_what_a_stage_can_do_nothing_with_for_as_long_as_it_is_there() {
    let live = Live::new(3usize);
    let mut setting = (&live).into_setting(positive);
    let refused = catch_unwind(AssertUnwindSafe(|| live.set(0))).unwrap_err();
    assert_eq!(refused.downcast_ref::<String>().unwrap(), "a size of 0 has no meaning");
    assert_eq!((live.get(), setting.changed()), (3, None));
    drop(setting);
    live.set(0);
    assert!(catch_unwind(AssertUnwindSafe(|| (&live).into_setting(positive))).is_err());
    assert!(catch_unwind(|| 0usize.into_setting(positive)).is_err());
}

#[test]
fn a_period_is_a_rate() {
    let period = Live::new(ms(50));
    let mut rate: Setting<Rate> = setting(&period);
    assert_eq!(rate.get(), Rate::per_second(20));
    period.set(ms(10));
    assert_eq!(rate.changed(), Some(Rate::per_second(100)));
    assert!(catch_unwind(AssertUnwindSafe(|| period.set(ms(0)))).is_err());
    assert_eq!(setting::<Rate>(ms(50)).get(), Rate::per_second(20));
}

#[test]
fn a_waker_may_use_the_value_that_wakes_it() {
    struct Sets(Live<usize>);
    impl Wake for Sets {
        fn wake(self: Arc<Self>) {
            self.0.set(self.0.get() + 1);
        }
    }
    let live = Live::new(1usize);
    let mut setting: Setting<usize> = setting(&live);
    let waker = Waker::from(Arc::new(Sets(live.clone())));
    assert!(setting.poll_changed(&mut Context::from_waker(&waker)).is_pending());
    live.set(2);
    assert_eq!(live.get(), 3);
}
