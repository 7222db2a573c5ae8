//! The link against the real Mosquitto, on loopback.
//!
//! Without the test harness, because it starts threads and what is counted here is this process' own: `one_thread` and the
//! wake-ups of an idle connection. Needs `mosquitto` in the path; says so and fails when it is missing.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test program: a failed assertion and a printed line are its product"
)]

mod broker;
mod collector;
mod faults;
mod flood;
mod idle;
mod killed;
mod proxy;
mod refused;
mod restarts;
mod rogue;
#[cfg(feature = "spool")]
mod spool;
mod status;
mod subscriber;
mod support;

/// The tests by name, in the order they run.
const TESTS: &[(&str, fn())] = &[
    ("idle_has_one_thread_and_no_wake_ups", idle::one_thread_and_no_wake_ups),
    ("a_mute_broker_is_left_in_time", idle::a_mute_broker_is_left_in_time),
    ("a_frozen_broker_is_noticed_in_time", idle::a_frozen_broker_is_noticed_in_time),
    ("every_verdict_survives_a_broker_restart", killed::every_verdict_arrives),
    ("fifty_restarts_cost_no_verdict", restarts::fifty_restarts_cost_no_verdict),
    ("a_flood_is_shed_and_the_books_balance", flood::a_flood_is_shed_and_the_books_balance),
    ("a_dead_broker_gives_way_to_the_next", refused::the_next_broker_is_tried),
    ("a_refusal_is_explained", refused::a_refusal_is_explained),
    ("a_black_hole_is_found_and_costs_nothing", faults::a_black_hole_is_found_and_costs_nothing),
    ("a_slow_link_is_kept", faults::a_slow_link_is_kept),
    (
        "a_link_that_is_cut_again_and_again_loses_nothing",
        faults::a_link_that_is_cut_again_and_again_loses_nothing,
    ),
    ("half_a_link_is_none", faults::half_a_link_is_none),
    ("a_broker_that_talks_nonsense_is_left_and_named", rogue::a_broker_that_talks_nonsense_is_left_and_named),
    ("each_refusal_is_explained", rogue::each_refusal_is_explained),
    ("a_broker_that_never_pauses_starves_nobody", rogue::a_broker_that_never_pauses_starves_nobody),
    ("a_mute_broker_gives_way_to_the_next", rogue::a_mute_broker_gives_way_to_the_next),
    ("a_forbidden_topic_makes_no_loop", refused::a_forbidden_topic_makes_no_loop),
    ("status_follows_the_connection", status::status_follows_the_connection),
    #[cfg(feature = "spool")]
    ("a_silent_week_is_replayed_after_a_crash", spool::a_silent_week_is_replayed_after_a_crash),
    #[cfg(feature = "spool")]
    ("replay_leaves_room_for_what_is_new", spool::replay_leaves_room_for_what_is_new),
    #[cfg(feature = "spool")]
    ("a_slow_link_spills_what_matters_least", spool::a_slow_link_spills_what_matters_least),
    #[cfg(feature = "spool")]
    ("what_the_spool_refuses_stays_in_memory", spool::what_the_spool_refuses_stays_in_memory),
    #[cfg(feature = "spool")]
    ("a_stop_keeps_what_was_not_delivered", spool::a_stop_keeps_what_was_not_delivered),
];

fn main() {
    // `cargo test NAME` filters; the flags of the harness are not ours.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut passed = 0;
    for (name, test) in TESTS {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            test();
            println!("test {name} ... ok");
            passed += 1;
        }
    }
    // The harness's line, which sums are made of; a failed test has ended the program before.
    println!("test result: ok. {passed} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}
