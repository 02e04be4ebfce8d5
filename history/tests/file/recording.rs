//! Recorders: one clock, one order.

use std::thread;

use history::{MemoryRecorder, Recorder, What};

#[test]
fn events_of_many_threads_stand_in_order_of_time() {
    let recorder = MemoryRecorder::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    recorder.record(What::Interrupted);
                }
            });
        }
    });
    let events = recorder.events();
    assert_eq!(events.len(), 2_000);
    assert!(events.is_sorted_by_key(|event| event.time));
    assert!(recorder.now() >= events[1_999].time);
}

#[test]
fn the_time_that_is_returned_is_the_one_written_down() {
    let recorder = MemoryRecorder::default();
    let time = recorder.record(What::Interrupted);
    assert_eq!(recorder.events()[0].time, time);
}
