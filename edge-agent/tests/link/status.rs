//! What subscribers learn about the agent itself, and commands.

use super::broker::Mosquitto;
use super::subscriber::Subscriber;
use super::support::{TestPort, options, topic, until, verdict};
use edge_agent::publish::{Channel, run};
use edge_agent::rt::{self, Runtime};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Packet, Publish};
use std::cell::RefCell;
use std::time::Duration;

/// Online on connecting, replaced by a posted one, offline on a clean stop, and the last will when the link vanishes.
/// Beside it: a heartbeat goes out, a command comes in and its reply goes out.
pub(crate) fn status_follows_the_connection() {
    let broker = Mosquitto::start("");
    let mut other_end = Subscriber::new(broker.port, "edge-watcher", &topic("#")).unwrap();
    let options = options(&[broker.port]);
    let commands = RefCell::new(Vec::new());

    let port = TestPort::new();
    let runtime = Runtime::new().unwrap();
    let mut on_command = |payload: &[u8]| {
        commands.borrow_mut().push(payload.to_vec());
        port.post(Channel::Reply, b"done").unwrap();
    };
    let script = async {
        until("a connection", || port.counters().connected).await;
        port.post(Channel::Health, b"stale").unwrap();
        port.post(Channel::Health, b"heart").unwrap();
        // Channels are not ordered among each other, and a status waits for the acknowledgement of the previous one.
        rt::sleep(Duration::from_millis(200)).await.unwrap();
        port.post(Channel::Status, b"degraded").unwrap();
        rt::sleep(Duration::from_millis(200)).await.unwrap();
        port.admit(&verdict(9));
        until("an acknowledgement", || port.counters().acknowledged == 1).await;
        let mut command = Publish::new(topic("command"), QoS::AtLeastOnce, "reload");
        command.pkid = 3;
        other_end.send(&Packet::Publish(command)).unwrap();
        until("the command", || !commands.borrow().is_empty()).await;
        rt::sleep(Duration::from_millis(200)).await.unwrap();
        port.stop();
    };
    let link = async { run(&port, &options, &mut on_command).await.unwrap() };
    runtime.block_on(async { futures_lite::future::zip(link, script).await }).unwrap();
    drop(runtime);
    assert_eq!(commands.borrow().as_slice(), [b"reload".to_vec()]);
    let told: Vec<String> = (0..6).map(|_| other_end.text()).collect();
    assert_eq!(told[..2], ["online", "heart"], "{told:?}");
    assert_eq!(told[2], "degraded");
    assert!(told[3].starts_with('\u{9}'), "{told:?}");
    // Our own subscription brings the command back to the watcher as well, in either order with the reply.
    assert!(told[4..].contains(&"done".to_owned()) && told[4..].contains(&"reload".to_owned()), "{told:?}");
    assert_eq!(other_end.text(), "offline");

    vanish(&options);
    assert_eq!(other_end.text(), "online");
    assert_eq!(other_end.text(), "lost");
    let mut late = Subscriber::new(broker.port, "edge-late", &topic("status")).unwrap();
    let retained = late.next(Duration::from_secs(5)).unwrap();
    assert!(retained.retain && retained.payload.as_ref() == b"lost");
}

/// Connects and drops the connection without a word.
fn vanish(options: &edge_agent::publish::Options) {
    let port = TestPort::new();
    let runtime = Runtime::new().unwrap();
    let mut ignore = |_: &[u8]| {};
    let link = async {
        run(&port, options, &mut ignore).await.unwrap();
    };
    let script = async {
        until("a connection", || port.counters().connected).await;
        rt::sleep(Duration::from_millis(100)).await.unwrap();
    };
    runtime.block_on(futures_lite::future::or(link, script)).unwrap();
}
