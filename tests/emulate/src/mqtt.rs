//! One MQTT 3.1.1 publish with acknowledgement, written out byte by byte: enough to show that a broker is reached.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::failure::Failure;
use crate::options::Options;
use crate::report::Report;

/// How long each answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connects, publishes with `QoS` 1, waits for the acknowledgement, disconnects.
pub(crate) fn ping(options: &Options) -> Result<Report, Failure> {
    let address = SocketAddr::new(options.value::<IpAddr>("addr")?, options.value("port")?);
    let publish = publish(options.required("topic")?, options.required("payload")?)?;
    let report = Report::start("mqtt-ping");
    let mut stream =
        TcpStream::connect_timeout(&address, PATIENCE).map_err(Failure::peer("broker not reached"))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(Failure::peer("no time limit on the connection"))?;
    // CONNECT: protocol MQTT level 4, clean session, keep-alive 60 s, client id "edge-ping".
    exchange(&mut stream, b"\x10\x15\0\x04MQTT\x04\x02\0\x3c\0\x09edge-ping", [0x20, 2, 0, 0])?;
    exchange(&mut stream, &publish, [0x40, 2, 0, 1])?;
    stream.write_all(&[0xe0, 0]).map_err(Failure::peer("broker hung up"))?;
    Ok(report.count("published", 1))
}

/// A PUBLISH packet, `QoS` 1, packet id 1; it must fit the one-byte length (127 bytes).
fn publish(topic: &str, payload: &str) -> Result<Vec<u8>, Failure> {
    let len = 2 + topic.len() + 2 + payload.len();
    if len > 127 {
        return Err(Failure::Usage(format!("topic and payload of {len} bytes exceed 127")));
    }
    let mut packet = vec![0x32, len as u8, 0, topic.len() as u8];
    packet.extend_from_slice(topic.as_bytes());
    packet.extend_from_slice(&[0, 1]);
    packet.extend_from_slice(payload.as_bytes());
    Ok(packet)
}

/// Sends a packet and checks the four bytes of its answer.
fn exchange(stream: &mut TcpStream, packet: &[u8], wanted: [u8; 4]) -> Result<(), Failure> {
    stream.write_all(packet).map_err(Failure::peer("broker hung up"))?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).map_err(Failure::peer("broker gave no answer"))?;
    if answer == wanted {
        return Ok(());
    }
    Err(Failure::Peer {
        problem: format!("broker answered {answer:02x?} instead of {wanted:02x?}"),
        source: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_has_the_bytes_of_the_standard() {
        assert_eq!(publish("a/b", "x").unwrap(), b"\x32\x08\0\x03a/b\0\x01x");
        assert!(publish("t", &"x".repeat(200)).is_err());
    }
}
